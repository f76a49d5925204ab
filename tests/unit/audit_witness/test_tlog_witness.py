import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from audit.checkpoint import read_checkpoint
from audit.cosigner.keys import make_cosigner
from audit.errors import ConsistencyError, SettingsError, WitnessError, WitnessRefusedError
from audit.settings import LogWitness
from audit.witness.cosignature import Cosigner
from audit.witness.tlog import Peer, TlogWitness
from audit.witness.tlog_wire import SIZE_TYPE, Submission, read_submission
from audit.witness.tls import TlsTarget
from tests.support.tls_peers import Script, ScriptedPeer, http_answer, read_request, scripted_peer
from tests.support.witnesses import Authority, SignedLog

LOG = SignedLog([bytes([place]) for place in range(40)])

Serve = Callable[[Script], TlogWitness]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def cosigner(tmp_path: Path) -> Cosigner:
    return make_cosigner(tmp_path / "cosigner", name="witness.example")


@pytest.fixture
def serve(tmp_path: Path, authority: Authority, cosigner: Cosigner) -> Iterator[Serve]:
    """Return what serves a script and gives its client."""
    opened: list[tuple[ScriptedPeer, TlogWitness]] = []

    def start(script: Script) -> TlogWitness:
        peer = ScriptedPeer(authority, script)
        witness = client(tmp_path, authority, cosigner, port=peer.port)
        opened.append((peer, witness))
        return witness

    yield start
    for peer, witness in opened:
        witness.close()
        peer.close()


def client(folder: Path, authority: Authority, cosigner: Cosigner, *, port: int, deadline_s: float = 5) -> TlogWitness:
    target = TlsTarget.load("localhost", port, ca=authority.path)
    target = TlsTarget(host=target.host, port=port, context=target.context, deadline_s=deadline_s)
    peer = Peer(name="second", target=target, prefix="", cosigners=cosigner.public_keys())
    return TlogWitness(peer, keys=LOG.keys, prove=LOG.prove, state=folder / "second.note")


def answering(*answers: bytes, seen: list[Submission] | None = None) -> Script:
    """Return a script that gives these answers, one a request."""
    left = list(answers)

    def script(connection: object) -> None:
        while left and (body := read_request(connection)):  # type: ignore[arg-type]  # an SSLSocket
            if seen is not None:
                seen.append(read_submission(body))
            connection.sendall(left.pop(0))  # type: ignore[attr-defined]  # an SSLSocket

    return script


def cosigned(cosigner: Cosigner, size: int) -> bytes:
    statement = read_checkpoint(LOG.note(size), LOG.keys)
    return http_answer(200, cosigner.sign(statement, time_s=1_795_417_200).encode())


def stale(size: int) -> bytes:
    return http_answer(409, f"{size}\n".encode(), content_type=SIZE_TYPE)


def test_a_cosigned_checkpoint_is_kept_with_its_cosignatures_over_one_connection(
    serve: Serve, cosigner: Cosigner, tmp_path: Path
) -> None:
    seen: list[Submission] = []
    witness = serve(answering(cosigned(cosigner, 3), cosigned(cosigner, 9), seen=seen))

    witness.confirm(LOG.note(3))
    witness.publish(LOG.note(9), time_ms=1)

    assert [(found.old_size, found.note) for found in seen] == [(0, LOG.note(3)), (3, LOG.note(9))]
    assert witness.cosigned.startswith(LOG.note(9))
    assert len(witness.cosigned.splitlines()) == len(LOG.note(9).splitlines()) + 2
    assert (tmp_path / "second.note").read_text() == witness.cosigned


def test_the_size_that_the_witness_tells_is_proven_from(serve: Serve, cosigner: Cosigner) -> None:
    seen: list[Submission] = []
    witness = serve(answering(stale(5), cosigned(cosigner, 9), seen=seen))

    witness.publish(LOG.note(9), time_ms=1)

    assert [found.old_size for found in seen] == [0, 5]
    assert seen[1].proof == LOG.prove(5, 9)


def test_what_was_cosigned_before_a_restart_is_taken_up_again(serve: Serve, cosigner: Cosigner, tmp_path: Path) -> None:
    serve(answering(cosigned(cosigner, 3))).publish(LOG.note(3), time_ms=1)
    seen: list[Submission] = []

    again = serve(answering(cosigned(cosigner, 9), seen=seen))
    assert again.cosigned.startswith(LOG.note(3))
    again.publish(LOG.note(9), time_ms=1)

    assert seen[0].old_size == 3
    (tmp_path / "second.note").write_text("garbage")
    assert serve(answering()).cosigned == "garbage"


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([stale(10)], "has seen 10 records and the database has signed 9"),
        ([stale(5), http_answer(422)], "remembers another tree of 5 records"),
        ([stale(9), stale(9)], "remembers another tree of 9 records"),
        ([stale(9), http_answer(409, b"forked\n")], "remembers another tree of 9 records"),
    ],
)
def test_a_witness_with_a_larger_or_another_tree_is_a_conflict_and_named(
    serve: Serve, answers: list[bytes], message: str
) -> None:
    with pytest.raises(ConsistencyError, match=f"the witness second .*{message}"):
        serve(answering(*answers)).publish(LOG.note(9), time_ms=1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (http_answer(400), "malformed"),
        (http_answer(403), "does not trust our checkpoint keys; give its operator our verifier.keys"),
        (http_answer(404), "does not know our log"),
        (http_answer(413), "too large"),
        (http_answer(429), "too often"),
        (http_answer(503), "cannot answer now"),
        (http_answer(507), "its disk is full"),
        (http_answer(500), "status 500"),
        (http_answer(302, extra="Location: https://elsewhere.example/\r\n"), "status 302"),
        (http_answer(409, b"forked\n"), "status 409"),
        (http_answer(409, b"x\n", content_type=SIZE_TYPE), "tells no size"),
        (http_answer(200, b""), "does not hold"),
        (http_answer(200, b"\xff\n"), "does not hold"),
        (http_answer(200, b"x" * 70_000), "more than any cosignature"),
    ],
)
def test_a_witness_that_refuses_or_answers_nonsense_is_named_with_what_to_do(
    serve: Serve, answer: bytes, message: str
) -> None:
    with pytest.raises(WitnessRefusedError, match=message):
        serve(answering(answer)).publish(LOG.note(9), time_ms=1)


def test_a_cosignature_over_another_tree_proves_nothing(serve: Serve, cosigner: Cosigner) -> None:
    witness = serve(answering(cosigned(cosigner, 8), cosigned(cosigner, 9)))

    with pytest.raises(WitnessRefusedError, match="does not hold for its keys"):
        witness.publish(LOG.note(9), time_ms=1)
    assert witness.cosigned == ""
    witness.publish(LOG.note(9), time_ms=1)
    assert witness.cosigned.startswith(LOG.note(9))


def test_a_witness_that_tells_another_size_each_time_is_not_asked_for_ever(serve: Serve) -> None:
    with pytest.raises(WitnessRefusedError, match="another size with each answer"):
        serve(answering(stale(1), stale(2), stale(3), stale(4))).publish(LOG.note(9), time_ms=1)


@pytest.mark.parametrize("answer", [b"no HTTP at all\r\n\r\n", b"HTTP/1.1 2", b""])
def test_a_witness_that_speaks_no_http_or_hangs_up_is_unreachable(serve: Serve, answer: bytes) -> None:
    with pytest.raises(WitnessError, match="the witness second"):
        serve(answering(answer)).publish(LOG.note(9), time_ms=1)


def test_a_kept_connection_that_was_closed_is_made_anew(serve: Serve, cosigner: Cosigner) -> None:
    answers = [cosigned(cosigner, 3), cosigned(cosigner, 9), cosigned(cosigner, 20)]

    def one_each(connection: object) -> None:
        read_request(connection)  # type: ignore[arg-type]  # an SSLSocket
        connection.sendall(answers.pop(0))  # type: ignore[attr-defined]  # an SSLSocket

    witness = serve(one_each)
    for size in (3, 9, 20):
        witness.publish(LOG.note(size), time_ms=1)

    assert witness.cosigned.startswith(LOG.note(20))


def test_a_connection_that_the_witness_will_close_is_not_kept(serve: Serve, cosigner: Cosigner) -> None:
    lines = cosigner.sign(read_checkpoint(LOG.note(3), LOG.keys), time_s=5).encode()
    closing = http_answer(200, lines, extra="Connection: close\r\n")
    witness = serve(answering(closing, cosigned(cosigner, 9)))

    witness.publish(LOG.note(3), time_ms=1)
    witness.publish(LOG.note(9), time_ms=1)

    assert witness.cosigned.startswith(LOG.note(9))


def test_a_witness_that_answers_a_byte_at_a_time_is_cut_off_at_the_deadline(
    tmp_path: Path, authority: Authority, cosigner: Cosigner
) -> None:
    def trickle(connection: object) -> None:
        read_request(connection)  # type: ignore[arg-type]  # an SSLSocket
        for byte in b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 50:
            connection.sendall(bytes([byte]))  # type: ignore[attr-defined]  # an SSLSocket
            time.sleep(0.1)

    with scripted_peer(authority, trickle) as peer:
        begin = time.monotonic()
        with pytest.raises(WitnessError):
            client(tmp_path, authority, cosigner, port=peer.port, deadline_s=0.7).publish(LOG.note(9), time_ms=1)

    assert time.monotonic() - begin < 5


def test_a_state_that_cannot_be_written_costs_the_copy_only(
    authority: Authority, cosigner: Cosigner, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with scripted_peer(authority, answering(cosigned(cosigner, 3))) as peer:
        witness = client(tmp_path / "file", authority, cosigner, port=peer.port)
        witness.publish(LOG.note(3), time_ms=1)
        witness.close()

    assert witness.cosigned.startswith(LOG.note(3))


def test_the_settings_of_a_witness_are_read_once_and_a_wrong_file_is_named(
    tmp_path: Path, authority: Authority, cosigner: Cosigner
) -> None:
    keys = tmp_path / "cosigner" / "cosigner.keys"
    chosen = LogWitness(kind="tlog-witness", url="https://w.example:8446/trail/", ca=authority.path, keys=keys)

    peer = Peer.load(chosen)

    assert (peer.name, peer.prefix, peer.cosigners) == ("witness", "/trail", cosigner.public_keys())
    assert (peer.target.host, peer.target.port) == ("w.example", 8446)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bad").write_text("garbage\n")
    for path, message in ((tmp_path / "none", "url or"), (tmp_path / "bad", "url or"), (tmp_path / "empty", "no key")):
        with pytest.raises(SettingsError, match=message):
            Peer.load(chosen.model_copy(update={"keys": path}))
    with pytest.raises(SettingsError, match="url or"):
        Peer.load(chosen.model_copy(update={"url": "https://w.example:99999/"}))
