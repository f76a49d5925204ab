import contextlib
import ssl
from pathlib import Path

import pytest

from appliance.api.server import bind, tls_context
from appliance.auth.certificates import Certificates, ensure_certificates
from appliance.errors import ConfigError


def test_a_port_that_is_taken_is_named() -> None:
    with contextlib.closing(bind("127.0.0.1", 0)) as bound:
        bound.listen()

        with pytest.raises(ConfigError, match="taken"):
            bind("127.0.0.1", bound.getsockname()[1])


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
        bind("192.0.2.1", 0)


def test_tls_is_new_and_has_forward_secrecy_only(tmp_path: Path) -> None:
    context = tls_context(ensure_certificates(tmp_path / "tls", ("localhost",)))

    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert all(cipher["name"].startswith(("ECDHE", "TLS_")) for cipher in context.get_ciphers())


def test_files_that_are_no_certificates_are_named(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path / "tls", ("localhost",))
    foreign = Certificates(ca=made.ca, certificate=made.ca, key=made.key)

    with pytest.raises(ConfigError, match=r"ca\.crt"):
        tls_context(foreign)
