import queue
import ssl
from pathlib import Path

import pytest
import yaml

from audit.cosigner.keys import make_cosigner
from audit.errors import SettingsError, WitnessError
from audit.settings import LogWitness, SyslogWitness, read_settings
from audit.witness import open_witnesses
from audit.witness.syslog import SyslogSender
from audit.witness.tls import TlsTarget
from tests.support.tls_peers import relay, scripted_peer
from tests.support.witnesses import Authority, SignedLog

LOG = SignedLog([bytes([place]) for place in range(8)])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("ca"))


def sender(authority: Authority, socket: Path, *, port: int = 1) -> SyslogSender:
    """Return a sender whose port is nobody's: only the relay leads to the server."""
    target = TlsTarget.load("localhost", port, ca=authority.path).through(socket)
    return SyslogSender(target, name="siem", keys=LOG.keys)


def test_a_checkpoint_reaches_the_witness_through_the_relay_alone(tmp_path: Path, authority: Authority) -> None:
    taken: queue.Queue[bytes] = queue.Queue()

    def script(connection: ssl.SSLSocket) -> None:
        while data := connection.recv(65_536):
            taken.put(data)

    with (
        scripted_peer(authority, script) as peer,
        relay(tmp_path / "relay.sock", peer.port) as came,
    ):
        witness = sender(authority, tmp_path / "relay.sock")
        witness.publish(LOG.note(1), time_ms=1_795_417_200_123)
        assert b"audit-recorder" in taken.get(timeout=10)
        assert (len(came), peer.connections) == (1, 1)
        witness.close()


def test_a_relay_that_leads_to_somebody_else_is_refused(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "other").mkdir()
    other = Authority.make(tmp_path / "other")
    refusal = pytest.raises(WitnessError, match="its certificate is not valid for it")
    with scripted_peer(other, lambda _: None) as peer, relay(tmp_path / "relay.sock", peer.port), refusal:
        sender(authority, tmp_path / "relay.sock").confirm(LOG.note(1))


def test_a_relay_that_is_not_there_is_named(tmp_path: Path, authority: Authority) -> None:
    socket = tmp_path / "relay.sock"

    with pytest.raises(WitnessError, match=rf"the witness siem \(localhost:1 through {socket}\) cannot be reached"):
        sender(authority, socket).confirm(LOG.note(1))


def test_both_kinds_of_network_witness_take_a_relay_from_the_settings(tmp_path: Path, authority: Authority) -> None:
    make_cosigner(tmp_path / "second", name="w.example")
    common = {"ca": str(authority.path), "relay": str(tmp_path / "relay.sock")}
    keys = str(tmp_path / "second" / "cosigner.keys")
    chosen = [
        {"kind": "syslog", "host": "siem.example", **common},
        {"kind": "tlog-witness", "url": "https://w.example", "keys": keys, **common},
    ]
    (tmp_path / "trail.yaml").write_text(yaml.safe_dump({"witnesses": chosen}))

    witnesses = open_witnesses(read_settings(tmp_path), default=tmp_path / "w", keys=LOG.keys, prove=LOG.prove)

    for witness in witnesses:
        with pytest.raises(WitnessError, match=f"through {tmp_path}/relay.sock"):
            witness.confirm(LOG.note(1))


@pytest.mark.parametrize("kind", [SyslogWitness, LogWitness])
def test_a_relay_has_an_absolute_path(tmp_path: Path, kind: type[SyslogWitness] | type[LogWitness]) -> None:
    more = {"host": "h"} if kind is SyslogWitness else {"url": "https://h", "keys": "k"}
    name = "syslog" if kind is SyslogWitness else "tlog-witness"
    chosen = {"kind": name, "ca": "ca.pem", "relay": "relay.sock", **more}
    (tmp_path / "trail.yaml").write_text(yaml.safe_dump({"witnesses": [chosen]}))

    with pytest.raises(SettingsError, match="absolute path of the relay"):
        read_settings(tmp_path)
