"""`appliance medium` as a person uses it."""

import json
from pathlib import Path

import pytest

from appliance.cli import root
from tests.support.media import FILES


def run(*arguments: str | Path) -> int:
    """Run one command and return its exit code."""
    with pytest.raises(SystemExit) as left:
        root.main([str(item) for item in ("medium", *arguments)])
    return int(left.value.code or 0)


@pytest.fixture
def key_file(tmp_path: Path, key: bytes) -> Path:
    path = tmp_path / "key.gpg"
    path.write_bytes(key)
    return path


def test_a_whole_medium_is_told_to_programs_as_one_document(
    medium: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", medium, "--key", key_file, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["files"], told["site_models"]) == ("1.2.3", len(FILES), {})


def test_a_whole_medium_is_told_to_people(medium: Path, key_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify", medium, "--key", key_file) == 0
    assert "1.2.3" in capsys.readouterr().out


def test_an_altered_medium_is_exit_code_1_with_the_files_name(
    medium: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (medium / "apt/bookworm/InRelease").write_bytes(b"x")
    assert run("verify", medium, "--key", key_file) == 1
    assert "altered: apt/bookworm/InRelease" in capsys.readouterr().err


def test_a_site_model_without_its_digest_is_wrong_use(
    medium: Path, key_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", medium, "--key", key_file, "--site-model", "own") == 1
    assert "NAME=DIGEST" in capsys.readouterr().err


def test_a_build_that_cannot_be_done_here_says_why_before_it_fetches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("build", tmp_path / "medium", "--key", "nobody", "--suite", "buster") == 1
    assert "no release" in capsys.readouterr().err
    assert not (tmp_path / "medium").exists()
