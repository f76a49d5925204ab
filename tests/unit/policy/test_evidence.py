from dataclasses import replace

import pytest

from appliance.exchange import EvidenceState, RouteKind
from appliance.policy.bundle import Bundle
from appliance.policy.evidence import Assessment, Evidence, assess
from appliance.policy.task import TaskPolicy
from tests.support.routes import MODEL, evidence, task_with


@pytest.fixture
def task(bundle: Bundle) -> TaskPolicy:
    return task_with(bundle)


def _assess(task: TaskPolicy, *rows: Evidence, tenant: str = "general-hospital", model: str = MODEL) -> Assessment:
    return assess(rows, task=task, route=RouteKind.LOCAL, model_digest=model, tenant=tenant)


@pytest.mark.parametrize(
    ("n", "edited", "state"),
    [
        (500, 120, EvidenceState.MEETS),
        (500, 210, EvidenceState.FAILS),
        (500, 140, EvidenceState.FAILS),
        (199, 0, EvidenceState.INSUFFICIENT),
        (200, 0, EvidenceState.MEETS),
        (199, 199, EvidenceState.INSUFFICIENT),
    ],
)
def test_the_upper_bound_and_not_the_rate_is_held_against_the_threshold(
    task: TaskPolicy, n: int, edited: int, state: EvidenceState
) -> None:
    assert _assess(task, evidence(task, n=n, edited=edited)).state is state


def test_no_evidence_is_insufficient_and_says_how_much_is_needed(task: TaskPolicy) -> None:
    found = _assess(task)

    assert found.state is EvidenceState.INSUFFICIENT
    assert (found.rate, found.lower, found.upper, found.n) == (None, 0.0, 1.0, 0)
    assert found.sentence == (
        "there is no evidence for local drafts of this model and prompt version: "
        "this task's threshold of 30 % needs at least 200 cases"
    )


def test_one_sentence_holds_the_rate_the_bound_and_the_threshold(task: TaskPolicy) -> None:
    found = _assess(task, evidence(task, n=500, edited=210))

    assert found.rate == pytest.approx(0.42)
    assert found.sentence == (
        "42.0 % of 500 local drafts were edited; the 95 % upper bound 46.5 % is above this task's threshold of 30 %"
    )


def test_a_bound_just_above_the_threshold_is_never_printed_as_the_threshold(task: TaskPolicy) -> None:
    found = _assess(task, evidence(task, n=10_000, edited=2912))

    assert 0.30 < found.upper < 0.3005
    assert "the 95 % upper bound 30.1 % is above this task's threshold of 30 %" in found.sentence


@pytest.mark.parametrize(
    "change",
    [
        {"model_digest": "b" * 64},
        {"prompt_version": "b" * 64},
        {"task": "medical-coding"},
        {"route": RouteKind.MANAGED},
    ],
)
def test_evidence_of_another_model_prompt_task_or_route_does_not_count(
    task: TaskPolicy, change: dict[str, str]
) -> None:
    other = replace(evidence(task, n=500, edited=0), **change)

    assert _assess(task, other).state is EvidenceState.INSUFFICIENT


def test_illustrative_evidence_counts_in_the_sandbox_and_is_marked(task: TaskPolicy) -> None:
    found = _assess(task, evidence(task, n=500, edited=40, illustrative=True), tenant="sandbox", model="c" * 64)

    assert found.state is EvidenceState.MEETS
    assert found.illustrative


@pytest.mark.parametrize("tenant", ["general-hospital", "", "Sandbox", "sandbox-2", " sandbox"])
def test_illustrative_evidence_is_as_if_it_were_not_there_in_any_real_tenant(task: TaskPolicy, tenant: str) -> None:
    found = _assess(task, evidence(task, n=500, edited=40, illustrative=True), tenant=tenant)

    assert found.state is EvidenceState.INSUFFICIENT
    assert (found.n, found.illustrative) == (0, False)


def test_a_model_whose_digest_reads_illustrative_gains_nothing(task: TaskPolicy) -> None:
    row = evidence(task, n=500, edited=40, illustrative=True)

    assert _assess(task, row, model="*illustrative*").state is EvidenceState.INSUFFICIENT


def test_measured_evidence_replaces_illustrative_evidence_in_the_sandbox_too(task: TaskPolicy) -> None:
    measured, illustrative = evidence(task, n=300, edited=200), evidence(task, n=500, edited=0, illustrative=True)

    found = _assess(task, illustrative, measured, tenant="sandbox")

    assert found.state is EvidenceState.FAILS
    assert not found.illustrative


def test_the_shipped_rows_read_as_evidence(bundle: Bundle) -> None:
    rows = bundle.evidence

    local = next(row for row in rows if row.task == "discharge-summary" and row.route is RouteKind.LOCAL)
    assert (local.n, local.edited, local.model_digest, local.window) == (500, 210, "*illustrative*", "")
    assert all(row.illustrative and row.prompt_version == "*illustrative*" for row in rows)
