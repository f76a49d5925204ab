"""Bounds of what a provider may answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.broker.caps import MAX_EVENT_BYTES, MAX_EVENT_LINES, Meter, content_type, kept_headers
from appliance.broker.outgoing import ProviderFaultError


def verdict(pieces: list[bytes], *, most: int = 10_000_000) -> bool:
    """Say whether a stream passes."""
    meter = Meter(most=most, events=True)
    try:
        for piece in pieces:
            meter.count(piece)
    except ProviderFaultError:
        return False
    return True


def test_only_headers_that_matter_are_kept() -> None:
    raw = [(b"Content-Type", b"application/json"), (b"Set-Cookie", b"a=b"), (b"Location", b"/"), (b"Retry-After", b"1")]

    assert kept_headers(raw) == {"content-type": "application/json", "retry-after": "1"}


def test_identity_is_no_compression() -> None:
    assert kept_headers([(b"content-encoding", b"Identity")]) == {}
    with pytest.raises(ProviderFaultError):
        kept_headers([(b"content-encoding", b"br")])


def test_a_head_has_a_bound() -> None:
    with pytest.raises(ProviderFaultError):
        kept_headers([(b"x", b"y" * 100)] * 400)


def test_a_content_type_is_read_without_its_parameters() -> None:
    assert content_type({"content-type": "Text/Event-Stream; charset=utf-8"}) == "text/event-stream"
    assert content_type({}) == ""


def test_an_answer_has_a_bound() -> None:
    meter = Meter(most=10, events=False)
    meter.count(b"x" * 10)
    with pytest.raises(ProviderFaultError):
        meter.count(b"x")


def test_what_is_no_event_stream_has_no_lines_to_count() -> None:
    Meter(most=10_000, events=False).count(b"\n" * 200 + b"x\n" * 200)


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_events_may_follow_each_other_without_an_end(end: bytes) -> None:
    event = b"event: x" + end + b"data: {}" + end + end

    assert verdict([event * 1000])
    assert verdict([bytes([byte]) for byte in event * 50])


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_an_event_has_a_bound_of_lines(end: bytes) -> None:
    line = b"data: x" + end

    assert verdict([line * MAX_EVENT_LINES + end])
    assert not verdict([line * (MAX_EVENT_LINES + 1)])
    assert not verdict([line] * (MAX_EVENT_LINES + 1))


def test_an_event_has_a_bound_of_bytes() -> None:
    assert verdict([b"x" * MAX_EVENT_BYTES + b"\n\n", b"x"])
    assert not verdict([b"x" * MAX_EVENT_BYTES, b"x"])
    assert not verdict([b"x" * (MAX_EVENT_BYTES // 2) + b"\n", b"x" * (MAX_EVENT_BYTES // 2) + b"\n", b"x"])


def test_a_line_end_cut_in_two_does_not_end_an_event() -> None:
    pieces = [part for _ in range(MAX_EVENT_LINES + 1) for part in (b"data: x\r", b"\n")]

    assert not verdict(pieces)


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\r", b"data: x\n"]), max_size=300), st.integers(1, 7))
def test_it_makes_no_difference_how_a_stream_is_cut(parts: list[bytes], size: int) -> None:
    whole = b"".join(parts)
    cut = [whole[start : start + size] for start in range(0, len(whole), size)]

    assert verdict([whole]) == verdict(cut)
