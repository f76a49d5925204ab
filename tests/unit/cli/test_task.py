"""Anyone may read what can be asked of the appliance."""

from pathlib import Path

import pytest

from tests.support.command_line import run


@pytest.fixture
def home(tmp_path: Path, policies: Path) -> Path:
    (tmp_path / "appliance.yaml").write_text(f"policies: {policies}\n")
    return tmp_path


def test_every_task_is_listed_with_its_threshold(home: Path) -> None:
    shown = run("task", "list", home=home)

    assert shown.code == 0
    assert "medical-coding" in shown.out
    assert "30% at 95%" in shown.out


def test_programs_get_the_same_list(home: Path) -> None:
    tasks = run("task", "list", "--json", home=home).json()

    assert "discharge-summary" in [task["name"] for task in tasks]
    assert all(task["threshold"]["edit_rate"] == 0.3 for task in tasks)


def test_one_task_is_shown_with_its_schemas(home: Path) -> None:
    shown = run("task", "show", "medical-coding", home=home)

    assert shown.code == 0
    assert "input_schema" in shown.out


def test_programs_get_one_task_with_the_version_of_its_prompt(home: Path) -> None:
    task = run("task", "show", "medical-coding", "--json", home=home).json()

    assert len(task["prompt_version"]) == 64


def test_an_unknown_task_is_refused_with_the_list_of_tasks(home: Path) -> None:
    refused = run("task", "show", "horoscope", home=home)

    assert refused.code == 1
    assert "medical-coding" in refused.err
