import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.compact import DICTIONARY, pack, unpack
from audit.errors import FormatError

DICTIONARY_CRC = 0x8AC07752


@given(st.binary(max_size=5000))
def test_what_is_packed_unpacks_to_itself(data: bytes) -> None:
    assert unpack(pack(data)) == data


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_or_bounded(data: bytes) -> None:
    try:
        document = unpack(data, limit=1000)
    except FormatError:
        return
    assert len(document) <= 1000


def test_a_document_that_would_grow_beyond_the_limit_is_refused() -> None:
    bomb = pack(bytes(10_000_000))

    with pytest.raises(FormatError, match="longer than 1000"):
        unpack(bomb, limit=1000)


def test_a_document_of_just_the_limit_is_taken() -> None:
    assert unpack(pack(bytes(1000)), limit=1000) == bytes(1000)


def test_bytes_that_end_too_early_or_go_on_are_refused() -> None:
    whole = pack(b'{"a":"b"}')

    with pytest.raises(FormatError, match="too early"):
        unpack(whole[:-1])
    with pytest.raises(FormatError, match="follow"):
        unpack(whole + b"\0")
    with pytest.raises(FormatError, match="too early"):
        unpack(b"")
    with pytest.raises(FormatError, match="not deflate"):
        unpack(b"\xff" * 20)


def test_a_second_implementation_reads_it_with_the_dictionary_of_the_format() -> None:
    data = b'{"client":"' + os.urandom(16).hex().encode() + b'","kind":"intent","v":1}'

    assert zlib.decompressobj(-12, DICTIONARY).decompress(pack(data)) == data
    assert zlib.crc32(DICTIONARY) == DICTIONARY_CRC, "the dictionary is part of the format and never changes"


def test_a_leaf_takes_about_half_of_its_bytes() -> None:
    names = ("cipher", "client", "exchange", "facts", "id", "plain", "policy", "prev")
    leaf = b"{" + b",".join(f'"{name}":"{os.urandom(24).hex()}"'.encode() for name in names) + b"}"

    assert len(pack(leaf)) < 0.62 * len(leaf)


def test_the_format_page_holds_the_dictionary_to_the_byte() -> None:
    page = (Path(__file__).parents[3] / "audit" / "FORMAT.md").read_text(encoding="utf-8")

    block = page.split("### Packed")[1].split("```\n")[1]

    assert block.replace("\n", "").encode() == DICTIONARY
