"""`appliance model`: build, check, pin and show the weights.

Progress goes to standard error, so that `--json` leaves one document on standard output.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from appliance.cli.options import AsJson, Home, settings
from appliance.cli.show import console, print_json, table
from appliance.clock import Clock
from appliance.config import CHECKOUT
from appliance.models.builder_process import Step
from appliance.models.catalogue import SMOLLM2
from appliance.models.manifest import Manifest, load_manifest
from appliance.models.pin import Statement
from appliance.models.pin import pin as pin_folder
from appliance.models.prepare import prepare as prepare_model
from appliance.models.verify import verify as verify_folder

BUILDER_PYTHON = CHECKOUT / ".venv-models" / "bin" / "python"
"""The builder's own environment, made by `make model`."""

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Argument(metavar="[PATH]", help="The model's folder; the configured one when not given.", show_default=False),
]


@app.command()
def prepare(
    *,
    home: Home = None,
    replace: Annotated[bool, typer.Option("--replace", help="Build again in place of what is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build the embedded default, if it is not there: about two minutes on two cores."""
    destination = settings(home).engine.model
    with _steps() as tell:
        prepared = prepare_model(SMOLLM2, destination, python=BUILDER_PYTHON, replace=replace, report=tell)
    _print(
        prepared.manifest, destination, as_json=as_json, done="Built" if prepared.built else "Verified, already there"
    )


@app.command()
def verify(path: Folder = None, *, home: Home = None, as_json: AsJson = False) -> None:
    """Re-read every byte and compare it with the manifest; exit code 1 names each file that differs."""
    folder = path or settings(home).engine.model
    with _steps() as tell:
        manifest = verify_folder(folder, lambda done, total: tell(Step(name="reading", done=done, total=total)))
    _print(manifest, folder, as_json=as_json, done="Verified")


@app.command()
def pin(
    path: Annotated[Path, typer.Argument(help="Folder with config.json, tokenizer and .safetensors files.")],
    *,
    name: Annotated[str, typer.Option(help="How records and answers name it, such as llama-3.3-70b-awq.")],
    source: Annotated[str, typer.Option(help="Where the weights came from: address and revision.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace a manifest that says something else.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the manifest of weights of your own; they are served once 'engine.model' names their folder."""
    with _steps() as tell:
        manifest = pin_folder(
            path,
            Statement(name=name, source=source, licence=licence),
            now=Clock().now(),
            replace=replace,
            progress=lambda done, total: tell(Step(name="reading", done=done, total=total)),
        )
    _print(manifest, path, as_json=as_json, done="Pinned")


@app.command()
def show(path: Folder = None, *, home: Home = None, as_json: AsJson = False) -> None:
    """Show what is pinned, without reading the weights."""
    folder = path or settings(home).engine.model
    _print(load_manifest(folder), folder, as_json=as_json, done="Pinned (not checked now)")


class _Steps:
    """Shows each kind of step as a bar of its own; rich's own lock guards it."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: Step) -> None:
        if step.name not in self._tasks:
            self._tasks[step.name] = self._bars.add_task(step.name, total=step.total)
        self._bars.update(self._tasks[step.name], completed=step.done, total=step.total)


@contextmanager
def _steps() -> Iterator[_Steps]:
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console(on_stderr=True)) as bars:
        yield _Steps(bars)


def _print(manifest: Manifest, folder: Path, *, as_json: bool, done: str) -> None:
    if as_json:
        print_json({"folder": str(folder.absolute()), "digest": manifest.digest, **manifest.model_dump(mode="json")})
        return
    stored = manifest.quantization
    rows = [
        ("state", done),
        ("folder", folder.absolute()),
        ("digest", f"sha256:{manifest.digest}"),
        ("source", manifest.source),
        ("licence", manifest.licence),
        ("weights", f"{stored.method}, {stored.bits} bits, groups of {stored.group_size}, {stored.container}"),
        ("created", manifest.created),
        ("files", f"{len(manifest.files)}, {manifest.size_bytes:,} bytes"),
    ]
    console().print(table(manifest.name, ("", ""), rows))
