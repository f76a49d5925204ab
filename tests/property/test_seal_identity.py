"""Whatever is sealed opens to itself, for its own record only, and nothing else opens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.envelope import open_sealed
from audit.errors import AuditError, OpenError, VerificationError
from audit.keyring import MonthSecrets
from audit.log import MonthKeys, submit
from audit.record import Event, Kind, Leaf
from tests.support.trails import ORIGIN, START_MS

MONTH = "2026-11"
SECRETS = MonthSecrets.generate(MONTH)
KEYS = MonthKeys(month=MONTH, public=SECRETS.public().load(), index=SECRETS.index_key())
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def sealed_leaf(event: Event) -> tuple[Leaf, bytes, bytes]:
    submission = submit(event, origin=ORIGIN, keys=KEYS)
    assert submission.sealed is not None
    leaf = submission.leaf(origin=ORIGIN, sequence=1, time_ms=START_MS, skew_ms=0, previous="")
    return leaf, submission.sealed.wrapped_key, submission.sealed.ciphertext


@given(body=st.binary(max_size=300), user=NAMES, patients=st.lists(NAMES, max_size=3), kind=st.sampled_from(Kind))
@settings(max_examples=50, deadline=None)
def test_a_sealed_body_opens_to_itself(body: bytes, user: str, patients: list[str], kind: Kind) -> None:
    leaf, wrapped, ciphertext = sealed_leaf(
        Event(kind=kind, exchange_id="ex_1", user=user, patients=tuple(patients), body=body)
    )

    opened = open_sealed(leaf, wrapped_key=wrapped, ciphertext=ciphertext, keys=SECRETS)

    assert (opened.body, opened.user, opened.patients) == (body, user, tuple(patients))


@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(max_examples=50, deadline=None)
def test_one_flipped_bit_of_the_ciphertext_is_tampering(position: int, bit: int) -> None:
    leaf, wrapped, ciphertext = sealed_leaf(Event(kind=Kind.INTENT, body=b"a note"))
    altered = bytearray(ciphertext)
    altered[position % len(altered)] ^= 1 << bit

    with pytest.raises(VerificationError):
        open_sealed(leaf, wrapped_key=wrapped, ciphertext=bytes(altered), keys=SECRETS)


@given(wrapped=st.binary(max_size=1300))
@settings(max_examples=50, deadline=None)
def test_a_garbage_wrapped_key_raises_our_error(wrapped: bytes) -> None:
    leaf, _, ciphertext = sealed_leaf(Event(kind=Kind.INTENT, body=b"a note"))

    with pytest.raises(OpenError):
        open_sealed(leaf, wrapped_key=wrapped, ciphertext=ciphertext, keys=SECRETS)


@given(data=st.binary(max_size=200))
def test_garbage_is_never_a_leaf(data: bytes) -> None:
    with pytest.raises(AuditError):
        Leaf.from_bytes(data)
