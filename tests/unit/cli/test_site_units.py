"""What systemd says of the units is said in the words that operators know, and where it is silent nobody guesses."""

from pathlib import Path

import pytest

from appliance.cli.site_units import PROPERTIES, read_units, to_state, unit_of

SHOWN = """Id=appliance-gateway.service
LoadState=loaded
ActiveState=active
SubState=running
MainPID=4711
NRestarts=2
Result=success
StatusText=Listening at https://10.0.0.7:8443.
StateChangeTimestamp=@1795468227

Id=appliance-broker.service
LoadState=loaded
ActiveState=failed
SubState=failed
MainPID=0
NRestarts=0
Result=exit-code
StatusText=
StateChangeTimestamp=@1795468200

Id=appliance-engine.service
LoadState=not-found
ActiveState=inactive
SubState=dead
MainPID=0
"""


def write_program(file: Path, script: str) -> Path:
    """Write a program that stands in systemctl's place."""
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_each_loaded_unit_is_told_with_state_process_restarts_and_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "shown").write_text(SHOWN)
    systemctl = write_program(tmp_path / "systemctl", f'printf "%s" "$*" > {tmp_path}/asked; cat {tmp_path}/shown')

    units = read_units(("gateway", "broker", "engine"), systemctl=str(systemctl))

    assert set(units) == {"gateway", "broker"}
    gateway, broker = units["gateway"], units["broker"]
    assert (gateway.pid, gateway.state, gateway.restarts) == (4711, "running", 2)
    assert gateway.detail == "Listening at https://10.0.0.7:8443."
    assert gateway.since == "2026-11-23T21:10:27+00:00"
    assert (broker.pid, broker.state) == (0, "refused")
    assert broker.detail == "exit-code; see 'journalctl -u appliance-broker.service'"
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith(f"show --timestamp=unix --property={PROPERTIES} ")
    assert asked.endswith(" ".join(map(unit_of, ("gateway", "broker", "engine"))))


@pytest.mark.parametrize("script", ["echo System has not been booted with systemd >&2; exit 1", "exit 0"])
def test_where_systemd_does_not_run_nothing_is_known(tmp_path: Path, script: str) -> None:
    systemctl = write_program(tmp_path / "systemctl", script)

    assert read_units(("gateway",), systemctl=str(systemctl)) == {}


def test_where_there_is_no_systemctl_nothing_is_known(tmp_path: Path) -> None:
    assert read_units(("gateway",), systemctl=str(tmp_path / "none")) == {}


def test_a_systemctl_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    systemctl = write_program(tmp_path / "systemctl", "exec sleep 60")

    assert read_units(("gateway",), systemctl=str(systemctl), within_s=0.2) == {}


@pytest.mark.parametrize(
    ("active", "sub", "state"),
    [
        ("active", "running", "running"),
        ("reloading", "reload", "running"),
        ("activating", "start", "starting"),
        ("activating", "auto-restart", "waiting_to_restart"),
        ("deactivating", "stop-sigterm", "stopping"),
        ("inactive", "dead", "stopped"),
        ("failed", "failed", "refused"),
        ("maintenance", "", "stopped"),
    ],
)
def test_every_state_of_a_unit_has_a_word(active: str, sub: str, state: str) -> None:
    assert to_state({"ActiveState": active, "SubState": sub}).state == state


@pytest.mark.parametrize("since", ["", "n/a", "@", "@yesterday"])
def test_a_unit_that_never_ran_has_no_time(since: str) -> None:
    assert to_state({"StateChangeTimestamp": since, "MainPID": "-1"}).since == ""
