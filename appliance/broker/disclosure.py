"""Decides, apart from the gateway, whether a request may go to a managed API.

1. The tripwire reads the exact bytes; one identifier left, or a look that could not be completed, ends it here,
   whatever agreement there is.
2. A disclosure needs a provider whose business associate agreement is in force.  The bundle loader admits no provider
   entry yet, and so every disclosure is refused.  A bundle that holds one all the same is refused too: there is no
   code here that could send.

Pure: no socket, no file, and of time only the tripwire's own limit.
"""

from appliance.broker.tripwire import Tripwire, TripwireError, TripwireFaultError
from appliance.escalation.wire import DiscloseRequest, Refusal
from appliance.phi.findings import Kind
from appliance.phi.keyed import KeyedIdentifiers


def check_outgoing(identifiers: object, body: bytes) -> None:
    """Return only if the tripwire read the whole body and found nothing (step 1).

    Raises TripwireError with what it found; anything else that it raises, malformed identifiers among it, MUST be
    handed to `refuse` as well.
    """
    Tripwire(KeyedIdentifiers.from_wire(identifiers)).check(body)


def refuse(request: DiscloseRequest, checked: BaseException | None, *, providers: int, policy_digest: str) -> Refusal:
    """Return why this request stays in the building; the reason names kinds and the bundle, never the text.

    `checked` is what `check_outgoing` raised, None if it returned.
    """
    match checked:
        case None:
            return _without_agreement(request, providers=providers, policy_digest=policy_digest)
        case TripwireError(counts=counts):
            found = ", ".join(f"{count} {Kind(kind).words()}" for kind, count in counts.items())
            return Refusal(
                call=request.call,
                code="identifiers_left",
                reason=f"Nothing was sent: the last check found identifiers that are left in the text ({found}).",
                counts=counts,
            )
        case _:
            return Refusal(
                call=request.call,
                code="phi_guard_unavailable",
                reason="Nothing was sent: the last check of the outgoing text could not be completed.",
            )


def fault_of(checked: BaseException | None) -> str:
    """Return a word for the log on why the look was not completed; of a foreign error its type and never its words."""
    match checked:
        case None | TripwireError():
            return ""
        case TripwireFaultError():
            return str(checked)
        case _:
            return type(checked).__name__


def _without_agreement(request: DiscloseRequest, *, providers: int, policy_digest: str) -> Refusal:
    register = (
        "the provider register is empty" if providers == 0 else "this version of the appliance serves no provider"
    )
    return Refusal(
        call=request.call,
        code="no_agreement_in_force",
        reason=(
            f"Nothing was sent: {register} (policy {policy_digest[:12]}), "
            "so no business associate agreement is in force."
        ),
    )
