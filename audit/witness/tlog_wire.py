"""Bytes of the C2SP tlog-witness protocol (c2sp.org/tlog-witness): what a log submits, and what a witness answers.

Pure.  Both ends use it, and both treat what they get as hostile: FormatError for anything that is not exactly in form.
"""

import base64
import binascii
from dataclasses import dataclass

from audit.checkpoint import MAX_NOTE_BYTES, MAX_SIZE
from audit.errors import FormatError
from audit.merkle import HASH_BYTES

PATH = "/add-checkpoint"
"""Below the submission prefix."""

SIZE_TYPE = "text/x.tlog.size"
"""Content type of a 409 that tells the size of the newest cosigned checkpoint."""

MAX_PROOF_LINES = 63
"""What a client may send at most; trees up to 2^63 need no more."""

MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 4096
"""A note with sixteen signatures, and the proof lines."""

MAX_ANSWER_BYTES = MAX_NOTE_BYTES
"""As many signatures as a note may have."""

_OLD = b"old "


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a log hands in."""

    old_size: int
    """Size of the checkpoint that it believes to be the witness's newest."""

    proof: tuple[bytes, ...]
    """Consistency proof from the old size to the note's."""

    note: str


def write_submission(submission: Submission) -> bytes:
    """Return the body of a request."""
    lines = [f"old {submission.old_size}", *(base64.b64encode(node).decode() for node in submission.proof), ""]
    return "".join(f"{line}\n" for line in lines).encode() + submission.note.encode()


def read_submission(body: bytes) -> Submission:
    """Return what a request's body says.  Raises FormatError naming the part that is wrong."""
    if len(body) > MAX_REQUEST_BYTES:
        raise FormatError("the request is larger than any checkpoint")
    head, blank, note = body.partition(b"\n\n")
    old, *proof = head.split(b"\n")
    if not blank or not old.startswith(_OLD):
        raise FormatError("the request does not begin with 'old SIZE', proof lines and an empty line")
    if len(proof) > MAX_PROOF_LINES:
        raise FormatError(f"the request has more than {MAX_PROOF_LINES} proof lines")
    try:
        text = note.decode()
    except UnicodeDecodeError as error:
        raise FormatError("the checkpoint is not UTF-8") from error
    return Submission(old_size=_number(old.removeprefix(_OLD)), proof=tuple(_hash(line) for line in proof), note=text)


def write_size(size: int) -> bytes:
    """Return the body of a 409."""
    return f"{size}\n".encode()


def read_size(body: bytes) -> int:
    """Return the size that a 409 tells.  Raises FormatError if it tells none."""
    if not body.endswith(b"\n"):
        raise FormatError("the witness's size line has no end")
    return _number(body[:-1])


def origin_of(note: str) -> str:
    """Return the first line of a note, believed by nobody yet."""
    return note.partition("\n")[0]


def _number(digits: bytes) -> int:
    plain = digits.isdigit() and (digits == b"0" or not digits.startswith(b"0"))
    if not plain or len(digits) > len(str(MAX_SIZE)) or int(digits) > MAX_SIZE:
        raise FormatError("a size is not a plain decimal number")
    return int(digits)


def _hash(line: bytes) -> bytes:
    try:
        node = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("a proof line is not base64") from error
    if len(node) != HASH_BYTES or base64.b64encode(node) != line:
        raise FormatError("a proof line is not the base64 of one hash")
    return node
