from appliance.api import provenance
from appliance.exchange import EvidenceState, Exchange, ModelIdentity, Route, RouteKind


def exchange(**marks: bool) -> Exchange:
    """Return an exchange whose route has marks."""
    route = Route(kind=RouteKind.LOCAL, reasons=("Because.",), state=EvidenceState.INSUFFICIENT, **marks)
    model = ModelIdentity(name="model", digest="a" * 64)
    return Exchange(id="ex_1", task="letter", route=route, model=model, receipt="audit1.x.y")


def test_marks_of_the_evidence_stand_in_header_and_body() -> None:
    marked = exchange(illustrative=True, below_threshold=True)

    assert provenance.headers(marked)["Appliance-Evidence"] == "insufficient; illustrative; below-threshold"
    evidence = provenance.member(marked)["evidence"]
    assert evidence == {"state": "insufficient", "illustrative": True, "below_threshold": True}


def test_evidence_without_marks_is_its_state() -> None:
    assert provenance.headers(exchange())["Appliance-Evidence"] == "insufficient"
