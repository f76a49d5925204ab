"""``appliance record``: what happens to the machine, told in the trail: upgrades, rotations, restores, decommissioning.

The playbooks call it as root.  Where a change needs its record first they stop when this fails; where the recorder
itself is what changes, the record follows as soon as one runs again (``--wait``).  Facts are readable in the trail for
ever: versions, digests and names of files, MUST NOT hold a patient's name or a secret.
"""

import re
import time
from typing import Annotated

import typer

from appliance.cli.options import AsJson, Home, settings
from appliance.cli.record import record_operation
from appliance.cli.show import console, print_json
from appliance.errors import AuditUnavailableError, ConfigError
from appliance.trail import Facts

CODES = (
    "upgrade_begun",
    "upgrade_done",
    "upgrade_failed",
    "went_back",
    "model_changed",
    "tls_rotated",
    "credential_rotated",
    "checkpoint_key_rotating",
    "checkpoint_key_rotated",
    "restored",
    "decommission_begun",
)
"""Operations that this command may record, and no other: an approval is never made by hand.  The list only grows."""

MAX_FACT = 512
"""Characters of a fact: a digest, a version, one sentence."""

_PAUSE_S = 0.5
_FACT = re.compile(r"([a-z][a-z0-9_]{0,31})=(.*)", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def record(
    code: Annotated[str, typer.Argument(metavar="CODE", help=f"What happened: {', '.join(CODES)}.")],
    *,
    fact: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A fact of it; may be repeated.")] = None,
    wait: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for a recorder that starts.")] = 0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Record what the operator does to this machine; durable when the command ends with 0."""
    if code not in CODES:
        raise ConfigError(f"'{code}' is nothing that this command records; choose one of {', '.join(CODES)}.")
    facts = read_facts(fact or ())
    socket = settings(home).recorder_socket
    end = time.monotonic() + wait
    while not record_operation(socket, code, facts):
        if time.monotonic() >= end:
            raise AuditUnavailableError("No recorder runs; start appliance-recorder.service, or add --wait SECONDS.")
        time.sleep(_PAUSE_S)
    if as_json:
        print_json({"recorded": code, "facts": facts})
    else:
        console().print(f"Recorded: {code}.")


def read_facts(texts: list[str] | tuple[()]) -> Facts:
    """Return what ``NAME=VALUE`` texts say.  Raises ConfigError naming the place of a wrong one, never its words."""
    facts: dict[str, str | int | bool | list[str]] = {}
    for place, text in enumerate(texts, 1):
        match = _FACT.fullmatch(text)
        if match is None or len(match[2]) > MAX_FACT or _CONTROL.search(match[2]):
            raise ConfigError(f"--fact number {place} is not NAME=VALUE, or is longer than {MAX_FACT} characters.")
        facts[match[1]] = match[2]
    return facts
