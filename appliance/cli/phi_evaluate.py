"""``appliance phi evaluate``: how much the guard finds in labelled sets, how much it finds wrongly, and how fast.

With ``--stock`` the same run measures Presidio as it comes, with the same spaCy model, so that the figures stand side
by side on the same machine in the same hour.  Labels and figures are printed, never a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import AsJson, Home
from appliance.cli.phi_guard import open_analyzer, open_settings
from appliance.cli.phi_input import read_set
from appliance.cli.phi_show import Bar, bars
from appliance.cli.show import console, print_json, table
from appliance.config import Config
from appliance.evaluation.detector import Detector, known_of
from appliance.evaluation.figures import Figures
from appliance.evaluation.measure import Detect, measure
from appliance.evaluation.reading import read_labelled
from appliance.evaluation.records import Labelled, Record, Span
from appliance.evaluation.score import score
from appliance.phi.analyzer import stock as open_stock

GUARD, STOCK = "guard", "stock Presidio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """One labelled set."""

    name: str
    labelled: Sequence[Labelled]


def evaluate(
    sets: Annotated[list[Path], typer.Argument(metavar="SET...", help="Files with one labelled JSON record a line.")],
    *,
    stock: Annotated[bool, typer.Option("--stock", help="Measure Presidio as it comes beside the guard.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Take this many texts of each set, the same every time.")
    ] = None,
    min_score: Annotated[float, typer.Option("--min-score", min=0, max=1, help="Count surer findings only.")] = 0.0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Measure the guard on labelled sets: recall, precision, leaks, speed; in total and for each kind."""
    read = [_read(file, limit) for file in sets]
    config, guard = open_settings(home)
    detectors: dict[str, Detect] = {GUARD: Detector(open_analyzer(config, guard.site)).detect}
    if stock:
        detectors[STOCK] = _stock(config)
    results: list[dict[str, object]] = []
    for each in read:
        figures = _measure(each, detectors, min_score=min_score, quiet=as_json)
        results.append({"set": each.name, **{name.split()[0]: made.to_json() for name, made in figures.items()}})
        if not as_json:
            _tell(each, figures)
    if as_json:
        print_json({"min_score": min_score, "limit": limit, "sets": results})


def _read(file: Path, limit: int | None) -> Set:
    labelled = read_labelled(read_set(file), name=str(file))
    for each in labelled:
        known_of(each.record)
    if limit is not None and limit < len(labelled):
        # Evenly over the file, because sets are often in the order of their sources.
        labelled = [labelled[index * len(labelled) // limit] for index in range(limit)]
    return Set(name=file.name, labelled=labelled)


def _stock(config: Config) -> Detect:
    find = open_stock(config.guard_models)

    def detect(record: Record) -> tuple[Span, ...]:
        found = find(record.text.reveal())
        return tuple(Span(start=start, end=end, type=kind, score=sure) for start, end, kind, sure in found)

    return detect


def _measure(each: Set, detectors: dict[str, Detect], *, min_score: float, quiet: bool) -> dict[str, Figures]:
    made: dict[str, Figures] = {}
    records = [labelled.record for labelled in each.labelled]
    with bars(quiet=quiet) as shown:
        for name, detect in detectors.items():
            # Models load their last parts at their first text, which is no part of the speed.
            detect(records[0])
            found, timing = measure(detect, records, tell=Bar(shown, f"{each.name}: {name}", len(records)))
            made[name] = Figures(score=score(each.labelled, found, min_score=min_score), timing=timing)
    return made


def _tell(each: Set, figures: dict[str, Figures]) -> None:
    score = figures[GUARD].score
    note = " (labelled in part: no precision)" if score.labels_partial else ""
    title = f"{each.name}: {score.texts:,} texts, {score.total('labelled'):,} identifiers{note}"
    out = console()
    out.print(table(title, ("", *figures), [(name, *cells) for name, *cells in _rows(list(figures.values()))]))
    names = [f"{name.split()[0]} {what}" for name in figures for what in ("full", "typed", "precision")]
    columns = ("kind", "labelled", *(name.removeprefix(f"{GUARD} ") for name in names))
    out.print(table("", columns, _kinds(figures)))


def _rows(figures: list[Figures]) -> list[tuple[str, ...]]:
    return [
        ("recall, touched", *(_share(each.score.recall("any")) for each in figures)),
        ("recall, in full", *(_share(each.score.recall("full")) for each in figures)),
        ("recall, right kind", *(_share(each.score.recall("typed")) for each in figures)),
        ("precision", *(_share(each.score.precision()) for each in figures)),
        ("texts that leak", *(_share(each.score.leak_share()) for each in figures)),
        ("texts without identifiers left untouched", *(_share(each.score.clean_share()) for each in figures)),
        ("false alarms for 1,000 characters", *(_number(each.false_alarms()) for each in figures)),
        ("characters a second", *(f"{each.timing.per_second():,.0f}" for each in figures)),
        ("p50 ms for 1,000 characters", *(f"{each.timing.p50_ms:.1f}" for each in figures)),
        ("p99 ms for 1,000 characters", *(f"{each.timing.p99_ms:.1f}" for each in figures)),
    ]


def _kinds(figures: dict[str, Figures]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for kind in figures[GUARD].kinds():
        cells: list[str] = []
        for each in figures.values():
            told = each.to_kind(kind)
            cells += [_share(told[name]) for name in ("recall_full", "recall_typed", "precision_typed")]
        rows.append((kind, str(figures[GUARD].score.types[kind].labelled), *cells))
    return rows


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
