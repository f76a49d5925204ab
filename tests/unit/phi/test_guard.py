"""The guard at the door, with rules in the test's own process in place of the worker's."""

import json
import re
from collections.abc import Sequence
from types import MappingProxyType

import pytest

from appliance.clinical_text import ClinicalText
from appliance.errors import PhiBlockedError, PhiGuardUnavailableError
from appliance.phi.demographics import Demographics
from appliance.phi.findings import Finding, Kind
from appliance.phi.guard import Guard, Pseudonymised
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.settings import Action, GuardSettings, Site
from tests.support.departures import RulesFinder, a_guard

NOTHING = KnownIdentifiers.nothing()
NOTE = "MRN 7345501 was seen on 03/14/2024; call (312) 867-5309 about the potassium of 3.1 mmol/L."


def _texts(replaced: Pseudonymised) -> list[str]:
    return [text.reveal_bytes().decode() for text in replaced.texts]


async def _replaced(guard: Guard, *texts: str, known: KnownIdentifiers = NOTHING) -> Pseudonymised:
    return await guard.pseudonymise([ClinicalText(text) for text in texts], known=known)


async def test_identifiers_are_replaced_and_the_clinical_story_is_not() -> None:
    (text,) = _texts(await _replaced(a_guard(), NOTE))

    for identifier in ("7345501", "03/14/2024", "867-5309"):
        assert identifier not in text
    assert text.endswith("about the potassium of 3.1 mmol/L.")


async def test_one_identifier_becomes_one_surrogate_in_every_text() -> None:
    first, second = _texts(await _replaced(a_guard(), "MRN 7345501 came.", "MRN 7345501 left."))

    assert first.removesuffix("came.") == second.removesuffix("left.")


async def test_two_exchanges_share_no_surrogate() -> None:
    first, second = [_texts(await _replaced(a_guard(), NOTE)) for _ in range(2)]

    assert first != second


async def test_what_was_found_is_told_by_kind_and_place() -> None:
    replaced = await _replaced(a_guard(), NOTE)

    assert replaced.findings.counts() == {"DATE": 1, "MRN": 1, "PHONE": 1}


async def test_the_people_whom_the_caller_named_are_replaced_in_every_form() -> None:
    known = KnownIdentifiers.from_demographics(Demographics(names=("Zebulon Quistgaard",)))

    (text,) = _texts(await _replaced(a_guard(), "quistgaard, zebulon; Z. Quistgaard's wife.", known=known))

    assert "uistgaard" not in text.lower()
    assert "ebulon" not in text.lower()


async def test_the_sites_list_in_force_goes_to_the_worker_with_each_request() -> None:
    finder, site = RulesFinder(), Site(facilities=("Harborview North",))

    await _replaced(a_guard(finder, GuardSettings(site=site)), NOTE)

    assert finder.sites == [site]


async def test_a_kind_that_policy_refuses_keeps_the_text_in_the_building() -> None:
    settings = GuardSettings(actions=MappingProxyType({Kind.MRN: Action.REFUSE}))

    with pytest.raises(PhiBlockedError) as caught:
        await _replaced(a_guard(settings=settings), NOTE)

    assert "7345501" not in caught.value.public


async def test_a_worker_that_cannot_answer_means_that_nothing_is_made() -> None:
    with pytest.raises(PhiGuardUnavailableError):
        await _replaced(a_guard(RulesFinder(failure=PhiGuardUnavailableError())), NOTE)


class _LateFinder(RulesFinder):
    """Finds an identifier only once its neighbour is gone, for as many looks as it is told."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    async def find(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Call the first word of each text an identifier, on looks after the first."""
        self.asked += 1
        found = Finding(kind=Kind.OTHER_ID, start=0, end=texts[0].index(" "), score=1.0, recognizer="late")
        return [(found,) if 1 < self.asked <= self.looks else () for _ in texts]


async def test_what_shows_only_after_its_neighbour_is_gone_is_replaced_too() -> None:
    (text,) = _texts(await _replaced(a_guard(_LateFinder(looks=2)), "QX-44 came."))

    assert "QX-44" not in text


async def test_the_second_look_takes_no_surrogate_for_an_identifier() -> None:
    finder = _LateFinder(looks=9)

    await _replaced(a_guard(finder), "QX-44 came.")

    assert finder.asked == 3


async def test_the_way_back_is_wiped_when_the_exchange_ends() -> None:
    replaced = await _replaced(a_guard(), NOTE)

    replaced.close()

    with pytest.raises(RuntimeError):
        replaced.surrogates.replace("MRN 7345501", ())


PATIENT = {
    "resourceType": "Patient",
    "id": "pat-1",
    "name": [{"family": "Quistgaard", "given": ["Zebulon"]}],
    "birthDate": "1961-03-14",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Seen by Mr Quistgaard</div>'},
    "gender": "male",
}


async def test_a_fhir_resource_leaves_without_its_persons_values_and_with_its_codes() -> None:
    known = KnownIdentifiers.from_fhir([PATIENT])

    replaced = await a_guard().pseudonymise_resource(PATIENT, known=known)

    (text,) = _texts(replaced)
    left = json.loads(text)
    for identifier in ("Quistgaard", "Zebulon", "1961-03-14", "pat-1"):
        assert identifier not in text
    assert (left["gender"], left["resourceType"]) == ("male", "Patient")
    assert left["name"][0]["family"] in left["text"]["div"]
    assert not replaced.keyed.find(text)


async def test_a_fhir_resource_with_an_unknown_extension_stays_and_its_place_is_named() -> None:
    resource = {**PATIENT, "extension": [{"url": "http://hospital.example/secret", "valueString": "Quistgaard"}]}

    with pytest.raises(PhiBlockedError) as caught:
        await a_guard().pseudonymise_resource(resource, known=NOTHING)

    assert "Patient.extension" in caught.value.public
    assert "Quistgaard" not in caught.value.public


class _SecondLook(RulesFinder):
    """Finds the first word in the first look, and then one longer stretch of the replaced text."""

    def __init__(self, kind: Kind, words: int) -> None:
        super().__init__()
        self.kind, self.words = kind, words

    async def find(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Find one word, then as many as it was told, once."""
        self.asked += 1
        ends = [match.end() for match in re.finditer(r"\S+", texts[0])]
        end = ends[0] if self.asked == 1 else ends[self.words - 1]
        found = Finding(kind=self.kind, start=0, end=end, score=0.9, recognizer="scripted")
        return [(found,) if self.asked <= 2 else () for _ in texts]


async def test_ordinary_words_beside_a_places_surrogate_stay() -> None:
    (text,) = _texts(await _replaced(a_guard(_SecondLook(Kind.LOCATION, 3)), "Quistville cancer network said so."))

    assert text.endswith(" cancer network said so.")


async def test_a_name_that_shows_beside_a_surrogate_is_replaced_too() -> None:
    (text,) = _texts(await _replaced(a_guard(_SecondLook(Kind.NAME, 2)), "Zebulon Okaforsen said so."))

    assert "Okaforsen" not in text


async def test_half_a_character_keeps_the_text_in_the_building() -> None:
    with pytest.raises(PhiBlockedError, match="valid Unicode"):
        await _replaced(a_guard(), "Seen today. \ud800")
