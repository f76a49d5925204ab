import contextlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.api.strict_json import parse_json, parse_object
from appliance.errors import InvalidRequestError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), children),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_what_is_valid_json_is_read_as_it_is(value: object) -> None:
    assert parse_json(json.dumps(value).encode(), max_depth=64) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode(), max_depth=64) == value


@given(st.binary(max_size=200))
def test_garbage_raises_our_own_error_only(body: bytes) -> None:
    with contextlib.suppress(InvalidRequestError):
        parse_json(body, max_depth=8)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_depth_is_counted_before_anything_is_parsed(opening: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="deeper than 4"):
        parse_json(opening * 5, max_depth=4)


def test_brackets_in_strings_are_no_depth() -> None:
    assert parse_object(b'{"a": "[[[[[[{{{{\\"[[["}', max_depth=2) == {"a": '[[[[[[{{{{"[[['}


def test_half_a_surrogate_is_refused_and_a_whole_pair_is_not() -> None:
    assert parse_json(b'"\\ud83d\\ude00"', max_depth=1) == "😀"
    with pytest.raises(InvalidRequestError, match="surrogate"):
        parse_json(b'{"\\udc00": 1}', max_depth=1)


@pytest.mark.parametrize("digits", ["9223372036854775808", "-9223372036854775809", "1" + "0" * 100_000])
def test_integers_beyond_64_bits_are_refused(digits: str) -> None:
    with pytest.raises(InvalidRequestError, match="64 bits"):
        parse_json(digits.encode(), max_depth=1)


@pytest.mark.parametrize(
    "body", [b'"' * 1_000_000, b'"' + b"\\" * 1_000_000, b'\\"' * 500_000, b'"' + b'\\"' * 500_000]
)
def test_hostile_strings_cost_linear_time(body: bytes) -> None:
    started_s = time.process_time()

    with pytest.raises(InvalidRequestError):
        parse_json(body, max_depth=8)

    assert time.process_time() - started_s < 5  # quadratic would take hours
