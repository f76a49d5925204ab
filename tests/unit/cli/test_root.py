"""Errors come as one sentence that says what to do, wrong use as exit code 2, and nothing as a traceback."""

import os
from pathlib import Path

import pytest

from tests.support.command_line import run


def test_the_version_is_told() -> None:
    shown = run("--version")

    assert (shown.code, shown.out.split()[0]) == (0, "appliance")


def test_help_groups_every_command() -> None:
    shown = run("--help")

    assert shown.code == 0
    commands = ("up", "demo", "status", "doctor", "client", "task", "policy", "model", "engine")
    assert all(f" {command} " in shown.out for command in commands)


def test_an_unknown_command_is_wrong_use() -> None:
    assert run("fly").code == 2


def test_an_error_is_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("colour: red\n")

    refused = run("client", "list", home=tmp_path)

    assert refused.code == 1
    assert "colour" in refused.err
    assert "Traceback" not in refused.err


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    refused = run("client", "list", home=tmp_path / "home" / "below")

    assert refused.code == 1
    assert "home" in refused.err
    assert "Traceback" not in refused.err


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    settings = tmp_path / "appliance.yaml"
    settings.write_text("")
    settings.chmod(0)

    assert run("client", "list", home=tmp_path).code == 1
