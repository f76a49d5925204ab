"""``appliance phi explain``: why a place of a text is taken for an identifier, and which guess gave it its kind.

It names recognizers, kinds, places and scores, so that an officer can answer "why was this removed?" and an engineer
can mend the rule.  The text is printed only with ``--show`` on a terminal.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import typer

from appliance.cli.options import AsJson, Home
from appliance.cli.phi_guard import open_analyzer, open_settings
from appliance.cli.phi_input import File, People, read_people, read_text
from appliance.cli.phi_show import Places, Show, check_show, excerpt, to_json
from appliance.cli.show import console, print_json, table
from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.evaluation.detector import Detector, candidates
from appliance.phi.consistency import RECOGNIZER as SPREAD
from appliance.phi.findings import Finding

_LINE_AND_COLUMN = re.compile(r"(\d{1,9}):(\d{1,9})", re.ASCII)
_OFFSET = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """What one recognizer said of a place, and what became of it."""

    finding: Finding
    outcome: str


def explain(
    file: File,
    *,
    at: Annotated[str, typer.Option("--at", metavar="OFFSET|LINE:COLUMN", help="As 'phi scan' shows places.")],
    patient: People = None,
    show: Show = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Say which recognizers took a place for an identifier, with which scores, and how overlapping ones were joined."""
    check_show(show=show, as_json=as_json)
    known = read_people(patient)
    text = read_text(file)
    offset = _offset(text, at)
    config, guard = open_settings(home)
    analyzer = open_analyzer(config, guard.site)
    with console(on_stderr=True).status(f"looking at {len(text):,} characters"):
        kept = Detector(analyzer).find(text, known)
        here = next((each for each in kept if each.start <= offset < each.end), None)
        said = (*candidates(analyzer, text, offset), *known.find(text.reveal()))
    guesses = _guesses(said, here, offset)
    if as_json:
        places = Places(text)
        print_json(
            {
                "offset": offset,
                "replaced": to_json(places, here) if here else None,
                "guesses": [{**to_json(places, each.finding), "outcome": each.outcome} for each in guesses],
            }
        )
        return
    _tell(text, offset=offset, here=here, guesses=guesses, show=show)


def _offset(text: ClinicalText, at: str) -> int:
    pair = _LINE_AND_COLUMN.fullmatch(at)
    if pair:
        offset = Places(text).offset(int(pair[1]), int(pair[2]))
    elif _OFFSET.fullmatch(at):
        offset = int(at)
    else:
        raise typer.BadParameter("give an offset such as 120, or line and column such as 4:17.", param_hint="--at")
    if offset is None or offset >= len(text):
        lines = text.reveal().count("\n") + 1
        raise InvalidRequestError(f"The text ends before {at}: it has {len(text):,} characters in {lines:,} lines.")
    return offset


def _guesses(said: Iterable[Finding], here: Finding | None, offset: int) -> list[Guess]:
    """Return what was said of the place or of anything that is replaced with it; the longest, then the surest, first.

    Guesses that overlap are replaced as one, so that nothing of either is left; the first one gives the kind
    (`findings.without_overlaps`).
    """
    start, end = (here.start, here.end) if here else (offset, offset + 1)
    near = {each for each in said if each.start < end and start < each.end}
    if here is not None and here.recognizer == SPREAD:
        near.add(here)
    ordered = sorted(near, key=lambda each: (not _gives(each, here), each.start - each.end, -each.score, each.start))
    return [Guess(finding=each, outcome=_outcome(each, ordered[0])) for each in ordered]


def _gives(guess: Finding, here: Finding | None) -> bool:
    return here is not None and (guess.recognizer, guess.kind) == (here.recognizer, here.kind)


def _outcome(guess: Finding, first: Finding) -> str:
    if guess == first:
        return "gives the kind; its value was found elsewhere too" if guess.recognizer == SPREAD else "gives the kind"
    if guess.kind is first.kind:
        return "agrees"
    if guess.end - guess.start < first.end - first.start:
        return f"joined; {first.recognizer} is longer and gives the kind"
    return f"joined; {first.recognizer} came first and gives the kind"


def _tell(text: ClinicalText, *, offset: int, here: Finding | None, guesses: list[Guess], show: bool) -> None:
    out = console()
    line, column = Places(text).at(offset)
    if here is None:
        out.print(f"Nothing is replaced at offset {offset} (line {line}, column {column}).", soft_wrap=True)
    else:
        what = f"{here.kind.words()}, offsets {here.start}-{here.end}, found by {here.recognizer}"
        out.print(f"Replaced at offset {offset} (line {line}, column {column}): {what}.", soft_wrap=True)
        out.print(_joined(guesses), soft_wrap=True, end="")
    if show and here is not None:
        out.print(excerpt(text, here), soft_wrap=True)
    rows = [
        (
            each.finding.recognizer,
            each.finding.kind.value,
            f"{each.finding.start}-{each.finding.end}",
            f"{each.finding.score:.2f}",
            each.outcome,
        )
        for each in guesses
    ]
    if rows:
        out.print(table("", ("recognizer", "kind", "offsets", "score", "outcome"), rows))


def _joined(guesses: list[Guess]) -> str:
    """Say how findings that overlap became one, where there were any."""
    places = {(each.finding.start, each.finding.end) for each in guesses}
    if len(places) < 2:  # noqa: PLR2004 - one place is nothing to join
        return ""
    return (
        f"{len(guesses)} findings at {len(places)} places overlap and are replaced as one, from the first character of"
        " any to the last of any, so that nothing of them is left.\n"
    )
