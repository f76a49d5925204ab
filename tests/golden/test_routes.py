"""Every state of a task as routing answers it; a change is a diff in routes.txt that quality has to agree to."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import product
from typing import Any

from appliance.clock import Moment
from appliance.exchange import DataClass, Route
from appliance.policy.bundle import Bundle
from appliance.policy.task import TaskPolicy
from appliance.routing.choose import choose
from appliance.routing.route import weigh
from tests.support.golden import Golden
from tests.support.open_bundles import an_open_bundle
from tests.support.policy_folder import TASKS, client
from tests.support.registers import a_model, a_provider, a_sandbox_provider, an_agreement, an_endpoint
from tests.support.routes import (
    ENGINES,
    FAILING,
    INSUFFICIENT,
    MEETING,
    MODEL,
    BrokerState,
    a_candidate,
    an_ask,
    an_outlook,
    assessment,
    engine,
    permission,
    task_with,
)

HEAD = """\
The route of every state, as routing answers it.  Written by `pytest --update-golden`.

First the pure choice, then whole tasks with the shipped policy and a register of three providers.

"""

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

WAYS_OUT: Mapping[str, Mapping[str, Any] | None] = {
    "open": {},
    "not in the register": None,
    "forbidden by a policy": {"permission": permission(allowed=False)},
    "with evidence that fails": {"state": FAILING},
    "with too little evidence": {"state": INSUFFICIENT},
    "with an agreement that has expired": {"agreement": "", "closed": "agreement BAA-1 with Acme expired at noon"},
    "closed by hand": {"closed": "provider acme was closed by hand"},
    "not there now": {"missing": "the broker cannot be reached"},
}
"""What may be so about the one way out of the first table."""


def _line(task: TaskPolicy, local: str, way: Mapping[str, Any] | None, state: str) -> str:
    route = choose(
        task=task,
        local=assessment(local, "local", task),
        candidates=[] if way is None else [a_candidate(task, **way)],
        engine=engine(state),
        ask=an_ask(),
    )
    asked = f"  when unmet {task.when_unmet:<6}  failover {'yes' if task.failover else 'no ':<3}  {state:<11}"
    return f"{asked}  -> {_label(route)}\n      {' '.join(route.reasons)}"


def _label(route: Route) -> str:
    marks = {
        "marked below its threshold": route.below_threshold,
        "as failover": route.failover,
        "SANDBOX": route.sandbox,
        "waits for the engine": route.engine_missing,
        "waits for the provider": route.provider_missing,
    }
    return ", ".join([route.label(), *(mark for mark, is_set in marks.items() if is_set)])


def _table(bundle: Bundle) -> Iterator[str]:
    for local, (told, way) in product((MEETING, FAILING, INSUFFICIENT), WAYS_OUT.items()):
        yield f"local evidence {local}, the way out {told}"
        for unmet, failover, state in product(("refuse", "local"), (False, True), ENGINES[:2]):
            yield _line(task_with(bundle, when_unmet=unmet, failover=failover), local, way, state)
        yield ""


STATES: Mapping[str, Mapping[str, Any]] = {
    "everything open": {},
    "the engine is full": {"state": "engine_full"},
    "a record under a restriction": {"ask": {"restrictions": frozenset({"substance-use-treatment"})}},
    "a patient who objected": {"ask": {"restrictions": frozenset({"opt-out"})}},
    "restricted data": {"ask": {"data_class": DataClass.RESTRICTED}},
    "sensitive data that no agreement covers": {"ask": {"data_class": DataClass.SENSITIVE}},
    "nobody named": {"ask": {"patients_named": False}},
    "after the agreements have expired": {"moment": Moment.at(datetime(2099, 1, 1, tzinfo=UTC))},
    "a clock set back over the expiry": {"moment": Moment(earliest=NOON, latest=datetime(2099, 1, 1, tzinfo=UTC))},
    "before the agreements begin": {"moment": Moment.at(datetime(2019, 1, 1, tzinfo=UTC))},
    "a policy that two people have not approved": {"approval": "Two people have not approved this policy."},
    "every provider closed by hand": {"closed": frozenset({"acme", "example-cloud", "stand-in"})},
    "the broker gone": {"broker": BrokerState(reachable=False)},
}
"""What may be so about a request, the moment and the machine in the second table."""


def _whole(bundle: Bundle) -> Iterator[str]:
    """Yield each task in each state; the summary's local drafts were measured and fail, the others' were not."""
    acme = a_provider(
        name="acme", endpoint=an_endpoint(host="api.acme.example"), agreements=(an_agreement(id="BAA-2"),)
    )
    stand_in = a_sandbox_provider(models=(a_model(name="shown"),))
    opened = an_open_bundle(bundle, a_provider(), acme, stand_in, local_edited=170)
    for tenant, (told, state) in product(("general-hospital", "sandbox"), STATES.items()):
        yield f"tenant {tenant}, {told}"
        for name in TASKS:
            yield from _told(name, _route(opened, tenant, name, state))
        yield ""


def _route(bundle: Bundle, tenant: str, name: str, state: Mapping[str, Any]) -> Route:
    outside = {key: value for key, value in state.items() if key not in ("ask", "state")}
    return weigh(
        bundle,
        actor=client(tenant=tenant),
        task=bundle.tasks[name],
        model_digest=MODEL,
        ask=an_ask(**state.get("ask", {})),
        outlook=an_outlook(bundle, state.get("state", "ready"), **outside),
    ).route


def _told(name: str, route: Route) -> Iterator[str]:
    yield f"  {name} -> {_label(route)}"
    yield f"      {' '.join(route.reasons)}"


def _shipped(bundle: Bundle) -> Iterator[str]:
    for tenant, state in product(("sandbox", "general-hospital"), ENGINES[:2]):
        yield f"tenant {tenant}, {state}"
        for name in TASKS:
            yield from _told(name, _route(bundle, tenant, name, {"state": state}))
        yield ""


def test_the_route_of_every_state_changes_only_with_a_reviewed_diff(bundle: Bundle, golden: Golden) -> None:
    lines = [
        *_table(bundle),
        "The shipped policy without a provider, for a model that was never measured:",
        "",
        *_shipped(bundle),
        "The shipped policy with the providers acme, example-cloud and stand-in:",
        "",
        *_whole(bundle),
    ]

    golden.check("routes.txt", HEAD + "\n".join(lines).rstrip() + "\n")
