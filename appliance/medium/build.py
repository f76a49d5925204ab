"""Builds an install medium: the numbered steps of `build`, each of which leaves the last medium as it was.

The signature is made last, so a medium that was interrupted has none and is refused everywhere.  Nothing is taken
that is not proven: packages by their distribution's signed index, wheels by the locks, models by their manifests, our
own code by the commit.  MUST NOT put a key, a patient's text or a file that is not tracked on a medium.
"""

import errno
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.errors import ConfigError
from appliance.medium.apt import Resolved, write_index
from appliance.medium.commands import need_tools
from appliance.medium.contents import Contents, Engine, SuiteContents
from appliance.medium.environments import OWN_LOCK, Environment
from appliance.medium.layout import Layout
from appliance.medium.sbom import Component, bill, of_models, of_packages, of_wheels
from appliance.medium.signing import Signer
from appliance.medium.source import Export
from appliance.medium.suites import Suite
from appliance.medium.verify import CONTENTS, SIGNATURE, SUMS, Proven, check_medium, digest_of
from appliance.medium.wheels import Wheel, build_own
from appliance.models.builder_process import Report, Step
from appliance.models.manifest import FILE_NAME, Manifest
from appliance.models.verify import verify as verify_model

TOOLS = ("apt-get", "apt-cache", "apt-ftparchive", "git", "gpg", "gpgv")
"""What the building machine must have beside Python."""

GUARD_LIST = "appliance/phi/models.json"
"""Names the files of the PHI guard's models with their digests."""

VERIFY, INSTALL = "appliance/medium/verify.py", "ansible/medium/install"
"""What stands at the medium's top: how it is proven and how it is used."""

MOMENT = "%Y-%m-%dT%H:%M:%SZ"
"""UTC in ISO 8601."""

OWN_NAME = "clinical-inference-appliance"
"""Our own package's name in a lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be built."""

    export: Export
    suites: tuple[Suite, ...]
    engines: tuple[Engine, ...]
    models: tuple[Path, ...]
    """Pinned folders; none leaves only the slot for the site's own weights."""

    guard: Path
    """Folder with the PHI guard's models."""

    signer: Signer
    resolve: Callable[[Suite], Resolved]
    """Looks up and fetches a release's packages."""

    environments: Callable[[Suite], Sequence[Environment]]
    """Looks up and fetches a release's wheels."""


def build(order: Order, layout: Layout, *, now: datetime, report: Report) -> Proven:
    """Build, sign and check a medium.  Raises ConfigError or ManifestMismatchError; the last medium then stays."""
    steps = _Steps(report, total=5 + 2 * len(order.suites))
    need_tools(*TOOLS)
    with _space(layout.place), tempfile.TemporaryDirectory(prefix="medium-") as work:
        layout.clear()
        # 1. Each release's wheels and packages, with their bills of materials.
        found = {suite: _wheels(order, layout, suite, steps) for suite in order.suites}
        suites = {suite.name: _suite(order, layout, suite, steps, found[suite]) for suite in order.suites}
        # 2. Models, each proven against its manifest.
        steps("models")
        models = _models(order, layout)
        _guard(order.guard, order.export.checkout, layout)
        # 3. Our own code: the wheel, roles, policies and locks, from tracked files.
        steps("our own wheel and roles")
        _own(order.export, layout, Path(work), builder=_setuptools(found[order.suites[0]]))
        # 4. What it is, and how it is proven and installed.
        steps("what it is")
        _describe(order, layout, now=now, suites=suites, models=models)
        # 5. Every file's digest, and last the signature.
        steps("digests and signature")
        signed = layout.sums()
        layout.write(SUMS, signed)
        layout.write(SIGNATURE, order.signer.detached(signed))
        # 6. Checked as a site will, with the key's public part, before it takes the last medium's place.
        steps("checking as a site will")
        proven = check_medium(layout.folder, order.signer.public())
        layout.finish()
        steps("done")
        return proven


class _Steps:
    """Counts the steps; one thread uses it."""

    def __init__(self, report: Report, *, total: int) -> None:
        self._report = report
        self._done = -1
        self._total = total

    def __call__(self, name: str) -> None:
        self._done += 1
        self._report(Step(name=name, done=self._done, total=self._total))


@contextmanager
def _space(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise ConfigError(
            f"The disk under {place.parent} is full: a medium with the small model takes 2 GB, one with the engine for"
            " GPUs 8 GB, and a model its own size. Free space and build again; what was fetched is kept."
        ) from error


def _wheels(order: Order, layout: Layout, suite: Suite, steps: _Steps) -> Sequence[Environment]:
    steps(f"wheels for {suite.name}")
    found = order.environments(suite)
    for wheel in {wheel.sha256: wheel for environment in found for wheel in environment.wheels}.values():
        if not (layout.folder / "wheels" / wheel.file.name).exists():  # two releases share those for every Python
            layout.link(wheel.file, f"wheels/{wheel.file.name}", sha256=wheel.sha256)
    return found


def _suite(order: Order, layout: Layout, suite: Suite, steps: _Steps, found: Sequence[Environment]) -> SuiteContents:
    steps(f"packages for {suite.name}")
    resolved = order.resolve(suite)
    _bills(order, layout, suite, found, resolved)
    _repository(resolved, layout, suite=suite, signer=order.signer)
    return SuiteContents(
        python=suite.python,
        packages=len(resolved.packages),
        unknown_packages=resolved.unknown,
        environments={environment.name: _locks(environment) for environment in found},
    )


def _bills(order: Order, layout: Layout, suite: Suite, found: Sequence[Environment], resolved: Resolved) -> None:
    for environment in found:
        _write_bill(order, layout, f"{suite.name}-{environment.name}", of_wheels(environment))
    _write_bill(order, layout, f"{suite.name}-packages", of_packages(resolved.packages, suite))


def _write_bill(order: Order, layout: Layout, subject: str, components: Sequence[Component]) -> None:
    made = datetime.fromtimestamp(order.export.committed_at, UTC).strftime(MOMENT)
    content = bill(subject, version=order.export.version, built_at=made, components=components)
    layout.write(f"sbom/{subject}.cdx.json", content)


def _setuptools(found: Sequence[Environment]) -> Wheel:
    gateway = next(environment for environment in found if environment.name == "gateway")
    return next(wheel for wheel in gateway.wheels if wheel.pinned.name == "setuptools")


def _own(export: Export, layout: Layout, work: Path, *, builder: Wheel) -> None:
    tree = work / "source"
    export.lay_out(tree)
    wheel = build_own(tree, builder=builder, destination=work / "wheel", made_at=export.committed_at)
    sha256 = digest_of(wheel)
    layout.copy(wheel, f"wheels/{wheel.name}", sha256=sha256)
    layout.write(f"locks/{OWN_LOCK}", f"{OWN_NAME}=={export.version} \\\n    --hash=sha256:{sha256}\n".encode())
    for name in export.under("ansible", "policies"):
        layout.copy(export.checkout / name, name)
    for name in export.files:
        if name.endswith(".lock") and "/" not in name:
            layout.copy(export.checkout / name, f"locks/{name}")


def _locks(environment: Environment) -> tuple[str, ...]:
    own = (OWN_LOCK,) if environment.name == "gateway" else ()
    return tuple(f"locks/{name}" for name in (*environment.locks, *own))


def _repository(resolved: Resolved, layout: Layout, *, suite: Suite, signer: Signer) -> None:
    for package in resolved.packages:
        layout.link(package.file, f"apt/{suite.name}/pool/{package.file.name}", sha256=package.sha256)
    release = write_index(layout.folder / "apt" / suite.name, environment={})
    layout.write(f"apt/{suite.name}/InRelease", signer.inline(release))


def _models(order: Order, layout: Layout) -> dict[str, str]:
    manifests = {folder.name: _model(folder, layout) for folder in order.models}
    digests = {name: manifest.digest for name, manifest in manifests.items()}
    components = of_models(digests, {name: manifest.licence for name, manifest in manifests.items()})
    _write_bill(order, layout, "models", components)
    return digests


def _model(folder: Path, layout: Layout) -> Manifest:
    manifest = verify_model(folder)
    layout.copy(folder / FILE_NAME, f"models/{folder.name}/{FILE_NAME}", sha256=manifest.digest)
    for name, entry in manifest.files.items():
        layout.copy(folder / name, f"models/{folder.name}/{name}", sha256=entry.sha256)
    return manifest


def _describe(
    order: Order, layout: Layout, *, now: datetime, suites: Mapping[str, SuiteContents], models: Mapping[str, str]
) -> None:
    contents = Contents(
        version=order.export.version,
        built_at=now.strftime(MOMENT),
        source=order.export.source,
        engines=order.engines,
        suites=suites,
        models=models,
    )
    layout.write(CONTENTS, contents.to_bytes())
    layout.copy(order.export.checkout / VERIFY, "verify")
    layout.copy(order.export.checkout / INSTALL, "install")


def _guard(folder: Path, checkout: Path, layout: Layout) -> None:
    files: Mapping[str, Mapping[str, str]] = json.loads((checkout / GUARD_LIST).read_text())["files"]
    for name, file in files.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
            raise ConfigError(f"{path} is not the file that {GUARD_LIST} pins: run 'make gateway'.")
        layout.copy(path, f"guard/{name}", sha256=file["sha256"])
