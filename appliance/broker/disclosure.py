"""Decides, apart from the gateway, whether a request may go to a managed API.

The rule of this version is short: a disclosure needs a provider whose business associate agreement is in force,
the bundle loader admits no provider entry yet, and so every disclosure is refused.  A bundle that holds one all
the same is refused too: there is no code here that could send.  Pure: no clock, no socket, no file.
"""

from appliance.escalation.wire import DiscloseRequest, Refusal


def refuse(request: DiscloseRequest, *, providers: int, policy_digest: str) -> Refusal:
    """Return why this request stays in the building; the reason names the bundle, never the request's text."""
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
