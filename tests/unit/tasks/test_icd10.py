import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from appliance.errors import ConfigError
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.lay_terms import LAY_TERMS
from tests.support.task_requests import icd10_folder


@pytest.fixture
def built(icd10: Icd10Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file behind the session's table."""
    assert icd10.version
    (file,) = icd10_folder(tmp_path_factory).iterdir()
    return file


@pytest.mark.parametrize(
    ("code", "description"),
    [
        ("E11.9", "Type 2 diabetes mellitus without complications"),
        ("I10", "Essential (primary) hypertension"),
        ("S52.302A", "Unspecified fracture of shaft of left radius, initial encounter for closed fracture"),
    ],
)
def test_a_real_code_has_its_official_description(icd10: Icd10Table, code: str, description: str) -> None:
    assert icd10.description(code) == description
    assert icd10.is_billable(code)


@pytest.mark.parametrize("code", ["E11.999", "X00.00", "e11.9", "", "'; DROP TABLE code; --", "E08-E13", "1"])
def test_what_is_no_code_is_none(icd10: Icd10Table, code: str) -> None:
    assert icd10.description(code) is None
    assert not icd10.is_billable(code)


def test_a_category_exists_and_is_not_billable(icd10: Icd10Table) -> None:
    assert icd10.description("E11") == "Type 2 diabetes mellitus"
    assert not icd10.is_billable("E11")


def test_every_code_with_a_lay_term_is_a_billable_code(icd10: Icd10Table) -> None:
    assert [code for code in LAY_TERMS if not icd10.is_billable(code)] == []


def test_a_word_that_no_code_uses_is_no_term(icd10: Icd10Table) -> None:
    assert icd10.term("blockchain") is None


def test_the_file_is_built_once(built: Path, tmp_path: Path) -> None:
    file = built
    (tmp_path / file.name).write_bytes(file.read_bytes())
    before = (tmp_path / file.name).stat().st_mtime_ns

    with closing(Icd10Table.open(tmp_path)) as table:
        assert table.description("I10")

    assert (tmp_path / file.name).stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_a_damaged_file_is_built_again(built: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / built.name
    file.write_bytes(content)

    with closing(Icd10Table.open(tmp_path)) as table:
        assert table.description("I10")

    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="icd10_build"):
        Icd10Table.open(tmp_path / "file" / "folder")


def test_external_causes_and_later_encounters_exist_and_are_not_searched(built: Path) -> None:
    with closing(sqlite3.connect(built)) as connection:
        searched = {code for (code,) in connection.execute("SELECT DISTINCT code FROM phrase")}
        codes = {code for (code,) in connection.execute("SELECT code FROM code")}

    apart = {"V00.111A", "S52.302D", "E13.9", "E11"}
    assert apart <= codes
    assert not apart & searched
    assert {"E11.9", "I10", "S52.302A"} <= searched


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    place = tmp_path / "table.sqlite"
    place.mkdir()

    ended = subprocess.run(
        [sys.executable, "-m", "appliance.tasks.icd10_build", place], check=False, capture_output=True
    )

    assert ended.returncode != 0
    assert list(tmp_path.iterdir()) == [place]
