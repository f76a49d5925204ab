from dataclasses import replace

import pytest

from audit.envelope import needs_seal, open_sealed
from audit.errors import OpenError, SealError, VerificationError
from audit.keyring import MonthSecrets
from audit.log import MonthKeys, submit
from audit.record import Event, Kind, Leaf
from tests.support.trails import ORIGIN, START_MS, example_event

SECRETS = MonthSecrets.generate("2026-11")
KEYS = MonthKeys(month="2026-11", public=SECRETS.public().load(), index=SECRETS.index_key())


def sealed(event: Event) -> tuple[Leaf, bytes, bytes]:
    submission = submit(event, origin=ORIGIN, keys=KEYS)
    assert submission.sealed is not None
    leaf = submission.leaf(origin=ORIGIN, sequence=1, time_ms=START_MS, skew_ms=0, previous="")
    return leaf, submission.sealed.wrapped_key, submission.sealed.ciphertext


def test_an_access_without_a_body_still_seals_whom_it_concerned() -> None:
    access = Event(kind=Kind.ACCESS, client="officer", patients=("4711",))

    leaf, wrapped, ciphertext = sealed(access)

    opened = open_sealed(leaf, wrapped_key=wrapped, ciphertext=ciphertext, keys=SECRETS)
    assert (opened.patients, opened.user, opened.body) == (("4711",), "", None)
    assert "4711" not in repr(opened)


def test_an_event_with_nothing_of_people_seals_nothing() -> None:
    assert not needs_seal(Event(kind=Kind.OPERATION, code="policy_reloaded"))
    assert not needs_seal(example_event(body=None))
    assert submit(example_event(body=None), origin=ORIGIN, keys=KEYS).sealed is None


def test_an_empty_body_is_not_no_body() -> None:
    leaf, wrapped, ciphertext = sealed(example_event(body=b""))

    assert open_sealed(leaf, wrapped_key=wrapped, ciphertext=ciphertext, keys=SECRETS).body == b""


def test_a_body_moved_to_another_record_does_not_open() -> None:
    leaf, wrapped, ciphertext = sealed(example_event())
    other, _, _ = sealed(example_event())

    with pytest.raises(OpenError):
        open_sealed(
            replace(other, cipher_digest=leaf.cipher_digest), wrapped_key=wrapped, ciphertext=ciphertext, keys=SECRETS
        )


def test_another_months_keys_open_nothing() -> None:
    leaf, wrapped, ciphertext = sealed(example_event())

    with pytest.raises(OpenError):
        open_sealed(leaf, wrapped_key=wrapped, ciphertext=ciphertext, keys=MonthSecrets.generate("2026-11"))


@pytest.mark.parametrize(
    "change",
    [{"plain_commitment": "0" * 64}, {"user": "0" * 32}, {"patients": ()}, {"cipher_digest": "0" * 64}],
)
def test_a_body_that_is_not_the_one_committed_to_is_tampering(change: dict) -> None:
    leaf, wrapped, ciphertext = sealed(example_event())

    with pytest.raises(VerificationError):
        open_sealed(replace(leaf, **change), wrapped_key=wrapped, ciphertext=ciphertext, keys=SECRETS)


def test_a_name_that_is_no_text_is_refused_before_anything_is_recorded() -> None:
    with pytest.raises(SealError):
        sealed(example_event(user="\ud800"))


def test_two_seals_of_the_same_body_share_nothing() -> None:
    one, other = sealed(example_event()), sealed(example_event())

    assert one[2] != other[2]
    assert one[0].plain_commitment != other[0].plain_commitment
