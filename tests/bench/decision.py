"""Measure decisions: ``python -m tests.bench.decision [--rounds N]``; prints a table, asserts nothing.

One run, one core: a decision about using a task, a decision about escalating, the route of one request with a register
of one, three and nine models, and the classification of a note.  Beside them, as what the ratios stand on, the bare
Cedar authorizer on the same parsed policies and the parse of one request's JSON of 4,000 characters.  Promised: one
decision in under 200 microseconds.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from cedarpy import Entities, is_authorized
from rich.console import Console
from rich.table import Table

from appliance.classification import classify
from appliance.clinical_text import ClinicalText
from appliance.exchange import EvidenceState, Subject, Surface, TaskRequest
from appliance.phi.rules import inspect
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.escalate import Way, escalate_question
from appliance.policy.load import load_bundle
from appliance.policy.question import Action, Question, task_resource
from appliance.policy.register import Provider
from appliance.routing.route import weigh
from appliance.tasks.inputs import texts_of
from tests.support.excluded import ListedPatients
from tests.support.open_bundles import TASK, an_open_bundle
from tests.support.policy_folder import client, copy_policies
from tests.support.registers import a_model, a_provider, an_endpoint
from tests.support.routes import MODEL, NOW, an_ask, an_outlook

ROUNDS = 3_000
"""Of each, in turns of `TURN`, so that all see the same machine."""

TURN = 100

NOTE = "Admitted 2026-03-01 with chest pain, BP 120/80, given metoprolol 25 mg. MRN 8812345. Call 312-555-0199. "
"""Repeated to 4,000 and 60,000 characters."""

ACTOR = client(tenant="general-hospital")

Call = Callable[[], object]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as folder:
        bundle = load_bundle(copy_policies(Path(folder) / "policies"))
    calls = dict(_calls(bundle))
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(max(1, rounds // TURN)):
        for name, call in calls.items():
            taken[name] += _turn(call)
    _print(taken)


def _turn(call: Call) -> Iterator[float]:
    call()
    for _ in range(TURN):
        began = time.perf_counter()
        call()
        yield time.perf_counter() - began


def _calls(bundle: Bundle) -> Iterator[tuple[str, Call]]:
    opened = an_open_bundle(bundle, a_provider())
    body = json.dumps({"notes": (NOTE * 40)[:4_000]})
    using = Question(
        actor=ACTOR, action=Action.USE_TASK, resource=task_resource(bundle.tasks[TASK]), facts={"purpose": "TREAT"}
    )
    yield "json.loads of 4,000 characters", lambda: json.loads(body)
    yield "bare Cedar: Escalate", _bare(opened)
    yield "decide: UseTask", lambda: decide(opened, using)
    yield "decide: Escalate, question and answer", lambda: decide(opened, _escalating(opened))
    for number in (1, 3, 9):
        yield f"route with {number} managed models", _routing(an_open_bundle(bundle, *_providers(number)))
    for size in (4_000, 60_000):
        yield f"classify a note of {size:,} characters", _classifying(bundle, size)


def _escalating(bundle: Bundle) -> Question:
    provider = bundle.providers["example-cloud"]
    way = Way(provider=provider, model=provider.models[0], evidence=EvidenceState.MEETS, failover=False, moment=NOW)
    return escalate_question(ACTOR, TASK, ask=an_ask(), way=way)


def _bare(bundle: Bundle) -> Call:
    """Return Cedar alone, with everything that can be prepared prepared."""
    facts = {
        name: sorted(fact) if isinstance(fact, frozenset) else fact for name, fact in _escalating(bundle).facts.items()
    }
    task = bundle.tasks[TASK]
    attributes = {"name": task.name, "data_class": "phi", "failover": False, "escalation": True}
    actor = {"tenant": ACTOR.tenant, "roles": sorted(ACTOR.roles), "tasks": sorted(ACTOR.tasks)}
    entities = [
        {"uid": {"type": "Client", "id": ACTOR.client_id}, "attrs": actor, "parents": []},
        {"uid": {"type": "Task", "id": TASK}, "attrs": attributes, "parents": []},
    ]
    parsed = Entities.from_json_str(json.dumps(entities), bundle.schema)
    request: dict[str, object] = {
        "principal": {"type": "Client", "id": ACTOR.client_id},
        "action": {"type": "Action", "id": "Escalate"},
        "resource": {"type": "Task", "id": TASK},
        "context": json.dumps(facts),
    }
    return lambda: is_authorized(request, bundle.policies, parsed, bundle.schema)


def _providers(models: int) -> tuple[Provider, ...]:
    """Return so many models, three to a provider."""
    names = [f"model-{number}" for number in range(models)]
    return tuple(
        a_provider(
            name=f"provider-{start}",
            endpoint=an_endpoint(host=f"api.{start}.example"),
            models=tuple(a_model(name=name) for name in names[start : start + 3]),
        )
        for start in range(0, models, 3)
    )


def _routing(bundle: Bundle) -> Call:
    outlook, ask, task = an_outlook(bundle), an_ask(), bundle.tasks[TASK]
    return lambda: weigh(bundle, actor=ACTOR, task=task, model_digest=MODEL, ask=ask, outlook=outlook)


def _classifying(bundle: Bundle, size: int) -> Call:
    text = (NOTE * (size // len(NOTE) + 1))[:size]
    request = TaskRequest(
        task=TASK,
        surface=Surface.TASKS,
        subject=Subject(patients=(ClinicalText("QX-7345501"),)),
        input=ClinicalText(json.dumps({"notes": text})),
    )
    found, nobody = inspect(texts_of(request)), ListedPatients()
    return lambda: classify(
        request, bundle.tasks[TASK], ACTOR, found, restrictions=bundle.restrictions, excluded=nobody
    )


def _print(taken: dict[str, list[float]]) -> None:
    table = Table("what", "p50 us", "p99 us", "times bare Cedar")
    bare = median(taken["bare Cedar: Escalate"])
    for name, seconds in taken.items():
        p99 = quantiles(seconds, n=100)[-1]
        table.add_row(name, f"{median(seconds) * 1e6:.0f}", f"{p99 * 1e6:.0f}", f"{median(seconds) / bare:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
