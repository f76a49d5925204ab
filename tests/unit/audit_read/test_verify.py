import hashlib

import pytest

from audit.checkpoint import sign_receipt
from audit.compact import pack
from audit.errors import OpenError, VerificationError
from audit.findings import Verdict
from audit.full_receipt import write_full_receipt
from audit.keyring import SigningKey
from audit.merkle import EMPTY_ROOT, Frontier, leaf_hash
from audit.record import Kind, Leaf
from audit.terms import COLUMNS
from audit.tlog_proof import Proof, format_proof
from audit.verify import RECORD_COLUMNS, Verifier
from audit.verify.copies import KNOWN
from tests.support.trail_rows import (
    FACTS,
    KEY,
    ORIGIN,
    SALT,
    changed,
    finish,
    make_leaf,
    make_rows,
    make_trail,
    note_of,
    verify_rows,
)


def test_a_whole_trail_is_verified() -> None:
    rows, tree = make_rows(make_leaf(place) for place in range(5))

    report = verify_rows(rows, [(5, note_of(tree))])

    assert (report.verdict, report.size, report.signed, report.first_bad) == (Verdict.VERIFIED, 5, 5, None)


def test_records_after_the_newest_checkpoint_are_counted_and_no_fault() -> None:
    leaves = [make_leaf(place) for place in range(5)]
    rows, _ = make_rows(leaves)
    _, tree = make_rows(leaves[:3])

    report = verify_rows(rows, [(3, note_of(tree))])

    assert (report.verdict, report.size, report.signed) == (Verdict.VERIFIED, 5, 3)


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "another.example/log"},
        {"sequence": 1},
        {"time_ms": 5},
        {"kind": Kind.EPOCH},
        {"event_id": f"ev_{1:032x}"},
    ],
)
def test_a_leaf_that_does_not_belong_here_is_found(changes: dict[str, object]) -> None:
    leaves = [make_leaf(place, **(changes if place == 2 else {})) for place in range(4)]
    rows, tree = make_rows(leaves)
    rows[2] = changed(rows[2], sequence=2)

    report = verify_rows(rows, [(4, note_of(tree))])

    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, 2)
    assert report.steps[2].verdict is Verdict.TAMPERED


def test_a_first_record_that_is_no_epoch_is_found() -> None:
    rows, tree = make_rows([make_leaf(0, kind=Kind.OPERATION)])

    assert verify_rows(rows, [(1, note_of(tree))]).first_bad == 0


@pytest.mark.parametrize("event_id", ["ev_x", "text", f"ev_{'A' * 32}", f"ev_{'z' * 32}", "0" * 32, f"ev_{' ' * 32}"])
def test_an_event_id_of_another_form_is_found(event_id: str) -> None:
    rows, tree = make_rows([make_leaf(0), make_leaf(1, event_id=event_id)])

    assert verify_rows(rows, [(2, note_of(tree))]).first_bad == 1


def test_every_repeat_of_an_event_id_is_named() -> None:
    rows, tree = make_rows([make_leaf(0), *(make_leaf(place, event_id=f"ev_{7:032x}") for place in (1, 2, 3))])

    report = verify_rows(rows, [(4, note_of(tree))])

    assert [found.sequence for found in report.steps[2].findings] == [2, 3]


@pytest.mark.parametrize(
    ("second", "third"),
    [
        ({"exchange_id": "ex_1", "previous": "ev_unknown"}, {}),
        ({"exchange_id": "ex_1"}, {"exchange_id": "ex_1"}),
        ({"previous": "ev_1"}, {}),
    ],
)
def test_events_that_do_not_follow_each_other_are_found(second: dict[str, str], third: dict[str, str]) -> None:
    rows, tree = make_rows([make_leaf(0), make_leaf(1, **second), make_leaf(2, **third)])

    report = verify_rows(rows, [(3, note_of(tree))])

    assert report.steps[6].verdict is Verdict.TAMPERED


def test_facts_that_are_bound_and_not_canonical_are_found() -> None:
    spaced = b'{ "facts": {} }'
    rows, tree = make_rows([make_leaf(0), make_leaf(1, facts_digest=hashlib.sha256(spaced).hexdigest())])
    rows[1] = changed(rows[1], facts=pack(spaced))

    report = verify_rows(rows, [(2, note_of(tree))])

    assert (report.first_bad, report.steps[4].verdict) == (1, Verdict.TAMPERED)


def test_a_checkpoint_of_another_key_is_found() -> None:
    rows, tree = make_rows([make_leaf(0)])
    thief = SigningKey.from_seeds(origin=ORIGIN, ed25519=b"\x06" * 32, mldsa44=b"\x07" * 32)

    report = verify_rows(rows, [(1, note_of(tree, thief))])

    assert report.steps[8].verdict is Verdict.TAMPERED


def test_a_checkpoint_over_nothing_fits_the_empty_tree_only() -> None:
    rows, _ = make_rows([make_leaf(0)])

    assert verify_rows(rows, [(0, note_of(Frontier()))]).verdict is Verdict.VERIFIED
    assert Frontier().root() == EMPTY_ROOT


def test_a_checkpoint_with_another_root_names_the_range_since_the_last_good_one() -> None:
    leaves = [make_leaf(place) for place in range(6)]
    rows, _ = make_rows(leaves)
    _, good = make_rows(leaves[:2])
    _, other = make_rows([*leaves[:3], make_leaf(3, code="other")])

    report = verify_rows(rows, [(2, note_of(good)), (4, note_of(other))])

    assert (report.first_bad, report.first_bad_last) == (2, 3)


def test_a_receipt_for_another_record_names_its_place() -> None:
    rows, tree = make_rows(make_leaf(place) for place in range(3))
    receipt = sign_receipt(KEY, sequence=1, leaf_hash=leaf_hash(b"another"), time_ms=1)
    verifier = Verifier(KEY.verifier_keys(), salt=SALT)
    verifier.add_checkpoints([(3, note_of(tree))])
    verifier.add_receipt(receipt.compact)

    assert finish(verifier, rows).first_bad == 1


def test_a_claim_beyond_a_gap_cannot_hold() -> None:
    rows, tree = make_rows(make_leaf(place) for place in range(5))

    report = verify_rows([*rows[:2], *rows[3:]], [(5, note_of(tree))])

    assert report.first_bad == 2
    assert report.steps[8].verdict is Verdict.TAMPERED


def test_an_index_row_of_a_record_that_came_meanwhile_is_no_fault() -> None:
    rows, tree = make_rows(make_leaf(place) for place in range(2))
    verifier = Verifier(KEY.verifier_keys(), salt=SALT)
    verifier.add_checkpoints([(2, note_of(tree))])

    assert finish(verifier, rows, index=[(bytes(16), 2)], size_now=3).verdict is Verdict.VERIFIED


def test_people_that_are_no_hex_are_still_compared() -> None:
    rows, tree = make_rows([make_leaf(0, user="nothex")])

    assert verify_rows(rows, [(1, note_of(tree))]).first_bad == 0
    assert verify_rows(rows, [(1, note_of(tree))], [(b"nothex", 0)]).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(VerificationError("other body"), Verdict.TAMPERED), (OpenError("no key"), Verdict.UNVERIFIABLE)],
)
def test_what_opening_says_decides_step_12(error: Exception, verdict: Verdict) -> None:
    def check(_leaf: Leaf, _wrapped: bytes, _cipher: bytes) -> None:
        raise error

    digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing
    rows, tree = make_rows([make_leaf(0, cipher_digest=digest, plain_commitment="00")])
    rows[0] = changed(rows[0], wrapped_key=b"wrapped", ciphertext=b"")
    verifier = Verifier(KEY.verifier_keys(), salt=SALT, check_body=check)
    verifier.add_checkpoints([(1, note_of(tree))])

    report = finish(verifier, rows)

    assert (report.verdict, report.first_bad) == (verdict, 0)


def test_steps_out_of_order_are_a_programmers_fault() -> None:
    verifier = Verifier(KEY.verifier_keys(), salt=SALT)
    with pytest.raises(RuntimeError, match="out of order"):
        verifier.finish(size_now=0)

    verifier.add_records([])
    for late in (
        lambda: verifier.add_checkpoints([]),
        lambda: verifier.add_witness("w", []),
        lambda: verifier.add_receipt("r"),
        lambda: verifier.add_outside_checkpoint("c", "n"),
        lambda: verifier.add_terms([]),
        lambda: verifier.add_blocks([], size=0),
        lambda: verifier.add_index([], size=0),
        lambda: verifier.add_records([]),
    ):
        with pytest.raises(RuntimeError, match="out of order"):
            late()


def test_a_report_keeps_the_first_findings_and_counts_the_others() -> None:
    rows, tree = make_rows(make_leaf(place) for place in range(20))
    broken = [changed(row, nodes=b"") for row in rows]

    step = verify_rows(broken, [(20, note_of(tree))]).steps[7]

    assert (len(step.findings), step.more) == (5, 15)


def test_without_keys_nothing_verifies() -> None:
    rows, tree = make_rows([make_leaf(0)])
    verifier = Verifier((), salt=SALT)
    verifier.add_checkpoints([(1, note_of(tree))])

    assert finish(verifier, rows).verdict is Verdict.TAMPERED


def test_other_facts_are_found_although_they_are_canonical() -> None:
    rows, tree = make_rows([make_leaf(0), make_leaf(1)])
    rows[1] = changed(rows[1], facts=pack(b'{"client":"other"}'))

    report = verify_rows(rows, [(2, note_of(tree))])

    assert (report.first_bad, report.steps[4].verdict) == (1, Verdict.TAMPERED)


def test_another_body_is_found() -> None:
    digest = hashlib.sha256(b"sealed").hexdigest()
    rows, tree = make_rows([make_leaf(0, cipher_digest=digest, plain_commitment="00")])

    whole = verify_rows([changed(rows[0], wrapped_key=b"key", ciphertext=b"sealed")], [(1, note_of(tree))])
    other = verify_rows([changed(rows[0], wrapped_key=b"key", ciphertext=b"Sealed")], [(1, note_of(tree))])

    assert (whole.verdict, other.verdict) == (Verdict.VERIFIED, Verdict.TAMPERED)


def test_a_missing_record_is_found_by_its_own_step() -> None:
    rows, tree = make_rows(make_leaf(place) for place in range(4))

    report = verify_rows([rows[0], *rows[2:]], [(4, note_of(tree))])

    assert report.steps[1].findings[0].sentence == "records 1 to 1 are missing"


def test_a_checkpoint_filed_under_another_size_is_found() -> None:
    rows, tree = make_rows([make_leaf(0), make_leaf(1)])

    assert verify_rows(rows, [(1, note_of(tree))]).verdict is Verdict.TAMPERED


def test_an_index_row_of_no_record_is_found() -> None:
    rows, tree = make_rows([make_leaf(0)])

    assert verify_rows(rows, [(1, note_of(tree))], [(bytes(16), 7), (bytes(16), 9)]).first_bad == 7


def test_more_people_than_are_remembered_are_still_told_apart() -> None:
    people = [place.to_bytes(16) for place in range(1, KNOWN + 3)]
    rows, tree = make_rows([make_leaf(0, patients=tuple(sorted(person.hex() for person in people)))])
    index = [(person, 0) for person in people]

    assert verify_rows(rows, [(1, note_of(tree))], index).verdict is Verdict.VERIFIED
    assert verify_rows(rows, [(1, note_of(tree))], index[1:]).verdict is Verdict.TAMPERED


WORKING = {"kind": Kind.DECISION, "task": "medical-coding", "route": "local", "code": "route"}
CLIENT_FACTS = b'{"client":"ehr-main","facts":{"allowed":true,"n":1}}'


def _worked(count: int = 4) -> list[Leaf]:
    digest = hashlib.sha256(CLIENT_FACTS).hexdigest()
    return [make_leaf(place, facts_digest=digest, **(WORKING if place else {})) for place in range(count)]


def _verifier(note: str, size: int) -> Verifier:
    verifier = Verifier(KEY.verifier_keys(), salt=SALT)
    verifier.add_checkpoints([(size, note)])
    return verifier


def test_terms_that_are_those_of_leaves_and_facts_hold() -> None:
    made = make_trail(_worked(), facts=CLIENT_FACTS)

    report = finish(_verifier(note_of(made.tree), 4), made.records, terms=made.terms, blocks=made.blocks)

    assert report.verdict is Verdict.VERIFIED
    assert {member for _, member, _ in made.terms} >= {"client", "task", "route", "code", "decision"}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("value", [None, 1, 99, "local", b"1"])
def test_a_record_filed_under_another_term_is_found(column: str, value: object) -> None:
    made = make_trail(_worked(), facts=CLIENT_FACTS)
    rows = list(made.records)
    place = 1 + RECORD_COLUMNS.index(column)
    rows[2] = changed(rows[2], **{column: value})

    report = finish(_verifier(note_of(made.tree), 4), rows, terms=made.terms, blocks=made.blocks)

    is_same = made.records[2][place] == value
    assert (report.verdict, report.first_bad) == ((Verdict.VERIFIED, None) if is_same else (Verdict.TAMPERED, 2))


@pytest.mark.parametrize(
    "more",
    [
        (90, "task", "medical-coding"),
        (1, "task", "another"),
        (90, "kind", "intent"),
        (90, "kind", "another"),
        ("90", "task", "another"),
        (90, 5, "another"),
        (90, "task", None),
        (90, "task", ""),
    ],
)
def test_a_dictionary_that_says_one_thing_twice_or_nothing_at_all_is_found(more: tuple[object, ...]) -> None:
    made = make_trail(_worked(), facts=CLIENT_FACTS)

    report = finish(_verifier(note_of(made.tree), 4), made.records, terms=[*made.terms, more], blocks=made.blocks)

    assert report.steps[3].verdict is Verdict.TAMPERED


def test_a_renamed_term_is_found() -> None:
    made = make_trail(_worked(), facts=CLIENT_FACTS)
    terms = [(number, member, "other" if value == "medical-coding" else value) for number, member, value in made.terms]

    assert finish(_verifier(note_of(made.tree), 4), made.records, terms=terms, blocks=made.blocks).first_bad == 1


def test_a_term_that_is_not_noted_in_its_block_of_records_is_found_with_the_block() -> None:
    made = make_trail(_worked(600), facts=CLIENT_FACTS)
    missing = next(row for row in made.blocks if row[1] == 1)
    blocks = [row for row in made.blocks if row != missing]

    report = finish(_verifier(note_of(made.tree), 600), made.records, terms=made.terms, blocks=blocks)

    assert (report.verdict, report.first_bad, report.first_bad_last) == (Verdict.TAMPERED, 256, 511)


@pytest.mark.parametrize(
    "more", [(5, 0), (5, 2), (99, 1), (5, 3), ("5", 0), (5, -1), (-5, 0), (2**70, 0), (None, None)]
)
def test_a_term_noted_where_it_does_not_occur_is_found(more: tuple[object, object]) -> None:
    made = make_trail(_worked(600), facts=CLIENT_FACTS)

    report = finish(_verifier(note_of(made.tree), 600), made.records, terms=made.terms, blocks=[*made.blocks, more])

    assert report.steps[3].verdict is Verdict.TAMPERED


def test_terms_of_records_that_came_meanwhile_are_no_fault_and_missing_ones_still_are() -> None:
    made = make_trail(_worked(600), facts=CLIENT_FACTS)
    grown = [*made.blocks, (5, 2), (5, 3)]
    missing = [row for row in grown if row != (2, 2)]

    first = finish(_verifier(note_of(made.tree), 600), made.records, terms=made.terms, blocks=grown, size_now=800)
    second = finish(_verifier(note_of(made.tree), 600), made.records, terms=made.terms, blocks=missing, size_now=800)

    assert (first.verdict, second.verdict) == (Verdict.VERIFIED, Verdict.TAMPERED)
    assert second.first_bad == 512


@pytest.mark.parametrize("column", ["leaf", "facts"])
@pytest.mark.parametrize("packed", [b"", b"\xff\xff", 5, None, "text"])
def test_a_document_that_is_not_packed_is_found(column: str, packed: object) -> None:
    rows, tree = make_rows([make_leaf(0), make_leaf(1)])
    rows[1] = changed(rows[1], **{column: packed})

    assert verify_rows(rows, [(2, note_of(tree))]).first_bad == 1


def test_a_checkpoint_of_another_log_is_no_evidence_against_this_one() -> None:
    rows, tree = make_rows([make_leaf(0)])
    other = SigningKey.from_seeds(origin="another.example/log", ed25519=b"\x06" * 32, mldsa44=b"\x07" * 32)
    verifier = _verifier(note_of(tree), 1)
    verifier.add_witness("kept", [note_of(tree, other), None])
    verifier.add_outside_checkpoint("old.txt", note_of(tree, other))

    report = finish(verifier, rows)

    assert report.verdict is Verdict.UNVERIFIABLE
    assert [note.split(" ", 1)[0] for note in report.steps[9].notes] == ["1", "1"]


@pytest.mark.parametrize(("place", "verdict"), [(1, Verdict.VERIFIED), (0, Verdict.TAMPERED)])
def test_a_proof_that_was_kept_outside_is_held_against_the_trail(place: int, verdict: Verdict) -> None:
    kept = [make_leaf(0), make_leaf(1)]
    _, tree = make_rows(kept)
    hashes = [leaf_hash(leaf.to_bytes()) for leaf in kept]
    proof = Proof(index=place, hashes=(hashes[1 - place],), note=note_of(tree), extra=kept[place].to_bytes())
    rows, other = make_rows(kept if place else [make_leaf(0, code=""), make_leaf(1, purpose="TREAT")])
    verifier = _verifier(note_of(other), 2)
    verifier.add_receipt(format_proof(proof))

    report = finish(verifier, rows)

    assert report.steps[10].verdict is verdict


def test_a_body_or_wrapped_key_that_is_missing_leaves_the_trail_unverifiable() -> None:
    digest = hashlib.sha256(b"sealed").hexdigest()
    rows, tree = make_rows([make_leaf(0), make_leaf(1, cipher_digest=digest, plain_commitment="00")])
    for columns in ({"ciphertext": b"sealed"}, {"wrapped_key": b"key"}, {}):
        report = verify_rows([rows[0], changed(rows[1], **columns)], [(2, note_of(tree))])

        assert (report.verdict, report.first_bad, report.steps[5].verdict) == (
            Verdict.UNVERIFIABLE,
            1,
            Verdict.UNVERIFIABLE,
        )


@pytest.mark.parametrize("columns", [{"ciphertext": b"x"}, {"wrapped_key": b"x"}])
def test_a_sealed_part_that_the_leaf_does_not_know_is_found(columns: dict[str, bytes]) -> None:
    rows, tree = make_rows([make_leaf(0), make_leaf(1)])

    assert verify_rows([rows[0], changed(rows[1], **columns)], [(2, note_of(tree))]).first_bad == 1


def test_a_claim_that_two_sources_make_and_one_source_repeats_is_answered_once_each() -> None:
    rows, tree = make_rows([make_leaf(0)])
    _, other = make_rows([make_leaf(0, code="other")])
    verifier = _verifier(note_of(tree), 1)
    verifier.add_witness("kept", [note_of(other)] * 3)

    report = finish(verifier, rows)

    assert [found.sentence for found in report.steps[9].findings] == [
        "the witness kept was signed over 1 records that are not these"
    ]


def test_a_full_receipt_that_was_kept_is_held_against_the_trail() -> None:
    leaves = [make_leaf(0), make_leaf(1)]
    rows, tree = make_rows(leaves)
    _, other = make_rows([leaves[0], make_leaf(1, code="other")])
    text = write_full_receipt(
        [(leaves[1], FACTS)],
        note=note_of(tree),
        keys=KEY.verifier_keys(),
        node=lambda *_: leaf_hash(leaves[0].to_bytes()),
    )

    assert finish(_with_receipt(text, tree), rows).steps[10].verdict is Verdict.VERIFIED
    assert finish(_with_receipt(text, other), make_rows([leaves[0], make_leaf(1, month="2026-12")])[0]).first_bad == 1


def _with_receipt(text: str, tree: Frontier) -> Verifier:
    verifier = _verifier(note_of(tree), 2)
    verifier.add_receipt(text)
    return verifier


def test_more_combinations_of_terms_than_are_remembered_are_still_told_apart() -> None:
    made = make_trail(make_leaf(place, **({"code": f"code-{place}"} if place else {})) for place in range(KNOWN + 2))
    moved = [row if row[0] != KNOWN + 1 else changed(row, code=9) for row in made.records]
    for rows, verdict in ((made.records, Verdict.VERIFIED), (moved, Verdict.TAMPERED)):
        report = finish(_verifier(note_of(made.tree), KNOWN + 2), rows, terms=made.terms, blocks=made.blocks)

        assert report.verdict is verdict


def test_a_text_too_long_for_a_term_has_none() -> None:
    made = make_trail([make_leaf(0), make_leaf(1, code="x" * 300)])

    report = finish(_verifier(note_of(made.tree), 2), made.records, terms=made.terms, blocks=made.blocks)

    assert report.verdict is Verdict.VERIFIED
    assert "x" * 300 not in {value for _, _, value in made.terms}


@pytest.mark.parametrize("value", ["x" * 300, "nul\0"])
def test_a_term_that_no_database_can_hold_is_found(value: str) -> None:
    made = make_trail(_worked(), facts=CLIENT_FACTS)
    terms = [*made.terms, (90, "task", value)]

    report = finish(_verifier(note_of(made.tree), 4), made.records, terms=terms, blocks=made.blocks)

    assert report.steps[3].verdict is Verdict.TAMPERED


def test_sequences_that_sql_cannot_count_stand_out_of_order() -> None:
    rows, tree = make_rows([make_leaf(0), make_leaf(1)])

    assert verify_rows([rows[0], changed(rows[1], sequence=2**70)], [(2, note_of(tree))]).first_bad == 1
