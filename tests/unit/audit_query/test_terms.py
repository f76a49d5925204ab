import pytest

from audit.record import Kind
from audit.terms import MAX_TERM, column_terms, fact_terms
from tests.support.trail_rows import make_leaf


def test_empty_members_are_no_terms() -> None:
    assert column_terms(make_leaf(3), "") == {"kind": "operation"}


@pytest.mark.parametrize("value", ["a\0b", "x" * (MAX_TERM + 1)])
def test_text_that_a_database_cannot_index_is_no_term(value: str) -> None:
    assert "task" not in column_terms(make_leaf(3, task=value), "ehr")
    assert fact_terms(Kind.DISCLOSURE, "", {"agreement": value}) == {}


@pytest.mark.parametrize(
    ("kind", "route", "facts", "terms"),
    [
        (Kind.DISCLOSURE, "managed:x", {"agreement": "baa-1"}, {"agreement": "baa-1"}),
        (Kind.DISCLOSURE, "managed:x", {"agreement": ["baa-1"]}, {}),
        (Kind.OUTCOME, "managed:x", {"agreement": "baa-1", "allowed": True}, {}),
        (Kind.DECISION, "", {"allowed": True}, {"decision": "allowed"}),
        (Kind.DECISION, "local", {"allowed": False}, {"decision": "denied"}),
        (Kind.DECISION, "local", {}, {"decision": "allowed"}),
        (Kind.DECISION, "refused", {}, {"decision": "denied"}),
        (Kind.DECISION, "", {"allowed": "yes"}, {}),
    ],
)
def test_agreement_and_decision_come_from_the_facts(
    kind: Kind, route: str, facts: dict[str, object], terms: dict[str, str]
) -> None:
    assert fact_terms(kind, route, facts) == terms  # type: ignore[arg-type]
