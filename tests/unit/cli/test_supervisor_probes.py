"""At a site the commands trust the very certificate of the gateway, whatever name they reach it by."""

import ssl
from pathlib import Path

import pytest

from appliance.cli.supervisor_probes import pinned, readiness_of
from appliance.cli.supervisor_state import Running
from tests.support.witnesses import Authority


def shake(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """Let both sides greet each other in memory.  Raises ssl.SSLError if the client does not believe the server."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = list(ends)
    for _ in range(8):
        for end in tuple(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(end)
    assert not waiting


def a_server(pair: tuple[Path, Path]) -> ssl.SSLContext:
    """Return a server with a certificate and its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    return context


def test_the_pinned_certificate_is_believed_under_any_name_and_no_other_of_its_authority(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    pair = authority.issue("gateway", host="appliance.hospital.example")
    other = authority.issue("other", host="appliance.hospital.example")

    shake(pinned(pair[0]), a_server(pair))

    with pytest.raises(ssl.SSLCertVerificationError):
        shake(pinned(pair[0]), a_server(other))


def test_of_a_chain_only_the_first_certificate_is_believed(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    pair = authority.issue("gateway", host="appliance.hospital.example")
    other = authority.issue("other", host="appliance.hospital.example")
    chain = tmp_path / "chain.crt"
    chain.write_bytes(pair[0].read_bytes() + authority.path.read_bytes())

    shake(pinned(chain), a_server(pair))

    with pytest.raises(ssl.SSLCertVerificationError):
        shake(pinned(chain), a_server(other))


@pytest.mark.parametrize("content", [None, "no certificate", ""])
def test_a_gateway_whose_certificate_cannot_be_read_counts_as_silent(tmp_path: Path, content: str | None) -> None:
    certificate = tmp_path / "gateway.crt"
    if content is not None:
        certificate.write_text(content)
    running = Running(
        pid=1, boot="", since="", home=tmp_path, url="https://appliance.hospital.example:9", console_url="",
        metrics_url="", ca=certificate, asked_at="https://127.0.0.1:9",
    )  # fmt: skip

    told = readiness_of(running)

    assert not told.ready
    assert told.reasons[0].startswith("gateway_silent")
