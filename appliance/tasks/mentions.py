"""Find what a note mentions that ICD-10-CM has codes for, and which few codes each mention may mean.

Retrieval is deterministic and by words: for each statement, every wording of a code in the table is scored by the
share of its weighted words that stand close together there.  The model then chooses among at most `MAX_CHOICES`
codes a mention, or none; it cannot name a code that the words of the note do not point to, and the mention's own
characters are the evidence.  What is written in no word of the table (``HbA1c 9.2`` for diabetes) is not found.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from appliance.tasks.icd10 import Icd10Table, Phrase, Term
from appliance.tasks.statements import Statement, statements
from appliance.tasks.terms import Word

MAX_MENTIONS = 16
"""Enough for a problem list, and the choices fit a small model's context."""

MAX_CHOICES = 4

_COVERAGE = 0.7
"""Share of a wording's weight that must stand in the statement: lets a coder's ``unspecified`` words be absent."""

_COMMON = 1200
"""A word in more wordings than this (left, right, fracture) proposes none by itself, it only adds to the score."""

_SHORTLIST = 120
"""Wordings of one statement that are looked at word by word."""

_SLACK = 2
"""Other words that may stand between those of one wording."""

_RIVAL = 0.5
"""A code is offered beside the best one of its mention when it scores at least this share of it."""


_NEVER_ASSUMED = frozenset(
    """
    left right bilateral history newborn neonatal congenital pregnancy childbirth puerperium maternal obstetric
    remission presence encounter examination screening absence acquired secondary
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words that change what a code means so much that the statement must hold them."""

_KINDS = frozenset(
    """
    disorder disease condition symptom sign syndrome complication abnormality disturbance deficiency defect injury
    problem treatment
    """.split()  # noqa: SIM905 - as above
)
"""One of these must stand beside a single word: ``heart`` alone is no heart disease."""

_OTHER = re.compile(r"\bother\b", re.IGNORECASE)
_MANIFESTATION = "in diseases classified elsewhere"
"""Such a code may never stand first (Guidelines I.A.13), so it is not proposed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A code that a mention may mean."""

    code: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A place of the note and the codes that its words point to, the best first."""

    start: int
    end: int
    context: tuple[int, int]
    """Start and end of the statement around it."""

    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """A wording that stands in a statement."""

    code: str
    score: float
    """Matched weight times coverage: specific wordings before general ones, full ones before partial ones."""

    start: int
    end: int
    places: frozenset[int]
    """Offsets of the words that it rests on."""


def mentions(note: str, icd10: Icd10Table) -> tuple[Mention, ...]:
    """Return at most `MAX_MENTIONS` mentions in order of place, the best-matched where there are more."""
    terms: dict[str, Term | None] = {}
    found: dict[tuple[str, ...], tuple[float, Mention]] = {}
    for statement in statements(note):
        terms |= {word.stem: icd10.term(word.stem) for word in statement.words if word.stem not in terms}
        known = {stem: term for stem, term in terms.items() if term is not None}
        for score, mention in _grouped(_matches(statement, known, icd10), statement, icd10):
            codes = tuple(choice.code for choice in mention.choices)
            found.setdefault(codes, (score, mention))
    best = sorted(found.values(), key=lambda each: -each[0])[:MAX_MENTIONS]
    return tuple(sorted((mention for _, mention in best), key=lambda each: (each.start, each.end)))


def _matches(statement: Statement, terms: Mapping[str, Term], icd10: Icd10Table) -> list[_Match]:
    """Return the wordings that stand in a statement, the best first."""
    reached: defaultdict[int, float] = defaultdict(float)
    common = 0.0
    for stem in {word.stem for word in statement.words} & terms.keys():
        term = terms[stem]
        if len(term.phrases) > _COMMON:
            common += term.weight
            continue
        for number in term.phrases:
            reached[number] += term.weight
    totals = icd10.totals
    likely = [number for number, weight in reached.items() if weight + common >= _COVERAGE * totals[number]]
    likely.sort(key=lambda number: -reached[number] * reached[number] / totals[number])
    phrases = icd10.phrases(likely[:_SHORTLIST])
    scored = (_scored(phrase, statement, terms, total=totals[number]) for number, phrase in phrases.items())
    return sorted((match for match in scored if match is not None), key=lambda match: -match.score)


def _scored(phrase: Phrase, statement: Statement, terms: Mapping[str, Term], *, total: float) -> _Match | None:
    """Score a wording by the heaviest run of its words that stand close together; None below the coverage."""
    best: tuple[float, list[Word]] = (0.0, [])
    for run in _runs([word for word in statement.words if word.stem in phrase.stems]):
        weight = sum(terms[stem].weight for stem in {word.stem for word in run})
        best = max(best, (weight, run), key=lambda each: each[0])
    weight, run = best
    coverage = weight / total
    if coverage < _COVERAGE or not _is_meant(set(phrase.stems), {word.stem for word in run}):
        return None
    return _Match(
        code=phrase.code,
        score=weight * coverage,
        start=run[0].start,
        end=run[-1].end,
        places=frozenset(word.start for word in run),
    )


def _is_meant(wording: set[str], matched: set[str]) -> bool:
    """Say whether the words that are absent may be absent."""
    missing = wording - matched
    return not missing & _NEVER_ASSUMED and (len(matched) > 1 or not missing & _KINDS)


def _runs(words: list[Word]) -> Iterator[list[Word]]:
    """Yield the runs of words that stand at most `_SLACK` other words apart."""
    run: list[Word] = []
    for word in words:
        if run and word.position - run[-1].position > _SLACK + 1:
            yield _tightened(run)
            run = []
        run.append(word)
    if run:
        yield _tightened(run)


def _tightened(run: list[Word]) -> list[Word]:
    """Return a run without the words at its ends that it holds elsewhere, whichever end leaves the shorter one."""
    end_first = _without_repeats(_without_repeats(run[::-1])[::-1])
    start_first = _without_repeats(_without_repeats(run)[::-1])[::-1]
    return min(end_first, start_first, key=lambda each: each[-1].end - each[0].start)


def _without_repeats(run: list[Word]) -> list[Word]:
    """Return a run from its first word on that stands in it once only."""
    for start, word in enumerate(run):
        if word.stem not in {later.stem for later in run[start + 1 :]}:
            return run[start:]
    return run


def _grouped(matches: list[_Match], statement: Statement, icd10: Icd10Table) -> Iterator[tuple[float, Mention]]:
    """Yield one mention for each best match and the weaker ones that rest on the same words."""
    rest = matches
    while rest:
        best = rest[0]
        same = [match for match in rest if match.places & best.places]
        rest = [match for match in rest if not match.places & best.places]
        choices = _choices([match for match in same if match.score >= _RIVAL * best.score], icd10)
        if choices:
            yield (
                best.score,
                Mention(start=best.start, end=best.end, context=(statement.start, statement.end), choices=choices),
            )


def _choices(matches: list[_Match], icd10: Icd10Table) -> tuple[Choice, ...]:
    """Return the codes of some matches, the best first; where two are equal the unspecified before the other."""
    scores: dict[str, float] = {}
    for match in matches:
        scores[match.code] = max(match.score, scores.get(match.code, 0.0))
    choices = [(Choice(code=code, description=icd10.description(code) or ""), score) for code, score in scores.items()]
    choices = [each for each in choices if _MANIFESTATION not in each[0].description]
    choices.sort(key=lambda each: (-round(each[1], 3), bool(_OTHER.search(each[0].description)), each[0].code))
    return tuple(choice for choice, _ in choices[:MAX_CHOICES])
