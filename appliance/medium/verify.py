#!/usr/bin/env python3
"""Say whether an install medium is whole and from whom you trust, before anything on it is used.

    python3 verify --key appliance-key.gpg /media/appliance

It stands on the medium as `verify`, and needs Python 3.10 and gpgv (or sqv) alone: a bare Debian or Ubuntu has both.
The key is the site's own copy, which came by another way than the medium.  Every file that was altered, is missing or
is too much is named.  MUST NOT import anything of the appliance, run anything of the medium, or follow a link: a medium
that is not yet proven may have been made by an attacker.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

SUMS = "SHA256SUMS"
"""Names every other file with its digest, as sha256sum(1) writes it."""

SIGNATURE = "SHA256SUMS.sig"
"""Detached OpenPGP signature of `SUMS`, written last: a medium without it is not finished."""

CONTENTS = "MEDIUM.json"
"""What the medium is: version, suites, models."""

SITE_MODELS = "site-models"
"""The slot for the site's own weights: not signed by us, so each folder in it needs its digest from the inventory."""

MANIFEST = "manifest.json"
"""Names every file of a model; its SHA-256 is the model's digest."""

LINE = re.compile(r"([0-9a-f]{64})  ([^\\\n]+)")
"""One file in `SUMS`; a name with a backslash or line break would be written in another way, so none has one."""

CHUNK_BYTES = 1024 * 1024
"""Read at once: large enough that hashing runs in parallel, small enough to show progress."""

MAX_SUMS_BYTES = 64 * 1024 * 1024
"""A medium has a few thousand files; one with half a million is none of ours."""

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""As `appliance model pin` writes it at most."""

GOOD, FORBIDDEN = "GOODSIG", frozenset({"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"})
"""Words of gpgv's status lines (doc/DETAILS of GnuPG); one bad signature beside a good one is refused too."""

Progress = Callable[[int, int], None]
"""Told the bytes read so far and the bytes in all."""


@dataclass(frozen=True)
class Differences:
    """What is not as it was signed, each by its path on the medium."""

    altered: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return one line a file."""
        kinds = (("altered", self.altered), ("missing", self.missing), ("surplus", self.surplus))
        return [f"{kind}: {name}" for kind, names in kinds for name in names]


class MediumRefusedError(Exception):
    """Refuse the medium; the sentence says what to do, and the differences name each file."""

    def __init__(self, sentence: str, differences: Differences | None = None) -> None:
        """Take a sentence for the operator and what was found, if it came so far."""
        self.sentence = sentence
        self.differences = differences or Differences()
        super().__init__("\n".join([sentence, *self.differences.lines()]))


@dataclass(frozen=True)
class Proven:
    """A medium that is exactly what was signed."""

    version: str
    """Of the appliance on it."""

    signer: str
    """Fingerprint of the key that signed it, where the checking program tells it."""

    files: int
    size_bytes: int
    site_models: Mapping[str, str] = field(default_factory=dict)
    """Digest of each of the site's own models, by its folder."""


def check_medium(
    folder: Path, key: bytes, *, site_models: Mapping[str, str] | None = None, progress: Progress | None = None
) -> Proven:
    """Check signature, names and every byte.  Raises MediumRefusedError naming what is wrong."""
    # 1. The list is the one that was signed; it is read once, so that it cannot change between check and use.
    signed = _read_part(folder, SUMS, MAX_SUMS_BYTES)
    signer = check_signature(signed, _read_part(folder, SIGNATURE, MAX_SUMS_BYTES), key)
    sums = parse_sums(signed)
    # 2. The site's own weights, by the digests that the site states, are listed as if they were signed.
    wanted = {**sums, **_site_sums(folder, site_models or {})}
    # 3. Nothing is missing, nothing is too much, and every byte is as listed.
    found = list_files(folder)
    differences = _compare(folder, wanted, found, progress)
    if differences.lines():
        raise MediumRefusedError(
            f"The medium in {folder} is not the one that was signed: copy it again from its source, and keep this one"
            " apart if a file was altered.",
            differences,
        )
    return Proven(
        version=_version(folder),
        signer=signer,
        files=len(wanted),
        size_bytes=sum(found[name] for name in wanted),
        site_models=dict(site_models or {}),
    )


def check_signature(signed: bytes, signature: bytes, key: bytes) -> str:
    """Return the signer's fingerprint.  Raises MediumRefusedError when it is not the key's, or was altered."""
    if key.startswith(b"-----BEGIN"):
        raise MediumRefusedError("The key is armored text: write it as binary with 'gpg --dearmor' and name that file.")
    program = shutil.which("gpgv") or shutil.which("sqv")
    if program is None:
        raise MediumRefusedError("Neither gpgv nor sqv is installed, so no signature can be checked: install gpgv.")
    with tempfile.TemporaryDirectory(prefix="medium-") as work:
        data, detached, keyring = Path(work, SUMS), Path(work, SIGNATURE), Path(work, "key.gpg")
        data.write_bytes(signed)
        detached.write_bytes(signature)
        keyring.write_bytes(key)
        status = ["--status-fd", "1"] if program.endswith("gpgv") else []
        answer = subprocess.run(  # noqa: S603 - gpgv or sqv, on files of our own making
            [program, *status, "--keyring", str(keyring), str(detached), str(data)],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if status:
        return _signer(answer)
    if answer.returncode:
        raise _not_signed()
    return (answer.stdout.split() or [""])[0]


def _signer(answer: "subprocess.CompletedProcess[str]") -> str:
    lines = [line.split()[1:] for line in answer.stdout.splitlines() if line.startswith("[GNUPG:] ")]
    words = {line[0] for line in lines if line}
    if {"EXPKEYSIG", "EXPSIG", "REVKEYSIG"} & words:
        raise MediumRefusedError("The key has expired or was revoked: ask for its renewed public part.")
    if {"NO_PUBKEY", "ERRSIG"} & words:
        raise MediumRefusedError(
            "The medium was signed by another key than the one that this site keeps: do not use it, unless its sender"
            " tells you, by another way than the medium, that the key has changed."
        )
    if answer.returncode or GOOD not in words or words & FORBIDDEN:
        raise _not_signed()
    return next((line[1] for line in lines if line[0] == "VALIDSIG"), "")


def _not_signed() -> MediumRefusedError:
    return MediumRefusedError(
        f"The signature of {SUMS} does not fit the key that this site keeps: the list or its signature was altered, or"
        " the key is another; do not use the medium.",
        Differences(altered=(SUMS,)),
    )


def parse_sums(signed: bytes) -> dict[str, str]:
    """Return the digests by name.  Raises MediumRefusedError for anything that sha256sum would not have written."""
    sums: dict[str, str] = {}
    for line in signed.decode("utf-8", errors="replace").splitlines():
        match = LINE.fullmatch(line)
        if match is None or match[2] in sums or not is_plain(match[2]):
            raise MediumRefusedError(f"{SUMS} holds a line that no builder writes; build the medium again.")
        sums[match[2]] = match[1]
    if CONTENTS not in sums:
        raise MediumRefusedError(f"{SUMS} does not list {CONTENTS}, so this is no install medium of the appliance.")
    return sums


def is_plain(name: str) -> bool:
    """Say whether a name stays on the medium, outside the slot for the site's models, and is written in one way."""
    parts = name.split("/")
    return name.isprintable() and parts[0] not in {SUMS, SIGNATURE, SITE_MODELS} and not {"", ".", ".."} & set(parts)


def list_files(folder: Path) -> dict[str, int]:
    """Return the size of every file but the signed list; a link or device has size -1, and is never as listed."""
    found: dict[str, int] = {}
    for entry in _walk(folder):
        name = os.path.relpath(entry.path, folder)
        status = entry.stat(follow_symlinks=False)
        if name not in {SUMS, SIGNATURE}:
            found[name] = status.st_size if stat.S_ISREG(status.st_mode) else -1
    return found


def _walk(folder: "Path | str") -> "Iterator[os.DirEntry[str]]":
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry


def _read_part(folder: Path, name: str, limit: int) -> bytes:
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise MediumRefusedError(
            f"{path} is not there, so this is no medium or it was not copied to its end: mount or copy it again.",
            Differences(missing=(name,)),
        )
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise MediumRefusedError(f"{path} is too large to be what its name says.", Differences(altered=(name,)))
    return content


def _site_sums(folder: Path, digests: Mapping[str, str]) -> dict[str, str]:
    sums: dict[str, str] = {}
    for name, digest in digests.items():
        path = f"{SITE_MODELS}/{name}"
        content = _read_part(folder, f"{path}/{MANIFEST}", MAX_MANIFEST_BYTES)
        if hashlib.sha256(content).hexdigest() != digest.removeprefix("sha256:"):
            raise MediumRefusedError(
                f"The model in {path} is not the one that the inventory names by its digest: 'appliance model show'"
                " prints the digest of a folder.",
                Differences(altered=(f"{path}/{MANIFEST}",)),
            )
        sums[f"{path}/{MANIFEST}"] = digest.removeprefix("sha256:")
        sums.update(_manifest_sums(path, content))
    return sums


def _manifest_sums(path: str, content: bytes) -> dict[str, str]:
    try:
        files = {str(name): str(entry["sha256"]) for name, entry in json.loads(content)["files"].items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        files = {"..": ""}
    if any({"", ".", ".."} & set(name.split("/")) for name in files):
        raise MediumRefusedError(
            f"{path}/{MANIFEST} is no manifest: 'appliance model pin' writes one.",
            Differences(altered=(f"{path}/{MANIFEST}",)),
        )
    return {f"{path}/{name}": digest for name, digest in files.items()}


def _compare(
    folder: Path, wanted: Mapping[str, str], found: Mapping[str, int], progress: Progress | None
) -> Differences:
    present = {name: found[name] for name in wanted if found.get(name, -1) >= 0}
    total = sum(present.values())
    altered = {name for name in wanted if found.get(name) == -1}
    done = 0
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as threads:
        names = sorted(present, key=lambda name: -present[name])
        for name, digest in zip(names, threads.map(lambda name: digest_of(folder / name), names), strict=True):
            if digest != wanted[name]:
                altered.add(name)
            done += present[name]
            if progress:
                progress(done, total)
    return Differences(
        altered=tuple(sorted(altered)),
        missing=tuple(sorted(wanted.keys() - found.keys())),
        surplus=tuple(sorted(ascii(name)[1:-1] for name in found.keys() - wanted.keys())),
    )


def digest_of(path: Path) -> str:
    """Return a file's SHA-256, or nothing if it cannot be read; a link is never followed."""
    digest = hashlib.sha256()
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def _version(folder: Path) -> str:
    contents = json.loads((folder / CONTENTS).read_bytes())
    return str(contents["version"])


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Check the medium that is named, or the one that this file stands on; 0 when it is whole, 1 when not."""
    options = _options(arguments)
    shown = _bar if sys.stderr.isatty() and not options.quiet else None
    try:
        models = dict(_pair(item) for item in options.site_model)
        proven = check_medium(options.medium, _key(options), site_models=models, progress=shown)
    except MediumRefusedError as error:
        sys.stderr.write(f"REFUSED: {error}\n")
        return 1
    sys.stdout.write(
        f"The medium is whole: appliance {proven.version}, {proven.files} files, {proven.size_bytes:,} bytes, signed by"
        f" {proven.signer}.\n"
    )
    return 0


def _options(arguments: "Sequence[str] | None") -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Check an install medium of the clinical inference appliance.")
    keys = parser.add_mutually_exclusive_group(required=True)
    keys.add_argument("--key", type=Path, help="the site's own copy of the signing public key")
    keys.add_argument("--key-base64", help="the same key as text, for a host that has no copy yet")
    parser.add_argument(
        "--site-model", action="append", default=[], metavar="NAME=DIGEST", help=f"a folder in {SITE_MODELS}/"
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress, where a program reads along")
    parser.add_argument("medium", type=Path, nargs="?", default=Path(__file__).absolute().parent)
    return parser.parse_args(arguments)


def _pair(item: str) -> "tuple[str, str]":
    name, equals, digest = item.partition("=")
    if not equals:
        raise MediumRefusedError("--site-model takes NAME=DIGEST; 'appliance model show FOLDER' prints the digest.")
    return name, digest


def _key(options: argparse.Namespace) -> bytes:
    if options.key_base64 is not None:
        try:
            return base64.b64decode(options.key_base64, validate=True)
        except ValueError as error:
            raise MediumRefusedError("--key-base64 is no base64 text.") from error
    try:
        return bytes(options.key.read_bytes())
    except OSError as error:
        raise MediumRefusedError(
            f"{options.key} cannot be read: name the site's own copy of the public key that signs its media."
        ) from error


def _bar(done: int, total: int) -> None:
    filled = 30 * done // max(total, 1)
    end = "\n" if done == total else ""
    sys.stderr.write(f"\rreading [{'#' * filled:<30}] {100 * done // max(total, 1):3d} %{end}")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
