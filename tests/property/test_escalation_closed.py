"""What must hold of every way out of the building: nothing that happens, is asked, lost or taken away opens one."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cedarpy import PolicySet
from hypothesis import given
from hypothesis import strategies as st

from appliance.classification import classify
from appliance.clinical_text import ClinicalText
from appliance.clock import Moment
from appliance.exchange import DataClass, Message, Purpose, RouteKind, Subject, Surface, TaskRequest
from appliance.phi.findings import Findings
from appliance.policy.bundle import Bundle, Statement
from appliance.policy.escalate import Ask
from appliance.policy.register import Agreement, Provider, Service
from appliance.routing.candidates import Outlook
from appliance.routing.route import Weighing, weigh
from tests.support.excluded import ListedPatients
from tests.support.open_bundles import TASK, an_open_bundle, open_ways, way_of, with_rule
from tests.support.policy_folder import client
from tests.support.registers import a_model, a_provider, a_sandbox_provider, an_agreement, an_endpoint
from tests.support.routes import ENGINES, MODEL, BrokerState, ProviderState, an_ask, an_outlook, engine

BEGIN, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
DAYS = st.integers(-30, 430).map(lambda days: BEGIN + timedelta(days=days))
KINDS = ("services", "purposes", "data_classes")
NAMES = {"regions": ["us-east-1", "eu-west-1"], "models": ["large", "small"], "tasks": [TASK, "medical-coding"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that a way out depends on; most of it open, so that closing one thing is seen."""

    tenant: str
    local_edited: int | None
    escalation: bool
    failover: bool
    unmet: str
    state: str
    ask: Ask
    now: datetime
    broker: dict[str, Any]
    approval: str
    closed: frozenset[str]
    agreement: Agreement


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Return what is usual nine times out of ten."""
    return st.sampled_from([*(usual for _ in range(9 * len(others))), *others])


MOSTLY = st.integers(0, 9).map(bool)

AGREEMENTS = st.builds(
    an_agreement,
    effective=st.just(BEGIN),
    expires=st.just(END),
    services=mostly(frozenset({Service.ANTHROPIC_MESSAGES}), frozenset({Service.OPENAI_CHAT}), frozenset(Service)),
    purposes=mostly(frozenset(Purpose), frozenset({Purpose.PAYMENT})),
    data_classes=mostly(frozenset(DataClass), frozenset({DataClass.PHI}), frozenset({DataClass.SENSITIVE})),
    models=mostly(frozenset(), frozenset({"small"})),
    tasks=mostly(frozenset(), frozenset({TASK}), frozenset({"medical-coding"})),
)
ASKS = st.builds(
    an_ask,
    purpose=st.sampled_from(Purpose),
    data_class=mostly(DataClass.PHI, DataClass.SENSITIVE, DataClass.RESTRICTED),
    restrictions=mostly(frozenset(), frozenset({"hiv"})),
    patients_named=MOSTLY,
)
BROKERS = mostly(
    {},
    {"reachable": False},
    {"policy_digest": "f" * 64},
    {"approval": "Not approved."},
    {"providers": {"example-cloud": ProviderState(state="closed")}},
)
WORLDS = st.builds(
    World,
    tenant=mostly("general-hospital", "sandbox"),
    local_edited=st.sampled_from([None, 10, 300]),
    escalation=MOSTLY,
    failover=st.booleans(),
    unmet=st.sampled_from(["refuse", "local"]),
    state=st.sampled_from(ENGINES),
    ask=ASKS,
    now=mostly(BEGIN + timedelta(days=9), BEGIN - timedelta(days=1), END),
    broker=BROKERS,
    approval=mostly("", "Two people have not approved it."),
    closed=mostly(frozenset(), frozenset({"example-cloud"})),
    agreement=AGREEMENTS,
)


def _providers(agreement: Agreement) -> tuple[Provider, ...]:
    large, small = a_model(name="large"), a_model(name="small", input_usd_per_million=1.0)
    other = an_endpoint(host="api.other.example")
    stand_in = a_sandbox_provider(agreements=(agreement,), models=(small,))
    return (
        a_provider(models=(large, small), agreements=(agreement,)),
        a_provider(name="other", endpoint=other, models=(large,), agreements=(agreement,)),
        stand_in,
    )


def _bundle(bundle: Bundle, world: World) -> Bundle:
    task = {"escalation": world.escalation, "failover": world.failover, "when_unmet": world.unmet}
    return an_open_bundle(bundle, *_providers(world.agreement), local_edited=world.local_edited, **task)


def _outlook(bundle: Bundle, world: World) -> Outlook:
    return an_outlook(
        bundle,
        world.state,
        moment=Moment.at(world.now),
        approval=world.approval,
        closed=world.closed,
        broker=BrokerState.of(bundle, **world.broker),
    )


def _weigh(bundle: Bundle, world: World, *, ask: Ask | None = None, outlook: Outlook | None = None) -> Weighing:
    return weigh(
        bundle,
        actor=client(tenant=world.tenant),
        task=bundle.tasks[TASK],
        model_digest=MODEL,
        ask=ask or world.ask,
        outlook=outlook or _outlook(bundle, world),
    )


def _never_opens(before: Weighing, after: Weighing) -> None:
    """Hold that `after` has no way out that `before` had not."""
    assert open_ways(after.candidates) <= open_ways(before.candidates)
    if after.route.kind is RouteKind.MANAGED:
        assert way_of(after.route) in open_ways(before.candidates)


FORBIDS = st.sampled_from(
    [
        "forbid (principal, action, resource);",
        'forbid (principal, action == Action::"Escalate", resource);',
        'forbid (principal, action, resource) when { context has provider && context.provider == "other" };',
        'forbid (principal, action == Action::"Escalate", resource) when { context.finding_count > 3 };',
        'forbid (principal, action == Action::"Escalate", resource) when { context.model == "small" };',
        'forbid (principal, action, resource) when { principal.tenant == "sandbox" };',
        'forbid (principal, action == Action::"Escalate", resource) when { context.time * context.time > 0 };',
        'forbid (principal, action == Action::"Escalate", resource) unless { context.kinds_left.isEmpty() };',
    ]
)


@given(world=WORLDS, rule=FORBIDS)
def test_adding_a_forbid_never_opens(bundle: Bundle, world: World, rule: str) -> None:
    opened = _bundle(bundle, world)

    _never_opens(_weigh(opened, world), _weigh(with_rule(opened, rule), world))


@given(world=WORLDS, taken=st.data())
def test_removing_evidence_never_opens(bundle: Bundle, world: World, taken: st.DataObject) -> None:
    opened = _bundle(bundle, world)
    rows = opened.evidence
    left = tuple(row for row in rows if not taken.draw(st.booleans()))
    # An engine that is down is waited for by a task that it serves well enough; that is no way out but a wait.
    ready = replace(world, state="ready")

    _never_opens(_weigh(opened, ready), _weigh(replace(opened, evidence=left), ready))


@given(world=WORLDS)
def test_without_evidence_of_its_own_no_managed_model_is_asked(bundle: Bundle, world: World) -> None:
    opened = _bundle(bundle, world)
    local = tuple(row for row in opened.evidence if row.route == "local")

    weighing = _weigh(replace(opened, evidence=local), world)

    assert weighing.route.kind is not RouteKind.MANAGED
    assert open_ways(weighing.candidates) == frozenset()


TEXTS = st.sampled_from(["Slept well.", "42 CFR Part 2", '{"meta":{"security":[{"code":"HIV"}]}}', "see chart 8812345"])
REQUESTS = st.builds(
    TaskRequest,
    task=st.just(TASK),
    surface=st.just(Surface.CHAT),
    subject=st.just(Subject(patients=(ClinicalText("QX-7345501"),))),
    messages=TEXTS.map(lambda text: (Message(role="user", content=ClinicalText(text)),)),
)
PATIENTS = mostly({}, {"QX-7345501": "vip"}, {"8812345": "opt-out"})


COVERED = st.frozensets(st.sampled_from([DataClass.PHI, DataClass.SENSITIVE]), min_size=1)
CLASSES = st.tuples(mostly(DataClass.PHI, DataClass.SENSITIVE), COVERED)
STATED = st.fixed_dictionaries(
    {"data_class": st.none() | st.sampled_from(DataClass), "restrictions": mostly(frozenset(), frozenset({"hiv"}))}
)


@given(world=WORLDS, request=REQUESTS, stated=STATED, patients=PATIENTS, classes=CLASSES)
def test_nothing_that_a_caller_states_opens(
    bundle: Bundle,
    world: World,
    request: TaskRequest,
    stated: dict[str, Any],
    *,
    patients: dict[str, str],
    classes: tuple[DataClass, frozenset[DataClass]],
) -> None:
    of_the_task, covered = classes
    covering = replace(world.agreement, data_classes=covered)
    opened = _bundle(bundle, replace(world, agreement=covering))
    task = opened.tasks[TASK].model_copy(update={"data_class": of_the_task})

    def weighed(request: TaskRequest) -> Weighing:
        listed, found = ListedPatients(patients), Findings(texts=((),))
        known = classify(request, task, client(), found, restrictions=bundle.restrictions, excluded=listed)
        assert known.data_class.rank() >= of_the_task.rank()
        ask = replace(world.ask, data_class=known.data_class, restrictions=known.restrictions)
        return _weigh(opened, world, ask=ask)

    _never_opens(weighed(request), weighed(replace(request, **stated)))


@given(world=WORLDS, state=st.sampled_from(ENGINES))
def test_no_state_of_the_engine_opens(bundle: Bundle, world: World, state: str) -> None:
    opened = _bundle(bundle, world)
    usual = _weigh(opened, replace(world, state="ready"))
    outlook = replace(_outlook(opened, world), engine=engine(state))

    odd = _weigh(opened, world, outlook=outlook)

    _never_opens(usual, odd)
    if odd.route.failover:
        assert world.failover


@given(world=WORLDS)
def test_an_exclusion_always_wins_even_if_every_policy_permits(bundle: Bundle, world: World) -> None:
    rule = "permit (principal, action, resource);"
    statement = Statement(id="policy0", effect="permit", reason="All.", file="a.cedar", line=1, text=rule)
    lax = replace(_bundle(bundle, world), policies=PolicySet.from_str(rule), statements={"policy0": statement})

    route = _weigh(lax, world).route

    if world.ask.restrictions or world.ask.data_class is DataClass.RESTRICTED:
        assert route.kind is not RouteKind.MANAGED
    if route.kind is RouteKind.MANAGED:
        assert route.agreement
        assert BEGIN <= world.now < END
        assert not world.approval


def _less(agreement: Agreement, name: str, shrink: st.DataObject) -> Agreement:
    """Return an agreement with a shorter period, or with fewer entries in one list of what it covers."""
    if name == "period":
        first, last = sorted([shrink.draw(DAYS), shrink.draw(DAYS)])
        return replace(agreement, effective=max(agreement.effective, first), expires=min(agreement.expires, last))
    listed = sorted(getattr(agreement, name))
    if name in NAMES:
        # An empty list of names covers all of them, so the least that can be left is one.
        return replace(
            agreement, **{name: shrink.draw(st.frozensets(st.sampled_from(listed or NAMES[name]), min_size=1))}
        )
    return replace(agreement, **{name: shrink.draw(st.frozensets(st.sampled_from(listed)))})


@given(world=WORLDS, name=st.sampled_from([*KINDS, *NAMES, "period"]), shrink=st.data())
def test_shrinking_an_agreement_never_opens(bundle: Bundle, world: World, name: str, shrink: st.DataObject) -> None:
    less = _less(world.agreement, name, shrink)

    before = _weigh(_bundle(bundle, world), world)
    after = _weigh(_bundle(bundle, replace(world, agreement=less)), world)

    _never_opens(before, after)


@given(world=WORLDS, others=WORLDS)
def test_closing_by_hand_an_approval_lost_and_a_broker_gone_never_open(
    bundle: Bundle, world: World, others: World
) -> None:
    opened = _bundle(bundle, world)
    outlook = _outlook(opened, world)
    worse = replace(
        outlook,
        approval=outlook.approval or others.approval,
        closed=outlook.closed | others.closed,
        without=frozenset({("other", "large")}),
    )

    _never_opens(_weigh(opened, world), _weigh(opened, world, outlook=worse))
    gone = replace(outlook, broker=BrokerState(reachable=False))
    assert _weigh(opened, world, outlook=gone).route.kind is not RouteKind.MANAGED


@given(world=WORLDS, reading=DAYS)
def test_a_clock_that_jumps_closes_and_never_opens(bundle: Bundle, world: World, reading: datetime) -> None:
    opened = _bundle(bundle, world)
    outlook = _outlook(opened, world)
    torn = Moment(earliest=min(world.now, reading), latest=max(world.now, reading))

    _never_opens(_weigh(opened, world), _weigh(opened, world, outlook=replace(outlook, moment=torn)))


@given(world=WORLDS)
def test_a_managed_route_has_everything_that_it_needs(bundle: Bundle, world: World) -> None:
    route = _weigh(_bundle(bundle, world), world).route

    if route.kind is RouteKind.MANAGED:
        assert (world.escalation, world.approval, world.ask.restrictions) == (True, "", frozenset())
        assert world.ask.patients_named
        assert BEGIN <= world.now < END
        assert route.agreement == world.agreement.id
        assert route.provider not in world.closed
        assert route.sandbox == (world.tenant == "sandbox")


@given(world=WORLDS)
def test_the_same_world_has_the_same_route(bundle: Bundle, world: World) -> None:
    opened = _bundle(bundle, world)

    assert _weigh(opened, world).route == _weigh(opened, world).route
