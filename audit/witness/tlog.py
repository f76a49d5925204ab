"""The tlog-witness client: ask a second appliance, or any C2SP witness, to cosign each checkpoint.

The witness keeps the newest size for itself, so it is asked with the size that we believe it has, and told a proof from
the one that it says it has.  What it answers is believed only where its signature holds; its own word for a size counts
in one direction: more than we have, or another tree, is a conflict and stops the log.
"""

import contextlib
import http.client
import os
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from audit.checkpoint import Statement, read_checkpoint
from audit.errors import CheckpointError, FormatError, SettingsError, WitnessError, WitnessRefusedError
from audit.keyring.signatures import VerifierKey
from audit.settings import LogWitness
from audit.witness.cosignature import CosignerKey, valid_lines
from audit.witness.protocol import Prover, check_not_ahead, forked
from audit.witness.tlog_wire import MAX_ANSWER_BYTES, PATH, SIZE_TYPE, Submission, read_size, write_submission
from audit.witness.tls import TlsTarget

HTTPS_PORT = 443
"""When the URL names none."""

ATTEMPTS = 3
"""With the size that we believe, with the size that it says, and once more if its size moved in between."""

_REASONS = {
    400: "it finds our request malformed; check that it speaks tlog-witness",
    403: "it does not trust our checkpoint keys; give its operator our verifier.keys",
    404: "it does not know our log; give its operator our verifier.keys",
    413: "it finds our checkpoint too large; check that it takes ML-DSA-44 signatures",
    429: "it is asked too often; ask its operator for a higher limit",
    503: "it cannot answer now; its operator sees why",
    507: "its disk is full; tell its operator",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Where a witness listens, and whose cosignature counts."""

    name: str
    target: TlsTarget
    prefix: str
    """Path of the submission prefix, without a final slash."""

    cosigners: tuple[CosignerKey, ...]

    @classmethod
    def load(cls, chosen: LogWitness) -> Self:
        """Read the files that the settings name.  Raises SettingsError naming the wrong one."""
        url = urlsplit(chosen.url)
        try:
            port, host = url.port or HTTPS_PORT, url.hostname or ""
            lines = chosen.keys.read_text(encoding="utf-8").splitlines()
            cosigners = tuple(CosignerKey.from_vkey(line) for line in lines if line)
        except (OSError, ValueError, FormatError) as error:
            raise SettingsError(
                f"the witness {chosen.name}: its url or {chosen.keys} is wrong ({type(error).__name__}); 'keys' is a"
                " file with the vkey lines that its operator gave"
            ) from error
        if not cosigners:
            raise SettingsError(f"{chosen.keys} holds no key; ask the witness's operator for its vkey lines")
        target = TlsTarget.load(host, port, ca=chosen.ca).through(chosen.relay)
        return cls(name=chosen.name, target=target, prefix=url.path.rstrip("/"), cosigners=cosigners)


class TlogWitness:
    """One tlog-witness, over a connection that is kept while it lasts.  Owned by one thread at a time."""

    kind = "tlog-witness"

    def __init__(self, peer: Peer, *, keys: Sequence[VerifierKey], prove: Prover, state: Path) -> None:
        """Take the peer, the log's public keys, what proves, and a file for the newest cosigned checkpoint."""
        self.name = peer.name
        self._target = peer.target
        self._prefix = peer.prefix
        self._cosigners = peer.cosigners
        self._keys = keys
        self._prove = prove
        self._state = state
        self._kept: tuple[http.client.HTTPConnection, ssl.SSLSocket] | None = None
        self.cosigned = _read_state(state)
        self._size = self._size_of(self.cosigned)
        """The size that the witness is believed to have; it corrects us when that is wrong."""

    def confirm(self, note: str) -> None:
        """Have a note cosigned: that is the comparison, for a witness answers a tree that is not its own with no."""
        self._submit(note)

    def publish(self, note: str, *, time_ms: int) -> None:  # noqa: ARG002  # the note holds its own time
        """Have a note cosigned and keep it with the cosignature."""
        self._submit(note)

    def close(self) -> None:
        """Close the connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept[0].close()

    @property
    def _where(self) -> str:
        return f"the witness {self.name} ({self._target.where})"

    def _submit(self, note: str) -> None:
        statement = read_checkpoint(note, self._keys)
        self._size = min(self._size, statement.size)
        for _ in range(ATTEMPTS):
            answer = self._ask(self._submission(note, statement))
            if answer.status == http.client.OK:
                self._take(note, statement, answer.body)
                return
            self._learn(statement, answer)
        raise WitnessRefusedError(f"{self._where} gives another size with each answer; tell its operator")

    def _submission(self, note: str, statement: Statement) -> Submission:
        return Submission(old_size=self._size, proof=self._prove(self._size, statement.size), note=note)

    def _learn(self, statement: Statement, answer: _Answer) -> None:
        """Take the size from a refusal.  Raises ConsistencyError if it means another tree, else WitnessRefusedError."""
        told_size = self._told_size(answer)
        if told_size is not None:
            check_not_ahead(told_size, statement.size, where=self._where)
        if answer.status == http.client.UNPROCESSABLE_ENTITY or (
            answer.status == http.client.CONFLICT and self._size == statement.size and told_size in {None, self._size}
        ):
            # Our size was right, or it would have told us: then it remembers another root.
            raise forked(self._size, where=self._where)
        if told_size is None:
            reason = _REASONS.get(answer.status, f"it answered with status {answer.status}; its operator sees why")
            raise WitnessRefusedError(f"{self._where} refuses our checkpoints: {reason}")
        self._size = told_size

    def _told_size(self, answer: _Answer) -> int | None:
        if answer.status != http.client.CONFLICT or answer.content_type.partition(";")[0].strip() != SIZE_TYPE:
            return None
        try:
            return read_size(answer.body)
        except FormatError as error:
            raise WitnessRefusedError(f"{self._where} tells no size that can be read; tell its operator") from error

    def _take(self, note: str, statement: Statement, body: bytes) -> None:
        """Check the cosignature, and keep the note with it."""
        try:
            lines = valid_lines(body.decode(), statement=statement, keys=self._cosigners)
        except (CheckpointError, UnicodeDecodeError) as error:
            raise WitnessRefusedError(
                f"{self._where} answered with a cosignature that does not hold for its keys; ask its operator whether"
                " the keys have changed"
            ) from error
        self._size, self.cosigned = statement.size, note + lines
        _write_state(self._state, self.cosigned)

    def _ask(self, submission: Submission) -> _Answer:
        """Send a request; on a kept connection that turns out to be closed, once more on a new one."""
        body = write_submission(submission)
        if self._kept is not None:
            with contextlib.suppress(WitnessError):
                return self._exchange(*self._kept, body)
        connection = http.client.HTTPConnection(self._target.host, self._target.port)
        connection.auto_open = 0
        connection.sock = secured = self._target.connect(where=self._where)
        self._kept = (connection, secured)
        return self._exchange(connection, secured, body)

    def _exchange(self, connection: http.client.HTTPConnection, secured: ssl.SSLSocket, body: bytes) -> _Answer:
        try:
            with self._target.told(self._where), self._target.deadline(secured):
                headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "audit-recorder"}
                connection.request("POST", self._prefix + PATH, body=body, headers=headers)
                with connection.getresponse() as response:
                    content = response.read(MAX_ANSWER_BYTES + 1)
                    answer = _Answer(
                        status=response.status, content_type=response.headers.get("Content-Type", ""), body=content
                    )
        except http.client.HTTPException as error:
            self.close()
            raise WitnessError(f"{self._where} does not speak HTTP ({type(error).__name__}); check its log") from error
        except WitnessError:
            self.close()
            raise
        if len(answer.body) > MAX_ANSWER_BYTES:
            self.close()
            raise WitnessRefusedError(f"{self._where} answers with more than any cosignature; tell its operator")
        if response.will_close:
            self.close()
        return answer

    def _size_of(self, note: str) -> int:
        try:
            return read_checkpoint(note, self._keys).size if note else 0
        except CheckpointError:
            return 0  # Damaged, or of another log: the witness tells the size itself.


def _read_state(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _write_state(path: Path, note: str) -> None:
    """Keep the newest cosigned note, whole or not at all; its loss costs nothing but the copy."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        temporary.write_text(note, encoding="utf-8")
        os.replace(temporary, path)  # noqa: PTH105  # beside its parent's mkdir, one call of the system
