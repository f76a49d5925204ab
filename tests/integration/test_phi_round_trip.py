"""The whole way of real texts: guarded by the real process, read by the broker's own check, answered, and brought back.

Every text is guarded once, for all tests; the model that answers is scripted and knows only what it was sent.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from appliance.broker.disclosure import check_outgoing, tripped
from appliance.broker.tripwire import TripwireError
from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.phi.findings import Kind
from appliance.phi.guard import Guard, Pseudonymised
from appliance.phi.harmless import unsteered
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.settings import GuardSettings, Site
from appliance.phi.stream import Screen
from appliance.phi.stream_json import JsonScreen
from appliance.phi.worker import GuardWorker
from tests.support.answering_provider import FOREIGN, day_forms, in_chunks, made_up, summary, tool_call
from tests.support.clinical_facts import Fact, facts
from tests.support.guard_models import real_models
from tests.support.shared_texts import aci_notes, bundles, labelled, medec_notes, one_of_each_type, own_values
from tests.support.tripwires import people_of

PASSED_THE_TRIPWIRE = "nothing found"

PROMPTS, NOTES, EXAMS, BUNDLES = 80, 8, 40, 2
"""Texts of asq_phi_dev, ACI-Bench, MEDEC and Synthea: what fits into half a minute."""

MOST_DRUGS_TAKEN_FOR_NAMES = 0.01
"""Share of drugs that a name model may take for a person at the start of a sentence; all of them come back."""


@dataclass
class Trip:
    """One text, what left, and what the broker said to it."""

    name: str
    text: str
    values: set[str]
    """Labelled or known identifiers, none of which may leave."""

    made: Pseudonymised
    broker: str = ""
    outgoing: str = field(init=False)

    def __post_init__(self) -> None:
        self.outgoing = self.made.texts[0].reveal_bytes().decode()

    def names(self) -> dict[str, str]:
        """Return the surrogates of names that left, each with the caller's own."""
        found = [self.text[each.start : each.end] for each in self.made.findings.texts[0] if each.kind is Kind.NAME]
        pairs = {self.made.surrogates.value(Kind.NAME, name): name for name in found}
        return {made: name for made, name in pairs.items() if made in self.outgoing}

    def lost(self) -> Counter[Fact]:
        """Return the clinical facts that did not leave; "Huntington Hospital" is a place, whatever its first word."""
        return facts(self.text) - facts("; ".join(self.values)) - facts(self.outgoing)

    def answered(self, answer: str, *, is_json: bool = False, longest: int = 40) -> str:
        """Return what the caller sees of an answer that comes in pieces."""
        screen = (JsonScreen if is_json else Screen)([ClinicalText(self.text)], surrogates=self.made.surrogates)
        pieces = [screen.feed(ClinicalText(chunk)).reveal() for chunk in in_chunks(answer, seed=7, longest=longest)]
        return "".join([*pieces, screen.finish().reveal()])


@dataclass
class Trips:
    """All of them: plain texts, and FHIR resources by their paths."""

    texts: list[Trip]
    resources: list[Trip]


@pytest.fixture(scope="module")
def trips() -> Trips:
    made = Trips(texts=[], resources=[])
    asyncio.run(_travel(made))
    return made


async def _travel(made: Trips) -> None:
    worker = GuardWorker(real_models(), site=Site())
    async with worker.running():
        guard = Guard(worker, GuardSettings, clock=Clock())
        for name, text, known, values in _plain():
            done = await guard.pseudonymise([ClinicalText(text)], known=known)
            made.texts.append(Trip(name=name, text=text, values=values, made=done))
        for patient, resources in bundles(BUNDLES):
            known = KnownIdentifiers.from_fhir([patient])
            for each in one_of_each_type(resources):
                done = await guard.pseudonymise_resource(each, known=known)
                trip = Trip(name=each["resourceType"], text=json.dumps(each), values=own_values(patient), made=done)
                made.resources.append(trip)
    for trip in (*made.texts, *made.resources):
        trip.broker = _said(trip)


def _plain() -> Iterator[tuple[str, str, KnownIdentifiers, set[str]]]:
    for each in labelled("asq_phi_dev", PROMPTS):
        text = each.record.text.reveal()
        gold = [(Kind(span.type), text[span.start : span.end]) for span in each.spans if span.type in set(Kind)]
        named = [(kind, value) for kind, value in gold if kind not in {Kind.DATE, Kind.AGE}]
        known = KnownIdentifiers.from_demographics(people_of(named)) if named else KnownIdentifiers.nothing()
        # A set that labels "last week" as a day asks for more than 45 CFR 164.514(b)(2)(i)(C) does.
        values = {value for kind, value in gold if kind is not Kind.DATE or any(map(str.isdigit, value))}
        yield f"asq {each.record.id}", text, known, values
    for source, notes in (("aci", aci_notes(NOTES)), ("medec", medec_notes(EXAMS))):
        for number, note in enumerate(notes):
            yield f"{source} {number}", note, KnownIdentifiers.nothing(), set()


def _said(trip: Trip) -> str:
    """Return what the broker's last check makes of what would leave, as the broker would tell it."""
    try:
        check_outgoing(trip.made.keyed.to_wire(), trip.made.texts[0].reveal_bytes())
    except TripwireError as found:
        return tripped(found).code
    return PASSED_THE_TRIPWIRE


def test_no_labelled_or_known_identifier_is_in_what_leaves(trips: Trips) -> None:
    left = [
        (trip.name, value)
        for trip in (*trips.texts, *trips.resources)
        for value in trip.values
        if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", trip.outgoing)
    ]

    assert sum(len(trip.values) for trip in trips.texts) > PROMPTS
    assert left == []


def test_the_tripwire_finds_nothing_in_what_the_guard_lets_leave(trips: Trips) -> None:
    said = Counter((trip.broker, trip.name) for trip in (*trips.texts, *trips.resources))

    assert [each for each in said if each[0] != PASSED_THE_TRIPWIRE] == []


@pytest.mark.parametrize("longest", [1, 40, 10_000])
def test_an_answer_that_repeats_what_it_was_sent_comes_back_as_the_caller_wrote_it(trips: Trips, longest: int) -> None:
    chosen = trips.texts if longest > 1 else trips.texts[::6]

    assert [trip.name for trip in chosen if trip.answered(trip.outgoing, longest=longest) != _shown(trip)] == []


def test_the_arguments_of_a_tool_come_back_as_json_with_the_callers_values(trips: Trips) -> None:
    for trip in trips.texts:
        names = trip.names()
        answer = json.loads(trip.answered(tool_call(trip.outgoing, list(names)), is_json=True))

        assert answer["note"] == _shown(trip), trip.name
        assert answer["people"] == list(names.values()), trip.name
        assert (answer["dose"], answer["urgent"]) == (2.5, False)


def test_names_that_are_shouted_possessive_or_reordered_come_back(trips: Trips) -> None:
    wrong: list[tuple[str, str]] = []
    asked = 0
    for trip in trips.texts:
        names = trip.names()
        asked += len(names)
        seen = trip.answered(summary(list(names))).splitlines()
        wanted = summary(list(names.values())).splitlines()
        wrong += [
            (trip.name, got)
            for got, want in zip(seen, wanted, strict=True)
            if got.casefold() != want.casefold() and "[withheld" not in got
        ]

    assert asked > PROMPTS / 4
    assert wrong == []


def test_a_day_in_another_form_is_the_callers_day_or_masked(trips: Trips) -> None:
    asked = 0
    for trip in trips.texts:
        for made, day in day_forms(trip.made.surrogates, trip.text, trip.made.findings.texts[0]):
            asked += 1
            seen = _without_zeros(trip.answered(f"Seen on {made}."))

            assert seen in {_without_zeros(f"Seen on {day}."), "Seen on [withheld: date]."}, trip.name
    assert asked > PROMPTS / 8


def test_what_is_no_identifier_is_the_same_in_what_leaves(trips: Trips) -> None:
    before = Counter(fact.kind for trip in trips.texts for fact in facts(trip.text).elements())
    lost = [(trip.name, fact) for trip in trips.texts for fact in trip.lost()]

    assert before.total() > 300
    assert [each for each in lost if each[1].kind != "drug"] == []
    assert len(lost) <= MOST_DRUGS_TAKEN_FOR_NAMES * before["drug"], lost


def test_somebody_whom_the_caller_never_sent_is_withheld(trips: Trips) -> None:
    for trip in trips.texts:
        seen = trip.answered(made_up() + trip.outgoing)

        assert [value for value in FOREIGN if value in seen] == [], trip.name
        assert seen.endswith(_shown(trip)), trip.name


def test_the_parts_of_a_resource_come_back_in_its_place(trips: Trips) -> None:
    patients = [trip for trip in trips.resources if trip.name == "Patient"]
    for trip in patients:
        own: dict[str, Any] = json.loads(trip.text)
        seen = json.loads(trip.answered(trip.outgoing, is_json=True))

        assert json.loads(trip.outgoing)["name"] != own["name"]
        assert [each["family"] for each in seen["name"]] == [each["family"] for each in own["name"]]
        assert [each["given"] for each in seen["name"]] == [each["given"] for each in own["name"]]
        assert seen["birthDate"] == own["birthDate"]
    assert len(patients) == BUNDLES


def _without_zeros(text: str) -> str:
    return re.sub(r"\b0+(?=\d)", "", text)


def _shown(trip: Trip) -> str:
    """Return the text without the controls that a wrong alphabet left in it; no answer brings them back."""
    return unsteered(trip.text)
