"""Decides, apart from the gateway, whether a request may go to a managed API; in this order, and again before sending.

1. The gateway decided by the very policy that is in force here.
2. The register holds the provider and the model, two people approved this policy, and nobody closed the provider.
3. Nothing keeps the request in the building: no restriction, no data class that stays.
4. A business associate agreement is in force now that covers service, region, model, task, purpose and data class.
5. Cedar permits `Escalate`, the evidence read from the same policy anew.

The gateway's word opens nothing: what it states can only keep a request at home (45 CFR 164.502(e); design section 2,
promises 1 and 6).  Pure: what changes, the moment among it, is handed in.
"""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.broker.not_sent import NotSentError
from appliance.broker.tripwire import Tripwire, TripwireError, TripwireFaultError
from appliance.clock import Moment
from appliance.escalation.wire import DiscloseRequest
from appliance.exchange import Actor, DataClass, EvidenceState, Purpose, RouteKind
from appliance.phi.findings import Kind
from appliance.phi.keyed import KeyedIdentifiers
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.escalate import Ask, Way, escalate_question
from appliance.policy.evidence import assess
from appliance.policy.register import Agreement, ManagedModel, Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a request may be sent to, and under which agreement."""

    provider: Provider
    model: ManagedModel
    agreement: Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What two people, or one in a hurry, have said about the policy and its providers."""

    unapproved: str
    """Why the policy is not approved by two people, in a clause; empty if it is."""

    closed: Callable[[str], str]
    """Why a provider is closed by hand, by its name; empty if nobody closed it."""


def grant(request: DiscloseRequest, bundle: Bundle, *, standing: Standing, moment: Moment) -> Grant:
    """Return where the request may go now.  Raises NotSentError with the first of the steps above that says no."""
    if request.policy_digest != bundle.digest:
        raise NotSentError(
            "policy_differs", "the gateway decided by another policy than the broker holds; reload both, then ask again"
        )
    provider, model = _registered(request, bundle)
    if standing.unapproved:
        raise NotSentError("policy_not_approved", f"the policy is not approved by two people: {standing.unapproved}")
    if standing.closed(provider.name):
        raise NotSentError("provider_closed", f"provider {provider.name} is closed by hand")
    ask = _ask(request, bundle)
    agreement = provider.agreement(model, ask.use(request.task), moment)
    if agreement is None:
        raise NotSentError("no_agreement_in_force", provider.closed(model, ask.use(request.task), moment))
    way = Way(
        provider=provider,
        model=model,
        evidence=_evidence(request, bundle, provider=provider, model=model),
        failover=request.failover,
        moment=moment,
        kinds_left=frozenset(request.kinds_left),
    )
    decision = decide(bundle, escalate_question(_actor(request), request.task, ask=ask, way=way))
    if not decision.allowed:
        raise NotSentError("not_permitted", f"policy says no ({decision.sentence().removesuffix('.')})")
    return Grant(provider=provider, model=model, agreement=agreement)


def check_outgoing(identifiers: object, body: bytes) -> None:
    """Return only if the tripwire read the whole body and found nothing.

    Raises TripwireError with what it found; anything else that it raises, malformed identifiers among it, MUST be
    handed to `tripped` as well.
    """
    Tripwire(KeyedIdentifiers.from_wire(identifiers)).check(body)


def tripped(checked: BaseException) -> NotSentError:
    """Return the refusal for what `check_outgoing` raised; it names kinds and counts, never the text."""
    if not isinstance(checked, TripwireError):
        return NotSentError("phi_guard_unavailable", "the last check of the outgoing text could not be completed")
    found = ", ".join(f"{count} {Kind(kind).words()}" for kind, count in checked.counts.items())
    reason = f"the last check found identifiers that are left in the text ({found})"
    return NotSentError("identifiers_left", reason, counts=checked.counts)


def fault_of(checked: BaseException | None) -> str:
    """Return a word for the log on why the look was not completed; of a foreign error its type and never its words."""
    match checked:
        case None | TripwireError():
            return ""
        case TripwireFaultError():
            return str(checked)
        case _:
            return type(checked).__name__


def _registered(request: DiscloseRequest, bundle: Bundle) -> tuple[Provider, ManagedModel]:
    if not bundle.providers:
        raise NotSentError(
            "no_agreement_in_force",
            f"the provider register is empty (policy {bundle.digest[:12]}), so no business associate agreement is in"
            " force",
        )
    provider = bundle.providers.get(request.provider)
    if provider is None:
        raise NotSentError("no_agreement_in_force", "the register holds no provider of this name")
    model = provider.model(request.model)
    if model is None:
        raise NotSentError("unknown_model", f"the register lists no model of this name for provider {provider.name}")
    return provider, model


def _evidence(request: DiscloseRequest, bundle: Bundle, *, provider: Provider, model: ManagedModel) -> EvidenceState:
    """Return what was measured of this very model; illustrative figures open no real provider."""
    drafts = assess(
        bundle.evidence,
        task=bundle.tasks[request.task],
        route=RouteKind.MANAGED,
        model_digest=provider.identity(model).digest,
        tenant=request.caller.tenant,
    )
    return EvidenceState.INSUFFICIENT if drafts.illustrative and not provider.sandbox else drafts.state


def _ask(request: DiscloseRequest, bundle: Bundle) -> Ask:
    """Return the facts, the data class at least that of the task.  Raises NotSentError for one that stays at home."""
    task = bundle.tasks.get(request.task)
    if task is None:
        raise NotSentError("not_permitted", "the policy holds no task of this name")
    try:
        data_class = max(DataClass(request.data_class), task.data_class, key=DataClass.rank)
        purpose = Purpose(request.purpose)
    except ValueError as error:
        raise NotSentError("invalid_request", "the request states a fact that the policy does not know") from error
    if request.restrictions or data_class is DataClass.RESTRICTED:
        raise NotSentError("restricted", "this request is under a restriction that keeps it in the building")
    return Ask(
        purpose=purpose,
        data_class=data_class,
        restrictions=frozenset(),
        patients_named=request.patients_named,
        counts=request.counts,
    )


def _actor(request: DiscloseRequest) -> Actor:
    caller = request.caller
    return Actor(
        client_id=caller.client_id,
        name=caller.client_id,
        tenant=caller.tenant,
        roles=frozenset(caller.roles),
        tasks=frozenset(caller.tasks),
    )
