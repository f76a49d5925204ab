"""Who is connected to, and by what they prove themselves."""

import ssl
from collections.abc import Sequence
from pathlib import Path

import httpcore2
import pytest

from appliance.broker.pinned import PinnedBackend, UntrustedHostError
from appliance.broker.resolve import Addresses
from appliance.broker.tls import client_context, is_pinned
from appliance.policy.register import Endpoint
from tests.support.registers import a_ca_pem
from tests.support.stand_ins.certificates import HOST, Certificates
from tests.support.tls_server import ScriptedServer


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.make()


async def connect(endpoint: Endpoint, *, lookup: Sequence[str] = ()) -> httpcore2.AsyncNetworkStream:
    """Connect and prove, as the HTTP library does."""

    async def look_up(_host: str, _port: int) -> Sequence[str]:
        return lookup

    backend = PinnedBackend(endpoint, Addresses(endpoint, lookup=look_up))
    stream = await backend.connect_tcp(endpoint.host, endpoint.port)
    try:
        return await stream.start_tls(backend.context, endpoint.host)
    except BaseException:
        await stream.aclose()
        raise


async def test_the_pinned_host_proves_itself(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates) as server:
        stream = await connect(server.endpoint())

        assert stream.get_extra_info("ssl_object").version() == "TLSv1.3"
        await stream.aclose()


async def test_another_authority_proves_nothing(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates) as server:
        with pytest.raises(UntrustedHostError):
            await connect(server.endpoint(ca_pem=a_ca_pem()))


async def test_the_machines_own_authorities_prove_nothing(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trusted = tmp_path / "ca.pem"
    trusted.write_text(certificates.ca_pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    async with ScriptedServer.running([], certificates=certificates) as server:
        with pytest.raises(UntrustedHostError):
            await connect(server.endpoint(ca_pem=a_ca_pem()))


async def test_the_keys_of_a_session_are_written_nowhere(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    async with ScriptedServer.running([], certificates=certificates) as server:
        await (await connect(server.endpoint())).aclose()

    assert list(tmp_path.iterdir()) == []


async def test_a_certificate_of_another_host_proves_nothing(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates, tls=certificates.wrong) as server:
        with pytest.raises(UntrustedHostError):
            await connect(server.endpoint())


async def test_a_pinned_key_is_asked_for_beside_the_authority(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates) as server:
        pins = ("0" * 64, certificates.spki_sha256.upper())
        await (await connect(server.endpoint(spki_sha256=pins))).aclose()
        with pytest.raises(UntrustedHostError):
            await connect(server.endpoint(spki_sha256=("0" * 64,)))


async def test_the_leaf_itself_may_be_pinned(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates) as server:
        stream = await connect(server.endpoint())
        leaf = ssl.DER_cert_to_PEM_cert(stream.get_extra_info("ssl_object").getpeercert(binary_form=True))
        await stream.aclose()

        await (await connect(server.endpoint(ca_pem=leaf))).aclose()


async def test_a_handshake_that_breaks_off_is_no_proof() -> None:
    old = Certificates.make()
    old.right.maximum_version = ssl.TLSVersion.TLSv1_2
    old.right.set_ciphers("PSK")

    async with ScriptedServer.running([], certificates=old) as server:
        with pytest.raises(httpcore2.ConnectError) as raised:
            await connect(server.endpoint())

    assert not isinstance(raised.value, UntrustedHostError)


def test_nothing_older_than_tls_1_2_is_spoken(certificates: Certificates) -> None:
    endpoint = Endpoint(host=HOST, port=443, addresses=("127.0.0.1",), ca_pem=certificates.ca_pem)

    context = client_context(endpoint)

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert context.cert_store_stats()["x509"] == 1


def test_without_a_certificate_no_pin_fits() -> None:
    assert not is_pinned(None, ("0" * 64,))
    assert is_pinned(None, ())


async def test_another_host_or_port_than_the_pinned_one_is_not_connected_to(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates) as server:
        endpoint = server.endpoint()
        backend = PinnedBackend(endpoint, Addresses(endpoint))
        for host, port in (("127.0.0.1", server.port), (HOST, server.port + 1)):
            with pytest.raises(UntrustedHostError):
                await backend.connect_tcp(host, port)
        with pytest.raises(UntrustedHostError):
            await backend.connect_unix_socket("/run/any.sock")

    assert server.connections == 0


async def test_nothing_is_said_or_heard_before_the_proof(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates) as server:
        endpoint = server.endpoint()
        stream = await PinnedBackend(endpoint, Addresses(endpoint)).connect_tcp(HOST, server.port)
        with pytest.raises(UntrustedHostError):
            await stream.write(b"POST / HTTP/1.1\r\n\r\n")
        with pytest.raises(UntrustedHostError):
            await stream.read(1)
        await stream.aclose()

    assert server.requests == []


async def test_the_next_address_is_tried_where_one_does_not_answer(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates) as server:
        await (await connect(server.endpoint(addresses=("127.0.0.9", "127.0.0.1")))).aclose()
        await (await connect(server.endpoint(addresses=("127.0.0.0/29",)), lookup=["127.0.0.5", "127.0.0.1"])).aclose()

    assert len(server.names) == 2


async def test_a_name_that_resolves_outside_of_its_ranges_is_not_connected_to(certificates: Certificates) -> None:
    async with ScriptedServer.running([], certificates=certificates) as server:
        with pytest.raises(httpcore2.ConnectError):
            await connect(server.endpoint(addresses=("203.0.113.0/24",)), lookup=["127.0.0.1"])

    assert server.connections == 0
