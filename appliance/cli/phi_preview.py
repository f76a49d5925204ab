"""``appliance phi preview``: what would leave the building if this text were sent to a managed model.

It takes the guard's own way (`phi.guard.Guard`), so what it refuses would be refused, too; a FHIR resource goes by its
paths.  The surrogates are made with a secret of this one run: two previews differ, as two exchanges do.  What the guard
did not find stands in the output as it was, so that is for a person's eyes: on a terminal, or anywhere with ``--show``.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from appliance.cli.options import AsJson, Home
from appliance.cli.phi_guard import InProcess, open_analyzer, open_settings
from appliance.cli.phi_input import File, People, read_persons, read_text, to_resource
from appliance.cli.phi_show import summary
from appliance.cli.show import console, print_json
from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.phi.demographics import Demographics
from appliance.phi.forms.fhir_people import demographics_of
from appliance.phi.guard import Guard, Pseudonymised
from appliance.phi.known_identifiers import KnownIdentifiers


def preview(
    file: File,
    *,
    patient: People = None,
    show: Annotated[
        bool, typer.Option("--show", help="Print it even where it is no terminal; it may hold what was not found.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show a text as it would leave the building, with surrogates in the place of identifiers."""
    if not show and not sys.stdout.isatty():
        raise typer.BadParameter(
            "the output is no terminal and may hold what the guard did not find; add --show if that is meant.",
            param_hint="--show",
        )
    persons = read_persons(patient)
    text = read_text(file)
    config, settings = open_settings(home)
    guard = Guard(InProcess(open_analyzer(config, settings.site)), lambda: settings, clock=Clock())
    resource = to_resource(text)
    made = asyncio.run(_pseudonymise(guard, text, resource, persons))
    outgoing = made.texts[0].reveal_bytes().decode()
    made.close()
    if as_json:
        print_json({"text": outgoing, "days": settings.mode.value, "counts": made.findings.counts()})
        return
    console().print(outgoing, soft_wrap=True)
    findings = [finding for found in made.findings.texts for finding in found]
    taken = "Taken as plain text." if resource is None else f"Taken as a FHIR {resource['resourceType']}, by its paths."
    told = f"{taken} {summary(findings, len(text))} Days: {settings.mode.value}."
    console(on_stderr=True).print(told, soft_wrap=True)


async def _pseudonymise(
    guard: Guard, text: ClinicalText, resource: dict[str, object] | None, persons: Sequence[Demographics]
) -> Pseudonymised:
    if resource is None:
        return await guard.pseudonymise([text], known=KnownIdentifiers.from_demographics(*persons))
    known = KnownIdentifiers.from_demographics(*demographics_of([resource]), *persons)
    return await guard.pseudonymise_resource(resource, known=known)
