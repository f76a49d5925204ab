"""Build the embedded default on disk, whole or not at all.

The builder works in a folder beside the destination; when everything is hashed, listed and durable, one rename puts
it in place.  What an interrupted build leaves has a name of its own and is removed by the next one.  A folder that
is already there is never touched unless it is to be replaced: altered weights are for a person to see first.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ConfigError
from appliance.models.builder_process import Build, Report, Step, run
from appliance.models.catalogue import Recipe
from appliance.models.manifest import FILE_NAME, Manifest, open_itself, sync_folder, write_manifest
from appliance.models.tree import Progress, list_tree, read_entries
from appliance.models.verify import verify

READABLE_FILE = 0o644
"""The engine runs as another user; weights are public, and only root may change them at a site."""

READABLE_FOLDER = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A model that is on disk and verified."""

    manifest: Manifest
    built: bool
    """False when it was there already."""


def prepare(
    recipe: Recipe, destination: Path, *, python: Path, replace: bool = False, report: Report | None = None
) -> Prepared:
    """Return the model at the destination, built if it is not there.

    Raises ManifestMismatchError if another or an altered model is there and is not to be replaced, and ConfigError if
    the builder's environment is missing or the builder fails.
    """
    tell = report or _say_nothing
    destination = destination.absolute()
    destination.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(destination, tell):
        if _is_there(destination) and not replace:
            return Prepared(manifest=verify(destination, _as_progress(tell)), built=False)
        for leftover in destination.parent.glob(f".{destination.name}.building-*"):
            shutil.rmtree(leftover)
        folder = Path(tempfile.mkdtemp(prefix=f".{destination.name}.building-", dir=destination.parent))
        try:
            manifest = _build(recipe, folder, python=python, tell=tell)
            _put_in_place(folder, destination)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return Prepared(manifest=manifest, built=True)


def _is_there(destination: Path) -> bool:
    """Say whether somebody's files are at the destination; an empty folder is nobody's."""
    return destination.is_symlink() or (destination.exists() and any(destination.iterdir()))


@contextmanager
def _one_at_a_time(destination: Path, tell: Report) -> Iterator[None]:
    """Hold the lock of this destination; the kernel lets go of it when the process ends, however it ends."""
    with destination.parent.joinpath(f".{destination.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(Step(name="waiting for another prepare", done=0, total=1))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(recipe: Recipe, folder: Path, *, python: Path, tell: Report) -> Manifest:
    log = folder.parent / f".{recipe.name}.build.log"
    built = run(Build(recipe=recipe, output=folder, python=python, log=log), tell)
    folder.chmod(READABLE_FOLDER)
    tree = list_tree(folder)
    if tree.misplaced:
        raise ConfigError(f"The builder left what no model may hold: {', '.join(sorted(tree.misplaced))}.")
    manifest = Manifest(
        name=recipe.name,
        source=recipe.source,
        source_digests={recipe.wheel: recipe.wheel_sha256, recipe.weights: recipe.weights_sha256},
        licence=recipe.licence,
        quantization=recipe.quantization,
        calibration_digest=built.calibration_digest,
        tools=built.tools,
        created=recipe.recipe_date,
        files=read_entries(folder, tree.files, _as_progress(tell)),
    )
    for path in tree.files:
        _make_durable(folder / path)
    write_manifest(folder, manifest)
    folder.joinpath(FILE_NAME).chmod(READABLE_FILE)
    return manifest


def _make_durable(file: Path) -> None:
    file.chmod(READABLE_FILE)
    with open_itself(file) as opened:
        os.fsync(opened.fileno())


def _put_in_place(folder: Path, destination: Path) -> None:
    """Rename the finished folder to its place; a crash between the two renames leaves no model, never half of one."""
    if _is_there(destination):
        aside = Path(tempfile.mkdtemp(prefix=f".{destination.name}.building-old-", dir=destination.parent))
        destination.rename(aside / "replaced")
        folder.rename(destination)
        shutil.rmtree(aside)
    else:
        folder.rename(destination)
    sync_folder(destination.parent)


def _as_progress(tell: Report) -> Progress:
    return lambda done, total: tell(Step(name="hashing", done=done, total=total))


def _say_nothing(_step: Step) -> None:
    """Report to nobody."""
