import json
import queue
import re
import ssl
import time
from pathlib import Path

import pytest

from audit.checkpoint import read_checkpoint
from audit.errors import CheckpointError, SettingsError, WitnessError
from audit.witness.syslog import SyslogSender, frame, syslog_message
from audit.witness.tls import TlsTarget
from tests.support.tls_peers import ScriptedPeer, scripted_peer
from tests.support.witnesses import Authority, SignedLog

LOG = SignedLog([bytes([place]) for place in range(40)])
NOW_MS = 1_795_417_200_123


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("ca"))


def sender(
    authority: Authority, peer: ScriptedPeer, *, deadline_s: float = 5, hangup_s: float = 0.1, **files: Path
) -> SyslogSender:
    target = TlsTarget.load("localhost", peer.port, ca=authority.path, **files)
    target = TlsTarget(host=target.host, port=target.port, context=target.context, deadline_s=deadline_s)
    return SyslogSender(target, name="siem", keys=LOG.keys, hangup_s=hangup_s)


def test_a_checkpoint_is_one_rfc_5424_message_with_structured_data() -> None:
    note = LOG.note(9)

    text = syslog_message(read_checkpoint(note, LOG.keys), note=note, time_ms=NOW_MS).decode()

    header, _, line = text.partition("] ")
    assert re.fullmatch(
        r"<109>1 2026-11-23T07:00:00\.123Z \S+ audit-recorder \d+ checkpoint \[checkpoint@32473"
        rf' origin="hospital\.example/a1" size="9" root="{LOG.root(9).hex()}"',
        header,
    )
    assert json.loads(line) == {"note": note, "time": NOW_MS, "v": 1}
    assert "\n" not in text
    assert len(text.encode()) < 8192


def test_a_frame_counts_octets_and_not_characters() -> None:
    assert frame("<1>1 \u2014".encode()) == b"8 <1>1 \xe2\x80\x94"


def test_messages_are_framed_by_their_octet_count_over_one_connection(authority: Authority) -> None:
    frames: queue.Queue[bytes] = queue.Queue()

    def script(connection: ssl.SSLSocket) -> None:
        stream = connection.makefile("rb")
        while count := b"".join(iter(lambda: stream.read(1), b" ")):
            frames.put(stream.read(int(count)))

    with scripted_peer(authority, script) as peer:
        witness = sender(authority, peer)
        witness.confirm(LOG.note(1))
        for size in (1, 9):
            witness.publish(LOG.note(size), time_ms=NOW_MS)
        found = [frames.get(timeout=10) for _ in (1, 9)]
        assert peer.connections == 1
        witness.close()
        witness.close()

    assert [json.loads(message.partition(b"] ")[2])["note"] for message in found] == [LOG.note(1), LOG.note(9)]


def test_a_server_that_hung_up_is_connected_to_anew(authority: Authority) -> None:
    frames: queue.Queue[bytes] = queue.Queue()

    def one_each(connection: ssl.SSLSocket) -> None:
        frames.put(connection.recv(16384))
        time.sleep(0.3)

    with scripted_peer(authority, one_each) as peer:
        witness = sender(authority, peer)
        witness.publish(LOG.note(1), time_ms=NOW_MS)
        time.sleep(0.6)
        witness.publish(LOG.note(2), time_ms=NOW_MS)
        assert [frames.get(timeout=10).split(b" ")[1] for _ in (1, 2)] == [b"<109>1"] * 2
        assert peer.connections == 2
        witness.close()


def test_a_server_that_hangs_up_on_the_message_has_not_taken_it(authority: Authority) -> None:
    with scripted_peer(authority, lambda connection: connection.recv(10)) as peer:
        witness = sender(authority, peer)
        with pytest.raises(WitnessError, match=r"the witness siem .* cannot be reached"):
            witness.publish(LOG.note(1), time_ms=NOW_MS)


def test_a_server_that_takes_nothing_is_left_at_the_deadline(authority: Authority) -> None:
    with scripted_peer(authority, lambda _: time.sleep(8)) as peer:
        witness = sender(authority, peer, deadline_s=0.5, hangup_s=0.001)
        begin = time.monotonic()
        with pytest.raises(WitnessError, match="siem"):
            flood(witness)

    assert time.monotonic() - begin < 60


def flood(witness: SyslogSender) -> None:
    for _ in range(5000):
        witness.publish(LOG.note(1), time_ms=NOW_MS)


def test_a_server_that_talks_back_is_still_a_server(authority: Authority) -> None:
    def chatty(connection: ssl.SSLSocket) -> None:
        connection.recv(16384)
        connection.sendall(b"hello")
        connection.recv(16384)

    with scripted_peer(authority, chatty) as peer:
        witness = sender(authority, peer)
        witness.publish(LOG.note(1), time_ms=NOW_MS)
        witness.publish(LOG.note(2), time_ms=NOW_MS)
        witness.close()


def test_a_server_that_asks_for_a_certificate_gets_ours_or_is_named(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("client", host="recorder")
    with scripted_peer(authority, lambda connection: time.sleep(1) or connection.recv(9), ca=authority.path) as peer:
        known = sender(authority, peer, certificate=certificate, key=key)
        known.publish(LOG.note(1), time_ms=NOW_MS)
        known.close()
        with pytest.raises(WitnessError, match="the witness siem"):
            sender(authority, peer).publish(LOG.note(1), time_ms=NOW_MS)

    with pytest.raises(SettingsError, match="and its key cannot be used"):
        sender(authority, peer, certificate=certificate, key=tmp_path / "none")


def test_a_certificate_of_another_ca_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority.make(tmp_path, "stranger")
    with scripted_peer(stranger, lambda _: None) as peer, pytest.raises(WitnessError, match="certificate is not valid"):
        sender(authority, peer).confirm(LOG.note(1))


def test_a_ca_file_that_is_none_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("garbage")
    for path in (tmp_path / "ca.pem", tmp_path / "none.pem"):
        with pytest.raises(SettingsError, match="holds no CA certificate"):
            TlsTarget.load("localhost", 1, ca=path)


def test_a_server_that_is_not_there_is_named(authority: Authority) -> None:
    with scripted_peer(authority, lambda _: None) as peer:
        witness = sender(authority, peer)
    with pytest.raises(WitnessError, match=r"the witness siem \(localhost:\d+\) cannot be reached"):
        witness.confirm(LOG.note(1))


def test_a_checkpoint_that_is_not_ours_is_never_sent(authority: Authority) -> None:
    with scripted_peer(authority, lambda _: None) as peer, pytest.raises(CheckpointError):
        sender(authority, peer).publish(SignedLog([b"a"], seed=b"\x09").note(1), time_ms=NOW_MS)


def test_a_network_that_does_not_answer_is_named_with_its_deadline(authority: Authority) -> None:
    target = TlsTarget.load("localhost", 1, ca=authority.path)

    with pytest.raises(WitnessError, match="siem does not answer within 8 seconds"), target.told("siem"):
        raise TimeoutError
