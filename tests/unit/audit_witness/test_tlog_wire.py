import base64

import pytest

from audit.errors import FormatError
from audit.witness.tlog_wire import (
    MAX_REQUEST_BYTES,
    Submission,
    origin_of,
    read_size,
    read_submission,
    write_size,
    write_submission,
)

HASH = base64.b64encode(b"\x01" * 32)


def test_a_submission_is_written_as_the_specification_shows_and_read_back() -> None:
    submission = Submission(old_size=20852014, proof=(b"\x01" * 32, b"\x02" * 32), note="o\n1\nr\n\n\u2014 o x\n")

    body = write_submission(submission)

    assert body.split(b"\n")[:2] == [b"old 20852014", HASH]
    assert body.endswith(b"\n\no\n1\nr\n\n\xe2\x80\x94 o x\n")
    assert read_submission(body) == submission
    assert origin_of(submission.note) == "o"


def test_a_first_submission_has_no_proof() -> None:
    assert write_submission(Submission(old_size=0, proof=(), note="n\n")) == b"old 0\n\nn\n"
    assert read_submission(b"old 0\n\nn\n") == Submission(old_size=0, proof=(), note="n\n")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 1\n",
        b"new 1\n\nnote",
        b"old 01\n\nnote",
        b"old -1\n\nnote",
        b"old +1\n\nnote",
        b"old  1\n\nnote",
        b"old \xc2\xb2\n\nnote",
        b"old 9007199254740992\n\nnote",
        b"old " + b"9" * 5000 + b"\n\nnote",
        b"old 1\r\n\r\nnote",
        b"old 1\nAA==\n\nnote",
        b"old 1\n" + HASH[:-1] + b"\n\nnote",
        b"old 1\n" + HASH[:-2] + b"F=\n\nnote",
        b"old 1\n " + HASH + b"\n\nnote",
        b"old 1\n" + (HASH + b"\n") * 64 + b"\nnote",
        b"old 1\n\n\xff",
        b"old 1\n\n" + b"x" * MAX_REQUEST_BYTES,
    ],
)
def test_anything_else_is_malformed(body: bytes) -> None:
    with pytest.raises(FormatError):
        read_submission(body)


def test_a_size_is_a_decimal_line() -> None:
    assert write_size(12) == b"12\n"
    assert read_size(b"12\n") == 12
    for body in (b"12", b"", b"\n", b"012\n", b"12\n\n", b"-1\n", b"1e3\n"):
        with pytest.raises(FormatError):
            read_size(body)
