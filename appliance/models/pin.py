"""Pin a folder of weights that a site was given: list, read and record it, so that it can be checked ever after.

Pinning changes no weight and vouches for nothing but bytes: source and licence are what the operator states.  A
manifest that is there already and says something else is never replaced unasked.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from appliance.errors import ConfigError, ManifestMismatchError
from appliance.models.layout import check_layout
from appliance.models.manifest import FILE_NAME, UNFINISHED_NAME, Manifest, load_manifest, write_manifest
from appliance.models.tree import Progress, list_tree, read_entries

CREATED_FORM = "%Y-%m-%dT%H:%M:%SZ"
"""UTC; `Manifest.created` accepts no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the operator says about weights, which bytes cannot show."""

    name: str
    """How records and answers name the model."""

    source: str
    """Where it came from: address and revision."""

    licence: str


def pin(
    folder: Path, statement: Statement, *, now: datetime, replace: bool = False, progress: Progress | None = None
) -> Manifest:
    """Write the folder's manifest and return it.

    Raises ConfigError if the folder is no model that may be served or a statement is malformed, and
    ManifestMismatchError if another manifest is there and is not to be replaced.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder; give the one that holds config.json and the weights.")
    folder.joinpath(UNFINISHED_NAME).unlink(missing_ok=True)
    try:
        tree = list_tree(folder)
        quantization = check_layout(folder, tree)
        manifest = Manifest(
            name=statement.name,
            source=statement.source,
            licence=statement.licence,
            quantization=quantization,
            created=now.strftime(CREATED_FORM),
            files=read_entries(folder, tree.files, progress),
        )
    except ValidationError as error:
        raise ConfigError(_statement_fault(error)) from error
    present = _present(folder, replace=replace)
    if present is None:
        write_manifest(folder, manifest)
        return manifest
    if present != manifest.model_copy(update={"created": present.created}):
        raise ManifestMismatchError(
            f"{folder / FILE_NAME} pins something else. 'appliance model verify {folder}' says whether a file changed; "
            "give --replace to pin the folder as it is now."
        )
    return present


def _present(folder: Path, *, replace: bool) -> Manifest | None:
    """Return the manifest that is there and must be respected."""
    if replace or not folder.joinpath(FILE_NAME).exists():
        return None
    return load_manifest(folder)


def _statement_fault(error: ValidationError) -> str:
    field = str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
    if field == "name":
        return "--name takes lower-case letters, digits, '.', '_' and '-', at most 64, such as llama-3.3-70b-awq."
    if field in {"source", "licence"}:
        return f"--{field} takes one line of at most 500 characters."
    return f"The folder cannot be pinned: '{field}' is not valid."
