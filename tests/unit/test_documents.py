"""The documents name things that exist."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "SECURITY.md", "tests/README.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_a_document_names_exists(name: str) -> None:
    text = (ROOT / name).read_text()
    named = set(re.findall(r"`((?:appliance|audit|policies|tests)/[\w./-]+)`", text)) | set(
        re.findall(r"\]\(((?!http)[\w./-]+)\)", text)
    )

    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


def test_every_step_of_one_request_names_a_symbol_in_its_file() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text().split("## One request")[1].split("##")[0]
    rows = [row.split("|") for row in text.splitlines() if re.match(r"\| \d ", row)]

    missing = [
        symbol
        for row in rows
        for symbol in re.findall(r"`([\w.]+)`", row[3])
        if not any(_defines(file, symbol) for file in _files(re.findall(r"`([\w./]+)`", row[4])[0]))
    ]

    assert len(rows) == 9
    assert missing == []


def test_every_error_code_stands_in_the_table() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text().split("## Error codes")[1].split("\n## ")[0]
    errors = importlib.import_module("appliance.errors")
    tree = [errors.ApplianceError]
    for each in tree:
        tree.extend(each.__subclasses__())
    generic = {"refused", "unavailable", "broken", "caller_gone"}
    codes = {each.code for each in tree} - generic
    kin = {each.code for each in tree if issubclass(each, errors.InvalidRequestError)}

    assert {code for code in codes - kin if f"`{code}`" not in text} == set()


def _files(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def _defines(file: Path, symbol: str) -> bool:
    text = file.read_text()
    return all(re.search(rf"(class|def) {part}\b", text) for part in symbol.split("."))
