"""Whatever stands around an identifier, and however its body is written, the tripwire sees it or refuses."""

import base64
import contextlib
import json
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.broker.tripwire import PIECE, Tripwire, TripwireError, TripwireFaultError
from tests.support.tripwires import PATIENT, keyed

TRIPWIRE = Tripwire(keyed(PATIENT))

WRITINGS: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    lambda text: "".join(f"&#{ord(each)};" for each in text),
    lambda text: json.dumps("\u2013" + text),
)

WORDS = st.lists(st.sampled_from(["the patient takes", "25 mg", "of metoprolol", "1.5 L,", "BP 120/80;", "sleeps"]))


def _phone(digits: str) -> str:
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}"


@given(
    before=WORDS,
    after=WORDS,
    digits=st.text("0123456789", min_size=10, max_size=10),
    writing=st.sampled_from(WRITINGS),
    as_json=st.booleans(),
)
def test_a_telephone_number_never_passes(
    before: list[str], after: list[str], digits: str, writing: Callable[[str], str], *, as_json: bool
) -> None:
    text = " ".join([*before, writing("Call " + _phone(digits)), *after])
    body = json.dumps({"messages": [{"content": text}]}) if as_json else text

    with contextlib.suppress(TripwireError):
        TRIPWIRE.check(body.encode())
        raise AssertionError(body)


@given(offset=st.integers(0, 2 * PIECE), name=st.sampled_from(["Wilhelmina Vanterpool", "VANTERPOOL, Wilhelmina"]))
@settings(max_examples=25)
def test_a_known_name_is_seen_wherever_it_stands(offset: int, name: str) -> None:
    words = ("metoprolol " * (offset // 11 + 1))[:offset]

    with contextlib.suppress(TripwireError):
        TRIPWIRE.check(f"{words} {name} {'daily ' * 100}".encode())
        raise AssertionError(offset)


@given(st.binary(max_size=400))
def test_garbage_is_refused_or_passes_and_raises_nothing_else(body: bytes) -> None:
    with contextlib.suppress(TripwireError, TripwireFaultError):
        TRIPWIRE.check(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=12,
    )
)
def test_any_json_is_refused_or_passes_and_raises_nothing_else(value: object) -> None:
    with contextlib.suppress(TripwireError):
        TRIPWIRE.check(json.dumps(value).encode())
