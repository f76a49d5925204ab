from pathlib import Path

import pytest

from tests.support.command_line import run
from tests.support.model_folders import pinned_folder, weights_folder

SAID = ("--name", "llama-3.3-70b-awq", "--source", "a mirror of ours", "--licence", "llama3.3")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home folder whose configured model is a pinned one."""
    folder = pinned_folder(tmp_path / "model")
    home = tmp_path / "home"
    home.mkdir()
    home.joinpath("appliance.yaml").write_text(f"engine:\n  model: {folder}\n")
    return home


def test_the_configured_model_is_verified_and_shown_for_people(home: Path) -> None:
    done = run("model", "verify", home=home)

    assert done.code == 0
    assert "Verified" in done.out
    assert "llama-3.3-70b-awq" in done.out


def test_show_gives_the_whole_manifest_as_json(home: Path) -> None:
    shown = run("model", "show", "--json", home=home).json()

    assert shown["folder"] == str(home.parent / "model")
    assert len(shown["digest"]) == 64
    assert shown["quantization"]["method"] == "awq"
    assert "config.json" in shown["files"]


def test_a_changed_file_is_named_and_the_exit_code_is_1(home: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("model", "tokenizer.json").write_text("[]")

    done = run("model", "verify", home=home)

    assert done.code == 1
    assert "tokenizer.json has changed" in done.err


def test_a_folder_given_by_path_is_pinned_and_verified(tmp_path: Path) -> None:
    folder = str(weights_folder(tmp_path / "llama"))

    pinned = run("model", "pin", folder, *SAID, "--json")
    verified = run("model", "verify", folder, "--json", home=tmp_path)

    assert (pinned.code, verified.code) == (0, 0)
    assert pinned.json() == verified.json()


def test_a_folder_that_may_not_be_served_is_refused_with_exit_code_1(tmp_path: Path) -> None:
    folder = weights_folder(tmp_path / "llama")
    folder.joinpath("modeling.py").write_text("")

    done = run("model", "pin", str(folder), *SAID)

    assert done.code == 1
    assert "modeling.py is code or a pickle" in done.err


def test_prepare_leaves_a_verified_model_as_it_is(home: Path) -> None:
    done = run("model", "prepare", "--json", home=home)

    assert done.code == 0
    assert done.json()["name"] == "llama-3.3-70b-awq"
