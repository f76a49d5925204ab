"""Every state of a task as routing answers it; a change is a diff in routes.txt that quality has to agree to."""

from collections.abc import Iterator
from itertools import product

from appliance.policy.bundle import Bundle
from appliance.policy.task import TaskPolicy
from appliance.routing.choose import choose
from appliance.routing.route import weigh
from tests.support.golden import Golden
from tests.support.policy_folder import TASKS, client
from tests.support.routes import ENGINES, FAILING, INSUFFICIENT, MEETING, assessment, engine, permission, task_with


def _line(task: TaskPolicy, local: str, managed: str, *, permitted: bool, state: str) -> str:
    route = choose(
        task=task,
        local=assessment(local, "local", task),
        managed=assessment(managed, "managed", task),
        managed_permission=permission(allowed=permitted),
        engine=engine(state),
        provider="acme" if permitted else "",
    )
    marks = {"marked below its threshold": route.below_threshold, "waits for the engine": route.engine_missing}
    label = ", ".join([route.label(), *(mark for mark, is_set in marks.items() if is_set)])
    asked = f"  when unmet {task.when_unmet:<6}  failover {'yes' if task.failover else 'no ':<3}  {state:<11}"
    return f"{asked}  -> {label}\n      {' '.join(route.reasons)}"


def _table(bundle: Bundle) -> Iterator[str]:
    states = (MEETING, FAILING, INSUFFICIENT)
    for local, managed, permitted in product(states, states, (True, False)):
        may = "permitted" if permitted else "forbidden"
        yield f"local evidence {local}, managed evidence {managed}, escalation {may}"
        for unmet, failover, state in product(("refuse", "local"), (False, True), ENGINES[:2]):
            task = task_with(bundle, when_unmet=unmet, failover=failover)
            yield _line(task, local, managed, permitted=permitted, state=state)
        yield ""


def _shipped(bundle: Bundle) -> Iterator[str]:
    for tenant, name, state in product(("sandbox", "general-hospital"), TASKS, ENGINES[:2]):
        actor = client(tenant=tenant)
        route = weigh(bundle, actor=actor, task=bundle.tasks[name], model_digest="0" * 64, engine=engine(state)).route
        yield f"{tenant} | {name} | {state} -> {route.label()}"
        yield f"    {' '.join(route.reasons)}"


def test_the_route_of_every_state_changes_only_with_a_reviewed_diff(bundle: Bundle, golden: Golden) -> None:
    lines = [*_table(bundle), "The shipped evidence, for a model that was never measured:", *_shipped(bundle)]

    golden.check("routes.txt", "\n".join(lines) + "\n")
