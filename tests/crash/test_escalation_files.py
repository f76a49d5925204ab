"""Each file that opens or closes the way out survives a crash at each call that writes it.

Spending, the latest time, closings, approvals and exclusions: the process is killed, the power goes, the disk fails or
is full at each write, flush and rename.  Afterwards the old or the new content is there, and what the change said was
done is done: no spending is forgotten, no closing or exclusion lost, no ended agreement open again, no half approval
counts.  The changes are made by production code on the disk of tests/support/faults.

    CRASH_THOROUGH=1 python -m pytest tests/crash/test_escalation_files.py
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import preloaded
from tests.support.faults.kept_files import CASES

CHECKOUT = Path(__file__).parents[2]
WITHIN_S = 300
"""A busy machine; alone it takes some ten seconds."""

Lines = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    folder = tmp_path_factory.mktemp("kept")
    command = [sys.executable, "-m", "tests.support.faults.kept_files", "--folder", str(folder)]
    if os.environ.get("CRASH_THOROUGH"):
        command.append("--thorough")
    done = subprocess.run(
        command, cwd=CHECKOUT, env=preloaded(), capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: Lines = defaultdict(list)
    for line in done.stdout.splitlines():
        told = json.loads(line)
        found[told["case"]].append(told)
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_crash_leaves_the_old_or_the_new_and_nothing_that_was_done_is_undone(lines: Lines, case: str) -> None:
    tried = [told for told in lines[case] if not told["forgotten"]]

    assert [told for told in tried if told["problems"]] == []
    assert {told["struck"].split()[0] for told in tried if told["struck"]} >= {"create", "write", "sync", "rename"}
    assert {bool(told["said"]) for told in tried} == {True, False}, "some changes were done and some were not"


@pytest.mark.parametrize("case", CASES)
def test_a_program_that_forgets_to_flush_bytes_or_names_is_found_out(lines: Lines, case: str) -> None:
    careless = [told for told in lines[case] if told["forgotten"]]

    assert len(careless) == 2
    assert [told["forgotten"] for told in careless if not told["problems"]] == []
