"""`audit witness`: the witnesses of this trail, and this machine as the witness of others.

`status` asks the running recorder; `init`, `keys` and `serve` are for the operator of a second appliance that cosigns
the checkpoints of other logs (`audit.cosigner`).
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from audit.cli.frame import AsJson, Home, commands, reported
from audit.cli.output import print_json, print_table
from audit.cosigner.keys import make_cosigner, read_cosigner
from audit.cosigner.program import DEFAULT_PORT
from audit.cosigner.program import main as run_cosigner
from audit.places import find_places
from audit.recorder.client import RecorderClient

witness = commands("Who outside remembers this trail's checkpoints, and cosigning those of other logs.")

CosignerHome = Annotated[Path, typer.Option("--home", help="Folder with the cosigner's keys and what it remembers.")]


@witness.command("status")
@reported
def status(*, home: Home = None, as_json: AsJson = False) -> None:
    """Show what each witness has taken, and what is wrong with those that have not."""
    found = asyncio.run(_ask(find_places(home).socket))
    if as_json:
        print_json(found)
        return
    rows = [[str(row["name"]), str(row["kind"]), str(row["state"]), _taken(row), str(row["reason"])] for row in found]
    print_table("Witnesses", ("witness", "kind", "state", "has taken", "reason"), rows)


@witness.command("init")
@reported
def init(
    *,
    home: CosignerHome,
    name: Annotated[str, typer.Option(help="Name of this witness for ever, such as witness.hospital.example/w1.")],
) -> None:
    """Make this machine's cosigner keys; safe to run again."""
    make_cosigner(home, name=name)
    logs = home / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    print(f"Copy each log's verifier.keys to {logs} as NAME.keys, and start 'audit witness serve'.")
    print(f"Give {home / 'cosigner.keys'} to the operators of those logs, for 'keys' in their trail.yaml.")


@witness.command("keys")
@reported
def keys(*, home: CosignerHome) -> None:
    """Print the public keys of this machine's cosigner."""
    for key in read_cosigner(home).public_keys():
        print(key.to_vkey())


@witness.command("serve")
def serve(
    *,
    home: CosignerHome,
    certificate: Annotated[Path, typer.Option(help="PEM file of the TLS certificate and its chain.")],
    key: Annotated[Path, typer.Option(help="PEM file of the TLS key.")],
    logs: Annotated[Path | None, typer.Option(help="Folder with a NAME.keys file for each log.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any.")] = DEFAULT_PORT,
) -> None:
    """Cosign the checkpoints of other logs until stopped, as `python -m audit.cosigner` does."""
    arguments = ["--home", str(home), "--host", host, "--port", str(port)]
    arguments += ["--certificate", str(certificate), "--key", str(key)]
    raise typer.Exit(run_cosigner([*arguments, *(("--logs", str(logs)) if logs else ())]))


async def _ask(socket: Path) -> list[dict[str, object]]:
    client = RecorderClient(socket)
    try:
        found = (await client.health()).get("witnesses")
    finally:
        await client.aclose()
    return found if isinstance(found, list) else []


def _taken(row: dict[str, object]) -> str:
    """Return the newest checkpoint that a witness has, in words; empty if it has taken none since the start."""
    if not row["size"]:
        return ""
    moment = datetime.fromtimestamp(int(str(row["time_ms"])) / 1000, UTC)
    return f"{row['size']} records at {moment:%Y-%m-%d %H:%M:%S} UTC"
