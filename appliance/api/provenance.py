"""What every answer says about itself: which route, model and evidence, and the receipt that proves the record.

The same facts stand in the headers and in the body, so that neither a proxy that drops headers nor a client that reads
only the SDK's object loses them.  An answer of a stand-in says SANDBOX in both: nobody may take it for a model's.
"""

from appliance.exchange import Exchange, Route, RouteKind

SANDBOX = "SANDBOX"
"""The mark of an answer that a stand-in on this machine gave."""

SANDBOX_WARNING = (
    "SANDBOX: a stand-in on this machine wrote this answer, no managed model; it is for demonstration only."
)


def headers(exchange: Exchange) -> dict[str, str]:
    """Return the ``Appliance-…`` headers of an answer."""
    return {
        "Appliance-Exchange": exchange.id,
        "Appliance-Route": exchange.route.label(),
        "Appliance-Model": exchange.model.label(),
        "Appliance-Evidence": _evidence_label(exchange),
        "Appliance-Receipt": exchange.receipt,
        **_managed_headers(exchange.route),
    }


def member(exchange: Exchange) -> dict[str, object]:
    """Return the same as a JSON object, with the reasons in plain words."""
    route = exchange.route
    return {
        "exchange": exchange.id,
        "route": route.label(),
        "reasons": list(route.reasons),
        "evidence": {
            "state": route.state.value,
            "illustrative": route.illustrative,
            "below_threshold": route.below_threshold,
        },
        "model": exchange.model.label(),
        "receipt": exchange.receipt,
        "warnings": warnings(exchange.route, exchange.warnings),
        **_managed_member(route),
    }


def warnings(route: Route, told: tuple[str, ...]) -> list[str]:
    """Return what the caller is warned of, the sandbox first."""
    return [SANDBOX_WARNING, *told] if route.sandbox else list(told)


def _managed_headers(route: Route) -> dict[str, str]:
    if route.kind is not RouteKind.MANAGED:
        return {}
    sandbox = {"Appliance-Sandbox": SANDBOX} if route.sandbox else {}
    return {"Appliance-Agreement": route.agreement, **sandbox}


def _managed_member(route: Route) -> dict[str, object]:
    """Return what only an answer from outside has."""
    if route.kind is not RouteKind.MANAGED:
        return {}
    told = {"provider": route.provider, "agreement": route.agreement, "failover": route.failover}
    return {"managed": {**told, "sandbox": SANDBOX if route.sandbox else None}}


def _evidence_label(exchange: Exchange) -> str:
    route = exchange.route
    marks = [route.state.value]
    if route.illustrative:
        marks.append("illustrative")
    if route.below_threshold:
        marks.append("below-threshold")
    return "; ".join(marks)
