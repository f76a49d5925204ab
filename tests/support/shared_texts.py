"""Samples of the public sets in ``../shared/data``, evenly over each; skips the test that asks where they are not."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from appliance.config import CHECKOUT
from appliance.evaluation.reading import read_labelled
from appliance.evaluation.records import Labelled

T = TypeVar("T")

DATA = CHECKOUT.parent / "shared" / "data"


def labelled(name: str, count: int) -> list[Labelled]:
    """Return labelled texts of one set."""
    return _some(read_labelled(_file(f"phi/{name}.jsonl").read_bytes(), name=name), count)


def aci_notes(count: int) -> list[str]:
    """Return visit notes of ACI-Bench (CC BY 4.0)."""
    return _some([row["note"] for row in _rows(_file("clinical/aci-bench/valid.csv"))], count)


def medec_notes(count: int) -> list[str]:
    """Return exam-like notes of MEDEC (CC BY 4.0)."""
    file = _file("clinical/medec/MEDEC-MS-ValidationSet-with-GroundTruth-and-ErrorType.csv")
    return _some([row["Text"] for row in _rows(file)], count)


def bundles(count: int) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return the Patient of Synthea bundles, each with all resources of its bundle."""
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for file in sorted(_file("fhir").glob("[A-Z]*.json"), key=lambda each: each.stat().st_size)[:count]:
        resources = [entry["resource"] for entry in json.loads(file.read_text())["entry"]]
        patient = next(each for each in resources if each["resourceType"] == "Patient")
        found.append((patient, resources))
    return found


def one_of_each_type(resources: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the first resource of each type."""
    return list({each["resourceType"]: each for each in reversed(resources)}.values())


def own_values(patient: Mapping[str, Any]) -> set[str]:
    """Return the strings of a Patient that identify: names, numbers, days, addresses, ways to reach."""
    values = {patient["id"], patient["birthDate"]}
    values |= {each["value"] for each in (*patient.get("identifier", ()), *patient.get("telecom", ()))}
    for name in patient["name"]:
        values |= {name["family"], *name["given"]}
    for address in patient.get("address", ()):
        values |= {*address.get("line", ()), address.get("postalCode", "")}
    return values - {""}


def _file(path: str) -> Path:
    file = DATA / path
    if not file.exists():
        pytest.skip("../shared/data is not here")
    return file


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


def _some(values: Sequence[T], count: int) -> list[T]:
    return [values[index * len(values) // count] for index in range(count)] if count < len(values) else list(values)
