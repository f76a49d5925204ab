"""What a person is asked for before the root opens, and what they read when they typed nothing or two things."""

import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.cli.passphrase import ask_new, ask_passphrase, opened_custodian
from audit.errors import OpenError
from tests.support.trails import new_trail


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Sit at a terminal and type these, in order."""
    typed: list[str] = []
    master, slave = pty.openpty()
    with os.fdopen(slave) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        monkeypatch.setattr("getpass.getpass", lambda _: typed.pop(0))
        yield typed
    os.close(master)


def test_a_new_passphrase_is_typed_twice(terminal: list[str]) -> None:
    terminal += ["four random words", "four random words"]

    assert ask_new(None, "New custodian passphrase") == b"four random words"


def test_two_different_new_passphrases_are_refused(terminal: list[str]) -> None:
    terminal += ["four random words", "four random worlds"]

    with pytest.raises(OpenError, match="differ"):
        ask_new(None, "New custodian passphrase")


@pytest.mark.parametrize(
    ("prompt", "words"), [("PIN of the token 'a'", "No PIN of the token 'a'"), ("Custodian passphrase", "No custodian")]
)
def test_nothing_typed_is_told_by_what_was_asked(terminal: list[str], prompt: str, words: str) -> None:
    terminal += [""]

    with pytest.raises(OpenError, match=words):
        ask_passphrase(None, prompt)


def test_the_custodian_opens_with_what_was_typed(tmp_path: Path, terminal: list[str]) -> None:
    new_trail(tmp_path)
    terminal += [(tmp_path / "custodian" / "passphrase").read_text().strip()]

    assert opened_custodian(tmp_path / "custodian", None).months()
