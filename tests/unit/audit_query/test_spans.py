from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from audit.query.candidates import FIRST_SPAN, growing_spans


@given(st.integers(0, 10**7), st.integers(0, 10**8))
def test_spans_cover_every_record_once_newest_first(begin: int, end: int) -> None:
    spans = list(growing_spans(begin, end))

    edges = [edge for low, high in spans for edge in (high, low)]
    assert edges == sorted(edges, reverse=True)
    assert all(one[0] == other[1] for one, other in pairwise(spans))
    assert not spans or (spans[0][1], spans[-1][0]) == (end, begin)
    assert bool(spans) == (begin < end)
    assert all(low < high for low, high in spans)
    assert len(spans) <= 8
    assert not spans or spans[0][1] - spans[0][0] <= FIRST_SPAN
