"""Compare a model on disk with its manifest, every byte of it, before anything loads it.

A changed, missing or extra file is named and nothing starts.  It never repairs, never follows a link, and never
trusts a size or a time in place of the bytes.  Answers promise 9: what runs is what was pinned.
"""

from pathlib import Path

from appliance.errors import ManifestMismatchError
from appliance.models.manifest import Manifest, load_manifest
from appliance.models.tree import Progress, Tree, list_tree, read_entries

MAX_NAMED = 10
"""Differences in one message; more say the same."""


def verify(folder: Path, progress: Progress | None = None) -> Manifest:
    """Re-read every byte of the folder and return its manifest.  Raises ManifestMismatchError naming what differs."""
    manifest = load_manifest(folder)
    try:
        tree = list_tree(folder)
        differences = _by_name(tree, manifest)
        # A wrong name or size is enough to refuse; reading 40 GB to say so again would only delay the operator.
        if not differences:
            differences = _by_content(folder, manifest, progress)
    except OSError as error:
        raise ManifestMismatchError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error
    if differences:
        raise ManifestMismatchError(_sentence(folder, differences))
    return manifest


def _by_name(tree: Tree, manifest: Manifest) -> list[str]:
    missing = [f"{path} is missing" for path in manifest.files if path not in tree.files and path not in tree.misplaced]
    extra = [f"{path} is extra" for path in tree.files if path not in manifest.files]
    misplaced = [f"{path} {reason}" for path, reason in tree.misplaced.items()]
    resized = [
        f"{path} has changed"
        for path, size in tree.files.items()
        if manifest.files.get(path, None) and manifest.files[path].size != size
    ]
    return sorted(missing + extra + misplaced + resized)


def _by_content(folder: Path, manifest: Manifest, progress: Progress | None) -> list[str]:
    found = read_entries(folder, {path: entry.size for path, entry in manifest.files.items()}, progress)
    return sorted(f"{path} has changed" for path, entry in manifest.files.items() if found[path] != entry)


def _sentence(folder: Path, differences: list[str]) -> str:
    named = "; ".join(differences[:MAX_NAMED])
    more = f"; and {len(differences) - MAX_NAMED} more" if len(differences) > MAX_NAMED else ""
    return (
        f"The model in {folder} is not the one that was pinned: {named}{more}. "
        "Restore it from its source, or build the embedded default again with 'appliance model prepare --replace'."
    )
