"""What every answer says about itself: which route, model and evidence, and the receipt that proves the record.

The same facts stand in the headers and in the body, so that neither a proxy that drops headers nor a client that reads
only the SDK's object loses them.
"""

from appliance.exchange import Exchange


def headers(exchange: Exchange) -> dict[str, str]:
    """Return the ``Appliance-…`` headers of an answer."""
    return {
        "Appliance-Exchange": exchange.id,
        "Appliance-Route": exchange.route.label(),
        "Appliance-Model": exchange.model.label(),
        "Appliance-Evidence": _evidence_label(exchange),
        "Appliance-Receipt": exchange.receipt,
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
        "warnings": list(exchange.warnings),
    }


def _evidence_label(exchange: Exchange) -> str:
    route = exchange.route
    marks = [route.state.value]
    if route.illustrative:
        marks.append("illustrative")
    if route.below_threshold:
        marks.append("below-threshold")
    return "; ".join(marks)
