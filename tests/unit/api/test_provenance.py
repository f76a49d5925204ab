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


def managed(*, sandbox: bool = False) -> Exchange:
    """Return an exchange that was answered outside of the building."""
    route = Route(
        kind=RouteKind.MANAGED,
        provider="example",
        agreement="BAA-2026-014",
        sandbox=sandbox,
        failover=True,
        reasons=("Because.",),
        state=EvidenceState.MEETS,
    )
    model = ModelIdentity(name="SANDBOX-m" if sandbox else "m", digest="a" * 64, pinned=False)
    return Exchange(id="ex_1", task="letter", route=route, model=model, receipt="audit1.x.y", warnings=("Look.",))


def test_an_answer_from_outside_names_its_provider_and_its_agreement() -> None:
    headers, member = provenance.headers(managed()), provenance.member(managed())

    assert (headers["Appliance-Route"], headers["Appliance-Agreement"]) == ("managed:example", "BAA-2026-014")
    assert "Appliance-Sandbox" not in headers
    told = {"provider": "example", "agreement": "BAA-2026-014", "failover": True, "sandbox": None}
    assert (member["managed"], member["warnings"]) == (told, ["Look."])


def test_an_answer_of_a_stand_in_says_sandbox_wherever_somebody_may_look() -> None:
    exchange_told = managed(sandbox=True)
    headers, member = provenance.headers(exchange_told), provenance.member(exchange_told)

    assert headers["Appliance-Sandbox"] == "SANDBOX"
    assert "SANDBOX" in headers["Appliance-Model"]
    assert str(member["managed"]).count("SANDBOX") == 1
    assert provenance.warnings(exchange_told.route, ("Look.",)) == [provenance.SANDBOX_WARNING, "Look."]
    assert member["warnings"] == [provenance.SANDBOX_WARNING, "Look."]


def test_a_local_answer_names_no_provider() -> None:
    assert "managed" not in provenance.member(exchange())
    assert not {"Appliance-Agreement", "Appliance-Sandbox"} & set(provenance.headers(exchange()))
