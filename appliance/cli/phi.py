"""``appliance phi``: see what the PHI guard finds in a text, why, and what would leave the building.

Everything runs on this machine, in this process, with the guard's own functions and the site's own policy.  A text is
never printed unless ``--show`` asks for it on a terminal.  Exit codes: 0 everything was read to its end, whether
something was found or not; 1 an error that says what to do; 2 wrong use.
"""

from pathlib import Path
from typing import Annotated

import typer

from appliance.cli import phi_evaluate, phi_explain, phi_preview, phi_site
from appliance.cli.options import AsJson, Home
from appliance.cli.phi_guard import open_detector
from appliance.cli.phi_input import File, People, read_people, read_set, read_text
from appliance.cli.phi_show import Bar, Places, Show, bars, check_show, found_table, to_json
from appliance.cli.show import print_json
from appliance.evaluation.detector import known_of
from appliance.evaluation.reading import read_records
from appliance.phi.findings import Finding
from appliance.phi.known_identifiers import KnownIdentifiers

app = typer.Typer(no_args_is_help=True)
app.command("explain")(phi_explain.explain)
app.command("preview")(phi_preview.preview)
app.command("evaluate")(phi_evaluate.evaluate)
app.add_typer(phi_site.app, name="site", help="The site's own names and forms of identifiers: check, test.")


@app.command()
def scan(
    file: File,
    *,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="FILE holds one JSON record a line with 'id' and 'text'; so does the output."),
    ] = False,
    patient: People = None,
    show: Show = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the identifiers in a text, by kind and place."""
    check_show(show=show, as_json=as_json or jsonl)
    known = read_people(patient)
    if jsonl:
        _scan_set(file, known, home)
    else:
        _scan_text(file, known, home=home, show=show, as_json=as_json)


def _scan_text(file: Path, known: KnownIdentifiers, *, home: Path | None, show: bool, as_json: bool) -> None:
    text = read_text(file)
    detector = open_detector(home)
    with bars(quiet=as_json) as shown:
        findings = detector.find(text, known, tell=Bar(shown, "characters", len(text)).done)
    if as_json:
        places = Places(text)
        print_json({"characters": len(text), "findings": [to_json(places, each) for each in findings]})
    else:
        found_table(text, findings, show=show)


def _scan_set(file: Path, known: KnownIdentifiers, home: Path | None) -> None:
    """Print one line a record, in the types of the labelled sets."""
    records = read_records(read_set(file), name=str(file))
    people = [known_of(record) for record in records]
    detector = open_detector(home)
    with bars(quiet=False) as shown:
        tell = Bar(shown, "texts", len(records))
        for record, person in zip(records, people, strict=True):
            spans = detector.find(record.text, known if record.patient is None else person)
            print_json({"id": record.id, "spans": [_span(each) for each in spans]})
            tell()


def _span(finding: Finding) -> dict[str, object]:
    return {"start": finding.start, "end": finding.end, "type": finding.kind.value, "score": round(finding.score, 4)}
