"""Canonical bytes are stable, injective, and the only bytes that are read."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import MAX_DEPTH, MAX_INTEGER, decode, encode
from audit.errors import FormatError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KEYS = st.text(st.characters(max_codepoint=127), max_size=10)
VALUES = st.recursive(
    st.one_of(TEXT, st.booleans(), st.integers(-MAX_INTEGER, MAX_INTEGER)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=10,
).filter(lambda value: depth(value) < MAX_DEPTH)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=6)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def typed(value: object) -> object:
    """Return a value that tells true from 1, which Python's == does not."""
    if isinstance(value, dict):
        return {key: typed(member) for key, member in value.items()}
    return [typed(item) for item in value] if isinstance(value, list) else (type(value).__name__, value)


@given(DOCUMENTS)
def test_what_is_written_is_read_back(document: dict) -> None:
    assert typed(decode(encode(document))) == typed(document)


@given(DOCUMENTS)
def test_the_order_of_members_does_not_matter(document: dict) -> None:
    assert encode(dict(reversed(document.items()))) == encode(document)


@given(DOCUMENTS, DOCUMENTS)
def test_two_documents_never_share_their_bytes(one: dict, other: dict) -> None:
    assert (encode(one) == encode(other)) == (typed(one) == typed(other))


@given(DOCUMENTS.filter(bool))
def test_another_spelling_of_the_same_document_is_refused(document: dict) -> None:
    with pytest.raises(FormatError):
        decode(json.dumps(document, indent=1).encode())


@given(st.binary(max_size=60))
def test_garbage_raises_our_error(data: bytes) -> None:
    with contextlib.suppress(FormatError):
        assert encode(decode(data)) == data


@given(st.text(st.sampled_from('{}[]":,0123456789.eE+-truefalsn \\u'), max_size=30))
def test_garbage_that_looks_like_json_raises_our_error(text: str) -> None:
    with contextlib.suppress(FormatError):
        assert encode(decode(text.encode())) == text.encode()
