"""A credential is read from a file of the broker's own, and nobody else ever sees it."""

import os
from pathlib import Path

import pytest

from appliance.broker.credentials import MAX_BYTES, Credentials, credentials_folder
from appliance.broker.not_sent import NotSentError
from appliance.config import is_private
from appliance.policy.register import Provider
from tests.support.brokers import SECRET, write_secret
from tests.support.registers import a_provider, a_sandbox_provider

PROVIDER = a_provider()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / PROVIDER.credential


def _problem(folder: Path, provider: Provider = PROVIDER) -> str:
    with pytest.raises(NotSentError, match="no_credential") as refused:
        Credentials(folder).read(provider)
    assert Credentials(folder).problem(provider) in refused.value.reason
    return refused.value.reason


def test_a_credential_is_read_without_its_line_end(file: Path) -> None:
    write_secret(file)

    assert Credentials(file.parent).read(PROVIDER).hand_over() == SECRET
    assert Credentials(file.parent).problem(PROVIDER) == ""


def test_json_on_several_lines_is_a_credential_too(file: Path) -> None:
    write_secret(file, '{\n\t"access_key_id": "x",\n\t"secret_access_key": "y"\n}')

    assert Credentials(file.parent).read(PROVIDER).hand_over().startswith("{")


def test_a_rotated_credential_counts_at_once(file: Path) -> None:
    credentials = Credentials(file.parent)
    write_secret(file, "old")
    credentials.read(PROVIDER)
    file.unlink()
    write_secret(file, "new")

    assert credentials.read(PROVIDER).hand_over() == "new"


def test_a_missing_file_is_named_with_the_folder_to_put_it_into(file: Path) -> None:
    reason = _problem(file.parent)

    assert "'example-cloud.key'" in reason
    assert str(file.parent) in reason


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_a_file_that_others_may_read_is_taken_as_known(file: Path, mode: int) -> None:
    write_secret(file, mode=mode)

    assert "can be read by others" in _problem(file.parent)


def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    write_secret(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")

    assert "cannot be read" in _problem(file.parent)


def test_a_folder_or_a_pipe_is_no_credential(file: Path) -> None:
    file.mkdir()
    assert "cannot be read (IsADirectoryError)" in _problem(file.parent)
    file.rmdir()
    os.mkfifo(file)
    assert "no ordinary file" in _problem(file.parent)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
def test_somebody_elses_file_is_refused(file: Path) -> None:
    write_secret(file)
    os.chown(file, 12345, 12345)

    assert "belongs to another user" in _problem(file.parent)


@pytest.mark.parametrize(
    ("owner", "group", "mode", "user", "private"),
    [
        (1000, 1000, 0o600, 1000, True),
        (1000, 1000, 0o640, 1000, False),
        (0, 0, 0o440, 1000, True),
        (0, 0, 0o444, 1000, False),
        (0, 0, 0o460, 1000, False),
        (0, 50, 0o440, 1000, False),
        (0, 0, 0o440, 0, False),
    ],
)
def test_what_systemd_hands_over_by_an_acl_is_private(
    owner: int, group: int, mode: int, user: int, *, private: bool
) -> None:
    status = os.stat_result((mode, 1, 1, 1, owner, group, 1, 0, 0, 0))

    assert is_private(status, user=user) is private


@pytest.mark.parametrize("content", ["", "\n", "a\x1bb", "k\u00e9y", "x" * (MAX_BYTES + 1), "a\0b"], ids=ascii)
def test_what_is_no_credential_is_refused_and_not_quoted(file: Path, content: str) -> None:
    write_secret(file, content)

    reason = _problem(file.parent)
    assert not content.strip() or content not in reason


@pytest.mark.parametrize("name", ["", ".", "..", "../tls/server.key", "/etc/passwd"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    assert "is not named in the register" in _problem(tmp_path, a_provider(credential=name))


def test_a_stand_in_of_the_sandbox_needs_none(tmp_path: Path) -> None:
    assert Credentials(tmp_path).read(a_sandbox_provider(credential="")).hand_over() == ""


def test_systemd_says_where_the_credentials_are() -> None:
    assert credentials_folder(Path("/var/broker"), {}) == Path("/var/broker/credentials")
    assert credentials_folder(Path("/var/broker"), {"CREDENTIALS_DIRECTORY": "/run/credentials/b"}) == Path(
        "/run/credentials/b"
    )


def test_an_error_carries_no_secret_along(file: Path) -> None:
    write_secret(file, "sk-t\u00f6p")

    with pytest.raises(NotSentError) as refused:
        Credentials(file.parent).read(PROVIDER)

    seen: BaseException | None = refused.value
    while seen is not None:
        assert "sk-t" not in repr(seen.args)
        assert not isinstance(seen, UnicodeError)
        seen = seen.__cause__ or seen.__context__
