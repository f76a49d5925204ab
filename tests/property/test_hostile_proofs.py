"""Whatever stands in a proof, a note, a receipt or a leaf: our errors come out, and the scanner never takes more."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.canonical import decode, encode
from audit.checkpoint import read_checkpoint, read_receipt, sign_receipt, verify_consistency, verify_inclusion
from audit.errors import AuditError, FormatError
from audit.merkle import leaf_hash
from audit.record import Event, Kind, Leaf, facts_document
from audit.tlog_proof import Proof, format_proof, proof_from_receipt, read_proof, verify_proof
from audit.verify.scan import read_client, read_leaf
from tests.support.trail_rows import KEY, make_leaf, make_rows, note_of

KEYS = KEY.verifier_keys()
LEAVES = [make_leaf(place) for place in range(2)]
ROWS, TREE = make_rows(LEAVES)
NOTE = note_of(TREE)
HASHES = [leaf_hash(leaf.to_bytes()) for leaf in LEAVES]
PROOF = format_proof(Proof(index=0, hashes=(HASHES[1],), note=NOTE, extra=LEAVES[0].to_bytes()))
RECEIPT = sign_receipt(KEY, sequence=0, leaf_hash=HASHES[0], time_ms=1)
CHECKPOINT = read_checkpoint(NOTE, KEYS)

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
FACTS = st.dictionaries(
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
    st.text(max_size=8) | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | st.lists(st.text(max_size=4)),
    max_size=4,
)


def _damaged(text: str, draw: st.DataObject) -> str:
    """Return a text with one run of characters replaced by others."""
    begin = draw.draw(st.integers(0, len(text) - 1))
    end = draw.draw(st.integers(begin, min(len(text), begin + 4)))
    return text[:begin] + draw.draw(st.text(max_size=3)) + text[end:]


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_proof_never_holds_for_another_record(data: st.DataObject) -> None:
    damaged = _damaged(PROOF, data)
    try:
        proven = verify_proof(damaged, KEYS)
    except AuditError:
        return
    assert (proven.index, proven.leaf_hash, proven.leaf) == (0, HASHES[0], LEAVES[0])


@given(st.text())
def test_a_garbage_proof_raises_our_error(text: str) -> None:
    with pytest.raises(AuditError):
        verify_proof(text, KEYS)


@given(st.text(), st.text(), st.text())
def test_garbage_behind_a_proofs_head_raises_our_error(lines: str, note: str, receipt: str) -> None:
    with pytest.raises(AuditError):
        verify_proof(f"c2sp.org/tlog-proof@v1\n{lines}\n\n{note}", KEYS, receipt=receipt)


@given(st.data())
def test_a_damaged_receipt_raises_our_error(data: st.DataObject) -> None:
    damaged = _damaged(RECEIPT.compact, data)
    try:
        assert read_receipt(damaged, KEYS).leaf_hash == HASHES[0]
    except AuditError:
        assert damaged != RECEIPT.compact


@given(st.data())
def test_a_damaged_checkpoint_raises_our_error_or_says_the_same(data: st.DataObject) -> None:
    try:
        read = read_checkpoint(_damaged(NOTE, data), KEYS)
    except AuditError:
        return
    assert (read.size, read.root) == (2, CHECKPOINT.root)


@given(st.binary(max_size=40), st.integers(-5, 5), st.lists(st.binary(max_size=40), max_size=4))
def test_garbage_never_leads_to_a_signed_root(leaf: bytes, index: int, proof: list[bytes]) -> None:
    with pytest.raises(AuditError):
        verify_inclusion(leaf, index, proof, CHECKPOINT)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_garbage_never_proves_an_extension(proof: list[bytes]) -> None:
    with pytest.raises(AuditError):
        verify_consistency(proof, CHECKPOINT, CHECKPOINT)


JSON = st.recursive(
    st.text() | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["checkpoint", "records", "keys"]), JSON), st.text())
def test_a_garbage_receipt_document_raises_our_error(document: dict[str, Any], compact: str) -> None:
    with pytest.raises(AuditError):
        proof_from_receipt(document, compact=compact)


@given(st.lists(st.dictionaries(st.sampled_from(["leaf", "facts", "proof"]), JSON), min_size=1, max_size=2))
def test_garbage_records_of_a_receipt_document_raise_our_error(records: list[Any]) -> None:
    with pytest.raises(AuditError):
        proof_from_receipt({"checkpoint": NOTE, "keys": [key.to_vkey() for key in KEYS], "records": records})


@given(st.binary())
def test_garbage_that_is_no_proof_text_raises_our_error(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_proof(data.decode("utf-8", "replace"))


def _fields_of(leaf: Leaf) -> tuple[Any, ...]:
    people = (leaf.client, leaf.user, leaf.patients)
    named = (leaf.tenant, leaf.task, leaf.purpose, leaf.route, leaf.outcome, leaf.code, leaf.policy_digest, leaf.model)
    digests = (leaf.facts_digest, leaf.cipher_digest, leaf.plain_commitment)
    place = (leaf.origin, leaf.event_id, leaf.kind.value, leaf.month, leaf.exchange_id, leaf.previous)
    return (*people, *named, *digests, *place, leaf.sequence, leaf.time_ms, leaf.skew_ms)


def _scanned_fields(data: bytes) -> tuple[Any, ...]:
    leaf = read_leaf(data)
    people = (leaf.client, leaf.user, leaf.patients)
    named = (leaf.tenant, leaf.task, leaf.purpose, leaf.route, leaf.outcome, leaf.code, leaf.policy, leaf.model)
    digests = (leaf.facts, leaf.cipher, leaf.plain)
    place = (leaf.origin, leaf.event, leaf.kind, leaf.month, leaf.exchange, leaf.previous)
    return (*people, *named, *digests, *place, int(leaf.sequence), int(leaf.time), int(leaf.skew or 0))


LEAF = st.builds(
    make_leaf,
    st.integers(0, 2**53 - 1),
    kind=st.sampled_from(Kind),
    task=TEXT | st.just(""),
    user=TEXT | st.just(""),
    patients=st.lists(TEXT, max_size=3).map(tuple),
    code=TEXT | st.just(""),
    previous=TEXT | st.just(""),
    skew_ms=st.integers(0, 2**53 - 1),
    time_ms=st.integers(0, 2**53 - 1),
)


@given(LEAF)
@settings(max_examples=300)
def test_the_scanner_reads_every_leaf_as_the_complete_reader_does(leaf: Leaf) -> None:
    data = leaf.to_bytes()

    assert _scanned_fields(data) == _fields_of(Leaf.from_bytes(data))


@given(LEAF, st.data())
@settings(max_examples=500)
def test_the_scanner_takes_no_damaged_leaf_that_the_complete_reader_refuses(leaf: Leaf, data: st.DataObject) -> None:
    damaged = _damaged(leaf.to_bytes().decode(), data).encode("utf-8", "surrogatepass")
    try:
        expected: Any = _fields_of(Leaf.from_bytes(damaged))
    except FormatError:
        expected = FormatError
    try:
        scanned: Any = _scanned_fields(damaged)
    except FormatError:
        scanned = FormatError
    assert scanned == expected


@given(st.binary(max_size=60))
def test_garbage_is_no_leaf_and_no_facts(data: bytes) -> None:
    for read in (read_leaf, read_client):
        try:
            read(data)
        except FormatError:
            continue
        assert decode(data) is not None


@given(FACTS, TEXT, TEXT | st.just(""))
@settings(max_examples=300)
def test_the_scanner_reads_every_facts_document_as_the_complete_reader_does(
    facts: dict[str, Any], client: str, trace_id: str
) -> None:
    event = Event(kind=Kind.DECISION, client=client, request_id="r", trace_id=trace_id, facts=facts)

    assert read_client(facts_document(event)) == client


@given(FACTS, st.data())
@settings(max_examples=500)
def test_the_scanner_takes_no_facts_that_the_complete_reader_refuses(
    facts: dict[str, Any], data: st.DataObject
) -> None:
    document = encode({"client": "c", "facts": {"a": 1, "b": [], **facts}, "request_id": "r"}).decode()
    damaged = _damaged(document, data).encode("utf-8", "surrogatepass")
    try:
        value = decode(damaged).get("client", "")
        expected: Any = value if isinstance(value, str) else ""
    except FormatError:
        expected = FormatError
    try:
        scanned: Any = read_client(damaged)
    except FormatError:
        scanned = FormatError
    assert scanned == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"facts":{"b":1,"a":2}}',
        '{"facts":{"a":1,"a":2}}',
        '{"facts":{"a":01}}',
        '{"facts":{"a":-0}}',
        '{"facts":{"a":1.0}}',
        '{"facts":{"a":null}}',
        '{"facts":{"a":[1,]}}',
        '{"client":"c",}',
        '{"client":"c","client":"d"}',
        '{"facts":{"a":1},"client":"c"}',
        '{"client":"c"} ',
        '{"facts":{"a":"\\u0041"}}',
    ],
)
def test_facts_in_another_spelling_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        read_client(text.encode())


def test_facts_with_a_deep_or_escaped_value_are_read_by_the_complete_reader() -> None:
    text = json.dumps({"client": "c", "facts": {"a": [["x"]], "b": "\n"}}, separators=(",", ":"))

    assert read_client(text.encode()) == "c"
    assert read_client(b'{"client":5}') == ""
