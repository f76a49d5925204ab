"""The scorer tells what leaks: every rule of its own, and the numbers of the published scorer on every set."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.clinical_text import ClinicalText
from appliance.evaluation.figures import Figures
from appliance.evaluation.measure import Timing
from appliance.evaluation.reading import read_labelled
from appliance.evaluation.records import Labelled, Record, Span
from appliance.evaluation.score import Score, interval, score
from tests.support.published_scorer import published_scorer

SHARED = Path(__file__).parents[3].parent / "shared"
SETS = (
    "asq_phi_dev",
    "template18_notes",
    "pii_anon_clinical_en_dev",
    "pii_anon_adversarial_en_dev",
    "presidio_synth_v2",
)
TAKEN = 150
"""Texts of each set: enough for every rule of the scorer, and a second for all."""


def _span(text: str, value: str, type_: str, score: float = 1.0) -> Span:
    start = text.index(value)
    return Span(start=start, end=start + len(value), type=type_, score=score)


def _scored(text: str, gold: list[Span], said: list[Span], *, partial: bool = False) -> Score:
    labelled = Labelled(record=Record(id=1, text=ClinicalText(text)), spans=tuple(gold), labels_partial=partial)
    return score([labelled], {1: tuple(said)})


def _recalls(text: str, gold: Span, said: str, type_: str | None = None) -> tuple[float | None, ...]:
    made = _scored(text, [gold], [_span(text, said, type_ or gold.type)])
    return tuple(made.recall(name) for name in ("any", "full", "strict", "typed"))


def test_a_part_that_is_covered_is_touched_and_not_removed() -> None:
    text = "Seen by Anna Weaver today"

    assert _recalls(text, _span(text, "Anna Weaver", "NAME"), "Anna") == (1, 0, 0, 1)
    assert _recalls(text, _span(text, "Anna Weaver", "NAME"), "Anna Weaver") == (1, 1, 1, 1)


@pytest.mark.parametrize(
    ("text", "labelled", "type_", "said"),
    [
        ("Seen by Dr. Weaver", "Dr. Weaver", "NAME", "Weaver"),
        ("MRN: 4482913 noted", "MRN: 4482913", "MRN", "4482913"),
        ("born 03/14/1951", "03/14/1951", "DATE", "03/14"),
        ("born on May 2, 1951", "May 2, 1951", "DATE", "May 2"),
    ],
)
def test_a_title_a_label_and_a_year_may_stay(text: str, labelled: str, type_: str, said: str) -> None:
    assert _recalls(text, _span(text, labelled, type_), said)[:3] == (1, 1, 0)


@pytest.mark.parametrize(
    ("text", "labelled", "type_", "said"),
    [
        ("Seen by Dr. ", "Dr.", "NAME", " by"),
        ("MRN unknown", "MRN unknown", "MRN", "MRN"),
        ("in 1951", "1951", "DATE", "in"),
    ],
)
def test_what_is_all_title_label_or_year_must_be_covered(text: str, labelled: str, type_: str, said: str) -> None:
    assert _recalls(text, _span(text, labelled, type_), said)[1] == 0


def test_a_fax_number_found_as_a_phone_number_is_found_under_its_kind() -> None:
    text = "fax 312-555-0142"

    assert _recalls(text, _span(text, "312-555-0142", "FAX"), "312-555-0142", "PHONE_NUMBER")[3] == 1
    assert _recalls(text, _span(text, "312-555-0142", "FAX"), "312-555-0142", "MRN")[3] == 0


def test_what_is_not_scored_is_no_credit_and_no_blame() -> None:
    text = "Acme and 30 years"

    made = _scored(text, [_span(text, "Acme", "ORG"), _span(text, "30", "NONPHI_AGE")], [_span(text, "Acme", "NAME")])

    assert (made.total("labelled"), made.precision(), made.ignored) == (0, None, 1)
    assert made.clean_share() == 1


def test_a_text_without_labels_is_clean_only_untouched() -> None:
    made = _scored("nothing here", [], [Span(start=0, end=7, type="NAME")])

    assert (made.clean_share(), made.precision(), dict(made.wrong)) == (0, 0, {"NAME": 1})


def test_a_text_leaks_when_one_of_its_places_does() -> None:
    text = "Anna Weaver, MRN 448"
    gold = [_span(text, "Anna Weaver", "NAME"), _span(text, "448", "MRN")]

    assert _scored(text, gold, [_span(text, "Anna Weaver", "NAME")]).leak_share() == 1
    assert _scored(text, gold, gold).leak_share() == 0


def test_a_silent_detector_finds_nothing_and_breaks_nothing() -> None:
    made = score(
        [Labelled(record=Record(id=7, text=ClinicalText("Anna")), spans=(Span(start=0, end=4, type="NAME"),))], {}
    )

    assert (made.recall("full"), made.leak_share(), made.precision()) == (0, 1, None)


def test_where_labels_are_missing_precision_is_not_told() -> None:
    text = "Anna saw Bob"

    made = _scored(text, [_span(text, "Anna", "NAME")], [_span(text, "Anna", "NAME")], partial=True)
    timing = Timing(texts=1, characters=12, seconds=0.0, p50_ms=0, p99_ms=0)

    assert made.precision() is None
    assert Figures(score=made, timing=timing).false_alarms() is None
    assert Figures(score=made, timing=timing).to_json()["characters_per_second"] == 0


def test_the_bounds_of_nothing_are_unknown() -> None:
    assert interval(0, 0) == (None, None)
    assert interval(90, 100) == (0.8256, 0.9448)


def test_an_empty_place_is_no_finding() -> None:
    assert _scored("Anna", [], [Span(start=2, end=2, type="NAME")]).clean_share() == 1


@pytest.fixture(scope="module")
def published() -> Any:
    return published_scorer()


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("min_score", [0.0, 0.5])
def test_the_numbers_are_those_of_the_published_scorer(published: Any, name: str, min_score: float) -> None:
    file = SHARED / "data" / "phi" / f"{name}.jsonl"
    lines = file.read_bytes().splitlines()
    lines = lines[:: len(lines) // TAKEN]
    records = [json.loads(line) for line in lines]
    labelled = read_labelled(b"\n".join(lines), name=name)
    said = {each["id"]: list(_noisy(each)) for each in records}

    theirs = published.score(records, [{"id": key, "spans": spans} for key, spans in said.items()], min_score)
    spans = {key: tuple(Span(**span) for span in spans) for key, spans in said.items()}
    ours = score(labelled, spans, min_score=min_score)

    assert _ours(ours) == _theirs(theirs)
    assert {kind: _our_kind(ours, kind) for kind in theirs["per_type"]} == {
        kind: _their_kind(counts) for kind, counts in theirs["per_type"].items()
    }


def _noisy(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a bad detector would say: shifted, missing, of another kind, and where nothing is."""
    chance = random.Random(str(record["id"]))  # noqa: S311 - the same for every run, no secret
    for span in record["spans"]:
        if chance.random() < 0.8:
            kind = chance.choice([span["type"], span["type"], "PERSON", "US_SSN", "NRP", "PHONE_NUMBER"])
            start, end = max(0, span["start"] + chance.randint(-2, 2)), span["end"] + chance.randint(-3, 3)
            yield {"start": start, "end": end, "type": kind, "score": chance.random()}
    if chance.random() < 0.4:
        start = chance.randint(0, len(record["text"]))
        yield {"start": start, "end": start + chance.randint(0, 9), "type": "DATE_TIME", "score": chance.random()}


def _ours(ours: Score) -> dict[str, Any]:
    tokens = ours.tokens
    return {
        "gold_spans": ours.total("labelled"),
        "docs": ours.texts,
        "span_recall_any": ours.recall("any"),
        "span_recall_full": ours.recall("full"),
        "span_recall_strict": ours.recall("strict"),
        "span_recall_typed": ours.recall("typed"),
        "span_recall_full_ci": interval(ours.total("full"), ours.total("labelled")),
        "span_precision": ours.precision(),
        "token_recall": tokens["right"] / (tokens["right"] + tokens["missed"]),
        "token_specificity": tokens["quiet"] / (tokens["quiet"] + tokens["wrong"]),
        "leak_docs": ours.leaking,
        "leak_doc_rate": ours.leak_share(),
        "neg_docs": ours.without_labels,
        "clean_neg": ours.clean_share(),
        "labels_partial": ours.labels_partial,
        "false_positives_by_type": dict(ours.wrong),
    }


def _theirs(theirs: dict[str, Any]) -> dict[str, Any]:
    ours = _ours(_scored("Anna saw", [Span(start=0, end=4, type="NAME")], []))
    return {key: theirs[key] for key in ours}


def _our_kind(ours: Score, kind: str) -> tuple[object, ...]:
    count = ours.types[kind]
    timing = Timing(texts=1, characters=1, seconds=1, p50_ms=0, p99_ms=0)
    told = Figures(score=ours, timing=timing).to_kind(kind)
    share = count.tokens_found / count.tokens if count.tokens else None
    return (*told.values(), share, count.tokens_typed / count.tokens if count.tokens else None)


def _their_kind(counts: dict[str, Any]) -> tuple[object, ...]:
    names = ("n", "recall_any", "recall_full", "recall_typed", "precision_typed", "token_recall", "token_recall_typed")
    return tuple(counts[name] for name in names)
