import re
from pathlib import Path

import pytest

from appliance.auth.api_keys import PEPPER_NAME, SECRET_BYTES, hash_key, load_pepper, new_key, parse_key
from appliance.errors import ConfigError


def test_a_key_carries_its_client_and_256_random_bits() -> None:
    key = new_key()

    assert re.fullmatch(r"sk-appl-[0-9a-f]{16}-[A-Za-z0-9_-]{43}", key.text())
    assert parse_key(key.text()) == key
    assert new_key() != key


def test_a_key_does_not_print_its_secret() -> None:
    key = new_key()

    assert key.secret not in repr(key)


@pytest.mark.parametrize(
    "text",
    ["", "sk-appl-", "sk-appl-00-x", "sk-appl-" + "0" * 16 + "-" + "a" * 42, "sk-appl-" + "g" * 16 + "-" + "a" * 43],
)
def test_a_malformed_key_has_no_parts(text: str) -> None:
    assert parse_key(text) is None


def test_the_hash_depends_on_pepper_client_and_secret() -> None:
    key, other = new_key(), new_key()

    assert hash_key(key, b"a" * 32) == hash_key(key, b"a" * 32)
    assert hash_key(key, b"a" * 32) != hash_key(key, b"b" * 32)
    assert hash_key(key, b"a" * 32) != hash_key(other, b"a" * 32)


def test_the_pepper_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    first = load_pepper(tmp_path / "secrets", create=True)
    second = load_pepper(tmp_path / "secrets", create=True)

    assert first == second
    assert len(first) == SECRET_BYTES
    assert (tmp_path / "secrets" / PEPPER_NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == [PEPPER_NAME]


def test_a_lost_pepper_is_not_silently_replaced(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="restore it from the backup"):
        load_pepper(tmp_path, create=False)


def test_a_damaged_pepper_is_refused(tmp_path: Path) -> None:
    load_pepper(tmp_path, create=True)
    (tmp_path / PEPPER_NAME).write_bytes(b"short")

    with pytest.raises(ConfigError, match="damaged"):
        load_pepper(tmp_path, create=True)


def test_a_pepper_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_pepper(tmp_path, create=True)
    (tmp_path / PEPPER_NAME).chmod(0o644)

    with pytest.raises(ConfigError, match="chmod 600"):
        load_pepper(tmp_path, create=True)
