"""``appliance phi preview``: what would leave the building if this text were sent to a managed model.

The surrogates are made with a secret of this one run, so two previews differ, as two exchanges do.  What the guard did
not find stands in the output as it was: a preview is for a person's eyes, on a terminal, or anywhere with ``--show``.
"""

import secrets
import sys
from typing import Annotated

import typer

from appliance.cli.options import AsJson, Home
from appliance.cli.phi_guard import open_analyzer, open_settings
from appliance.cli.phi_input import File, People, read_people, read_text
from appliance.cli.phi_show import summary
from appliance.cli.show import console, print_json
from appliance.evaluation.detector import Detector
from appliance.phi.surrogates import SurrogateMap

SECRET_BYTES = 32
"""As long as an exchange's own secret."""


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
    known = read_people(patient)
    text = read_text(file)
    config, guard = open_settings(home)
    findings = Detector(open_analyzer(config, guard.site)).find(text, known)
    surrogates = SurrogateMap(secrets.token_bytes(SECRET_BYTES), guard)
    outgoing = surrogates.replace(text.reveal(), findings)
    surrogates.wipe()
    if as_json:
        print_json({"text": outgoing, "mode": guard.mode.value, "counts": _counts([each.kind for each in findings])})
        return
    console().print(outgoing, soft_wrap=True)
    told = f"{summary(findings, len(text))} Days: {guard.mode.value}."
    console(on_stderr=True).print(told, style="dim", soft_wrap=True)


def _counts(kinds: list[str]) -> dict[str, int]:
    return {str(kind): kinds.count(kind) for kind in sorted(set(kinds))}
