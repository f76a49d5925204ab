"""What must hold of every route, whatever the evidence, the permission and the engine."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from appliance.exchange import EvidenceState, Route, RouteKind
from appliance.policy.bundle import Bundle
from appliance.policy.evidence import Assessment, Evidence, assess
from appliance.routing.choose import choose
from tests.support.registers import a_provider
from tests.support.routes import ENGINES, MODEL, a_candidate, an_ask, engine, evidence, permission, task_with


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that a route depends on."""

    local: tuple[int, int] | None
    managed: tuple[int, int] | None
    illustrative: tuple[int, int] | None
    tenant: str
    permitted: bool
    providers: int
    missing: str
    unmet: str
    failover: bool
    state: str


FIGURES = st.none() | st.integers(1, 600).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
WORLDS = st.builds(
    World,
    local=FIGURES,
    managed=FIGURES,
    illustrative=FIGURES,
    tenant=st.sampled_from(["sandbox", "general-hospital"]),
    permitted=st.booleans(),
    providers=st.integers(0, 2),
    missing=st.sampled_from(["", "", "the broker cannot be reached"]),
    unmet=st.sampled_from(["refuse", "local"]),
    failover=st.booleans(),
    state=st.sampled_from(ENGINES),
)


def _rows(bundle: Bundle, world: World, *, without: str = "") -> list[Evidence]:
    task = task_with(bundle)
    figures = {"local": world.local, "managed": world.managed, "illustrative": world.illustrative}
    rows = []
    for kind, counts in figures.items():
        if counts is not None and kind != without:
            route = "managed" if kind == "managed" else "local"
            rows.append(evidence(task, n=counts[0], edited=counts[1], route=route, illustrative=kind == "illustrative"))
    return rows


def _assessed(bundle: Bundle, world: World, route: RouteKind, *, without: str = "") -> Assessment:
    return assess(
        _rows(bundle, world, without=without),
        task=task_with(bundle),
        route=route,
        model_digest=MODEL,
        tenant=world.tenant,
    )


def _route(bundle: Bundle, world: World, *, permitted: bool | None = None, without: str = "") -> Route:
    task = task_with(bundle, when_unmet=world.unmet, failover=world.failover)
    may = world.permitted if permitted is None else permitted
    ways = [
        a_candidate(
            task,
            provider=a_provider(name=name),
            assessment=_assessed(bundle, world, RouteKind.MANAGED, without=without),
            permission=permission(allowed=may),
            missing=world.missing,
        )
        for name in ("acme", "beta")[: world.providers]
    ]
    local = _assessed(bundle, world, RouteKind.LOCAL, without=without)
    return choose(task=task, local=local, candidates=ways, engine=engine(world.state), ask=an_ask())


@given(world=WORLDS)
def test_no_state_of_the_engine_opens_a_managed_route_without_permission(bundle: Bundle, world: World) -> None:
    assert _route(bundle, world, permitted=False).kind is not RouteKind.MANAGED


@given(world=WORLDS)
def test_a_managed_route_has_permission_a_named_provider_and_evidence_that_meets(bundle: Bundle, world: World) -> None:
    route = _route(bundle, world)

    if route.kind is RouteKind.MANAGED:
        assert world.permitted
        assert route.provider == "acme"
        assert (world.providers > 0, world.missing) == (True, "")
        assert _assessed(bundle, world, RouteKind.MANAGED).state is EvidenceState.MEETS


@given(world=WORLDS)
def test_a_route_that_is_not_marked_below_its_threshold_rests_on_evidence_that_meets(
    bundle: Bundle, world: World
) -> None:
    route = _route(bundle, world)

    if route.is_open() and not route.below_threshold:
        assert route.state is EvidenceState.MEETS


@given(world=WORLDS)
def test_taking_away_the_evidence_of_a_route_never_opens_that_route(bundle: Bundle, world: World) -> None:
    for kind, side in ((RouteKind.MANAGED, "managed"), (RouteKind.LOCAL, "illustrative")):
        before, after = _assessed(bundle, world, kind), _assessed(bundle, world, kind, without=side)

        assert after.state is not EvidenceState.MEETS or before.state is EvidenceState.MEETS


@given(world=WORLDS)
def test_outside_the_sandbox_taking_away_measured_evidence_leaves_nothing_known(bundle: Bundle, world: World) -> None:
    after = _assessed(bundle, world, RouteKind.LOCAL, without="local")

    assert after.state is EvidenceState.INSUFFICIENT or world.tenant == "sandbox"


@given(n=st.integers(1, 600), taken=st.integers(0, 600), edited=st.integers(0, 600))
def test_taking_away_good_cases_never_opens_a_route(bundle: Bundle, n: int, taken: int, edited: int) -> None:
    task = task_with(bundle, min_cases=1)
    edited, fewer = min(n, edited), max(n - taken, min(n, edited), 1)

    def state(cases: int) -> EvidenceState:
        rows = [evidence(task, n=cases, edited=edited)]
        return assess(rows, task=task, route=RouteKind.LOCAL, model_digest=MODEL, tenant="general-hospital").state

    assert state(fewer) is not EvidenceState.MEETS or state(n) is EvidenceState.MEETS


@given(world=WORLDS)
def test_illustrative_evidence_changes_nothing_outside_the_sandbox(bundle: Bundle, world: World) -> None:
    if world.tenant != "sandbox":
        assert _route(bundle, world) == _route(bundle, world, without="illustrative")


@given(world=WORLDS)
def test_every_route_says_the_threshold_and_why_in_one_sentence(bundle: Bundle, world: World) -> None:
    route = _route(bundle, world)

    assert "threshold of 30 %" in route.reasons[0]
    assert route.reasons[0].endswith(".")
    assert route.reasons[0][0].isupper() or route.reasons[0][0].isdigit()
    assert (len(route.reasons) == 2) == route.illustrative


@given(world=WORLDS)
def test_a_refusal_that_may_open_by_itself_says_what_it_waits_for(bundle: Bundle, world: World) -> None:
    route = _route(bundle, world)

    if route.engine_missing:
        assert world.state != "ready"
    if route.provider_missing:
        assert world.missing
    assert route.kind is RouteKind.REFUSED or not (route.engine_missing or route.provider_missing)


@given(world=WORLDS)
def test_the_same_world_has_the_same_route(bundle: Bundle, world: World) -> None:
    assert _route(bundle, world) == _route(bundle, world)
