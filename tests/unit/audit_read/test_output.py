import json

import pytest

from audit.cli.output import harmless, print_fields, print_json, print_table


def test_a_hostile_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("t", ["client"], [["\x1b[2Jevil[red]\n\u202e"]])

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\\x1b[2Jevil[red]\\n\\u202e" in shown


def test_a_value_cannot_pretend_to_be_a_second_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([("client", "a\noutcome  answered"), ("empty", "")])

    assert capsys.readouterr().out == "  client  a\\noutcome  answered\n"


def test_no_fields_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields([])

    assert capsys.readouterr().out == ""


def test_an_empty_cell_shows_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("t", ["a"], [[""]])

    assert "-" in capsys.readouterr().out


def test_json_is_one_line_of_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": "ü\n"})

    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert json.loads(shown) == {"a": "ü\n"}


def test_a_bodys_own_lines_may_be_kept() -> None:
    assert harmless("a\nb\x07", allowed="\n") == "a\nb\\x07"
