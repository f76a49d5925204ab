"""Bundles in which a discharge summary may leave, so that a test can close one thing at a time."""

from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any

from appliance.exchange import Route
from appliance.policy.bundle import Bundle, Statement
from appliance.policy.evidence import Evidence
from appliance.policy.register import Provider
from appliance.policy.registers import EvidenceRow, Window
from appliance.routing.candidates import Candidate
from tests.support.registers import a_provider, a_register
from tests.support.routes import MODEL

TASK = "discharge-summary"
"""The task that may escalate."""


def measured_row(bundle: Bundle, route: str, digest: str, *, edited: int = 60) -> Evidence:
    """Return measured evidence of 400 drafts of the task."""
    row = EvidenceRow(
        task=TASK,
        route="managed" if route == "managed" else "local",
        model_digest=digest,
        prompt_version=bundle.tasks[TASK].prompt_version,
        cases=400,
        edited=edited,
        source="A test.",
        window=Window(first=date(2026, 1, 1), last=date(2026, 3, 31)),
    )
    return Evidence.from_row(row)


def an_open_bundle(bundle: Bundle, *providers: Provider, local_edited: int | None = None, **task: Any) -> Bundle:
    """Return a bundle with these providers, each model of which meets the threshold; `task` changes the task's file.

    The local model was measured where `local_edited` says how many of its 400 drafts were edited.
    """
    register = a_register(*(providers or (a_provider(),)))
    changed = bundle.tasks[TASK].model_copy(update=task)
    managed = {each.identity(model).digest for each in register.values() for model in each.models}
    rows = [measured_row(bundle, "managed", digest) for digest in sorted(managed)]
    if local_edited is not None:
        rows.append(measured_row(bundle, "local", MODEL, edited=local_edited))
    return replace(
        bundle,
        providers=register,
        tasks=MappingProxyType({**bundle.tasks, TASK: changed}),
        evidence=(*bundle.evidence, *rows),
    )


def with_rule(bundle: Bundle, rule: str) -> Bundle:
    """Add a rule without checking it: what a rule that was never validated does must be safe as well."""
    policies = bundle.policies.with_added_str(rule)
    added = Statement(id="policy0", effect="forbid", reason="Added.", file="added.cedar", line=1, text=rule)
    return replace(bundle, policies=policies, statements={**bundle.statements, "policy0": added})


def open_ways(candidates: tuple[Candidate, ...]) -> frozenset[tuple[str, str]]:
    """Return provider and model of each way out that is open now."""
    return frozenset(
        (each.provider.name, each.model.name) for each in candidates if each.can_answer and not each.objections()
    )


def way_of(route: Route) -> tuple[str, str]:
    """Return provider and model that a managed route goes to."""
    assert route.model is not None
    return route.provider, route.model.name.removeprefix("SANDBOX-")
