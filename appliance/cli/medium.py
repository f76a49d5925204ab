"""`appliance medium`: build and prove the install medium, on a machine where no patient's text is.

Progress goes to standard error, so that `--json` leaves one document on standard output.  MUST NOT decide anything:
`ordering` reads what was asked, `build` builds, `verify` proves.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from appliance.cli.options import AsJson
from appliance.cli.show import console, print_json, table
from appliance.clock import Clock
from appliance.config import CHECKOUT
from appliance.errors import ConfigError, ManifestMismatchError
from appliance.medium.build import build as build_medium
from appliance.medium.contents import Engine
from appliance.medium.layout import Layout
from appliance.medium.ordering import Wish, order_from
from appliance.medium.verify import MediumRefusedError, Proven, check_medium
from appliance.models.builder_process import Report, Step

STORE = CHECKOUT / ".cache" / "medium"
"""Keeps what was fetched for the next build."""


class Variant(StrEnum):
    """An engine's environment, as the command line names it."""

    CPU = "cpu"
    GPU = "gpu"


ENGINES: Mapping[Variant, Engine] = {Variant.CPU: "cpu", Variant.GPU: "gpu"}
"""Their names inside; typer takes no list of literals."""

app = typer.Typer(no_args_is_help=True)


@app.command()
def build(  # noqa: PLR0913 - an option each
    destination: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the medium is to stand.")],
    *,
    key: Annotated[str, typer.Option(help="OpenPGP key to sign with, as your gpg knows it (GNUPGHOME).")],
    suite: Annotated[
        list[str] | None, typer.Option(help="bookworm, trixie, jammy, noble; all that can be had.")
    ] = None,
    engine: Annotated[list[Variant] | None, typer.Option(help="cpu, gpu; both when not given.")] = None,
    model: Annotated[
        list[Path] | None, typer.Option(help="Pinned folder; none leaves the slot for a site's own.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Marks the version, such as trial.2.")] = None,
    apt_source: Annotated[
        list[str] | None, typer.Option(help="'ADDRESS SUITE COMPONENT', beside this machine's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build and sign a medium; building again costs what has changed."""
    wish = Wish(
        checkout=CHECKOUT,
        store=STORE,
        suites=tuple(suite or ()),
        engines=tuple(ENGINES[each] for each in engine or ENGINES),
        models=tuple(model or ()),
        guard=CHECKOUT / "var" / "models" / "guard",
        key=key,
        label=label,
        apt_sources=tuple(apt_source or ()),
    )
    with _bar("step") as report:
        proven = build_medium(order_from(wish), Layout(destination), now=Clock().now(), report=report)
    _print(proven, destination, as_json=as_json)


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The medium.")],
    *,
    key: Annotated[Path, typer.Option(help="The site's own copy of the signing public key.")],
    site_model: Annotated[list[str] | None, typer.Option(help="NAME=DIGEST of a folder in site-models/.")] = None,
    as_json: AsJson = False,
) -> None:
    """Prove a medium's signature and every byte; exit code 1 names each altered, missing and surplus file."""
    models = dict(_pair(item) for item in site_model or ())
    try:
        with _bar("reading") as report:
            proven = check_medium(
                folder,
                key.read_bytes(),
                site_models=models,
                progress=lambda done, total: report(Step(name="reading", done=done, total=total)),
            )
    except MediumRefusedError as error:
        raise ManifestMismatchError(str(error)) from error
    _print(proven, folder, as_json=as_json)


def _pair(item: str) -> tuple[str, str]:
    name, equals, digest = item.partition("=")
    if not equals:
        raise ConfigError("--site-model takes NAME=DIGEST; 'appliance model show FOLDER' prints the digest.")
    return name, digest


@contextmanager
def _bar(name: str) -> Iterator[Report]:
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(on_stderr=True)) as bars:
        task = bars.add_task(name, total=None)
        yield lambda step: bars.update(task, description=step.name, completed=step.done, total=step.total)


def _print(proven: Proven, folder: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "folder": str(folder.absolute()),
                "version": proven.version,
                "signer": proven.signer,
                "files": proven.files,
                "size_bytes": proven.size_bytes,
                "site_models": dict(proven.site_models),
            }
        )
        return
    rows = [
        ("folder", folder.absolute()),
        ("version", proven.version),
        ("signed by", proven.signer or "the key given"),
        ("files", f"{proven.files}, {proven.size_bytes:,} bytes"),
        *((f"site model {name}", f"sha256:{digest}") for name, digest in proven.site_models.items()),
    ]
    console().print(table("The medium is whole", ("", ""), rows))
