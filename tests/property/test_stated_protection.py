"""Whatever a caller says, in whatever place and however often: it can only protect more (design promise 6)."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from appliance.api.subject import Stated, from_headers, to_data_class, to_restrictions
from appliance.exchange import DataClass

CLASSES = st.sampled_from([each.value for each in DataClass])
NAMES = st.sampled_from(["vip", "opt-out", "hiv", "genetics"])


def said(classes: list[str], names: list[list[str]]) -> Stated:
    """Return what these headers say."""
    raw = [("appliance-data-class", each) for each in classes]
    raw += [("appliance-restriction", ", ".join(each)) for each in names if each]
    return from_headers(Headers(raw=[(name.encode(), value.encode()) for name, value in raw]))


@given(
    body=st.none() | CLASSES,
    before=st.lists(CLASSES, max_size=3),
    more=st.lists(CLASSES, max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_another_word_never_lowers_the_data_class(
    body: str | None, before: list[str], more: list[str], order: Random
) -> None:
    after = [*before, *more]
    order.shuffle(after)

    low = to_data_class(Stated(data_class=body), said(before, []))
    high = to_data_class(Stated(data_class=body), said(after, []))

    assert low is None or (high is not None and high.rank() >= low.rank())
    assert all(high is not None and high.rank() >= DataClass(each).rank() for each in after)


@given(body=st.lists(NAMES), before=st.lists(st.lists(NAMES), max_size=3), more=st.lists(st.lists(NAMES), max_size=3))
def test_another_word_never_takes_a_restriction_away(
    body: list[str], before: list[list[str]], more: list[list[str]]
) -> None:
    stated = Stated(restrictions=tuple(body))

    few = to_restrictions(stated, said([], before))
    many = to_restrictions(stated, said([], [*before, *more]))

    assert few <= many
    assert frozenset(body) <= few
