import io
import os
import pty
import sys
from pathlib import Path

import pytest

from audit.cli.passphrase import ask_passphrase, can_ask
from audit.errors import OpenError


def test_the_first_line_of_a_file_is_the_passphrase(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(b"correct horse\r\nsecond line\n")

    assert ask_passphrase(file) == b"correct horse"


def test_a_pipe_gives_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\nrest")))

    assert ask_passphrase(None) == b"from a pipe"


def test_a_terminal_is_asked_without_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr("getpass.getpass", lambda prompt: prompt + "typed")

        asked = ask_passphrase(None)

        assert can_ask(None)
    os.close(master)
    assert asked == b"Custodian passphrase: typed"


def test_nobody_can_be_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))

    assert not can_ask(None)
    with pytest.raises(OpenError, match="--passphrase-file"):
        ask_passphrase(None)


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 5000])
def test_a_file_that_is_no_passphrase_file_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(content)

    with pytest.raises(OpenError):
        ask_passphrase(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OpenError, match="cannot be read"):
        ask_passphrase(tmp_path / "absent")
