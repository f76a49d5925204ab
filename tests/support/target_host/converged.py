"""A host that the playbook was run on, made once and kept as a layer from which tests boot hosts of their own.

    made = converged_host("bookworm")
    with world() as outside, made.off(outside) as host:
        host.boot()

What each run of the playbook did while it was made is kept beside it, for the tests that are about that.  It is made
again when the medium, the playbooks' files or this harness changed, and after a few days, because certificates end.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.support.packet_capture import capture
from tests.support.target_host.controller import Controller, Played
from tests.support.target_host.host import Layer, TargetHost
from tests.support.target_host.medium import Medium, built_medium
from tests.support.target_host.places import CACHE, one_at_a_time
from tests.support.target_host.site import Site
from tests.support.target_host.world import LAN, NETWORK, World, world

PLACE = "/media/appliance"
"""Where a host has its medium."""

FRESH_S = 5 * 24 * 3600.0
"""The site's certificates are good for twenty days."""

_LOOKED_AT = ("/etc", "/opt", "/usr/local", "/usr/lib/systemd", "/var/lib")
"""What a run that only checks must leave as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the playbook, as far as a test asks."""

    code: int
    seconds: float
    changed: list[str]
    failed: list[str]
    slowest: list[str]
    text: str

    @classmethod
    def of(cls, played: Played) -> "Run":
        """Keep what matters of a run."""
        return cls(
            code=played.code,
            seconds=round(played.seconds, 1),
            changed=played.changed,
            failed=played.failed,
            slowest=[f"{seconds:.1f} s {task}" for seconds, task in played.slowest()],
            text=played.text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Converged:
    """A host that is made, off, and its history."""

    layer: Layer
    site: Site
    suite: str
    runs: Mapping[str, Run]
    """check (on the bare host), first, again, verify: those that came to be."""

    left_by_check: list[str]
    """Files that were written while the playbook only checked."""

    abroad: list[str]
    """Whom the host sent anything outside its LAN, from its first boot on, over all runs."""

    @contextmanager
    def off(self, outside: World, name: str = "clinic") -> Iterator[TargetHost]:
        """Make a host of one's own from it, which is not on yet."""
        with outside.host(name, suite=self.suite, layers=(self.layer,)) as host:
            host.binds[PLACE] = self.site.medium.folder
            yield host


def converged_host(suite: str) -> Converged:
    """Return the host, made if it is not there.  A run that failed is in its history, and ends it."""
    place = CACHE / f"converged-{suite}"
    medium = built_medium(suite)
    with one_at_a_time(place.name):
        if not _is_fresh(place, medium):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            _make(place, suite, medium)
            if all(run.code == 0 for run in _read(place, suite, medium).runs.values()):
                (place / "stamp").write_text(_stamp(medium))
        return _read(place, suite, medium)


def _is_fresh(place: Path, medium: Medium) -> bool:
    stamp = place / "stamp"
    return stamp.is_file() and stamp.read_text() == _stamp(medium) and time.time() - stamp.stat().st_mtime < FRESH_S


def _stamp(medium: Medium) -> str:
    files = sorted(Path(__file__).parent.rglob("*.py"))
    return hashlib.sha256(medium.digest.encode() + b"".join(file.read_bytes() for file in files)).hexdigest()


def _make(place: Path, suite: str, medium: Medium) -> None:
    """Check, converge, converge again, verify; stop at the first that fails, with the disk as it then is."""
    site = Site.make(place / "site", medium)
    with world() as outside, outside.host(suite=suite) as host, capture(outside.net, LAN) as seen:
        host.binds[PLACE] = medium.folder
        host.boot()
        controller = Controller(
            world=outside, hosts=[host], folder=outside.folder / "controller", variables=site.variables
        )
        history = {"runs": _runs(controller, host), "left_by_check": host.read("/root/left-by-check").splitlines()}
        host.power_off()
        host.freeze(place / "layer")
    abroad = sorted(
        f"{protocol} {address}:{port}"
        for protocol, address, port in seen.destinations(host.address, host.address_6)
        if not address.startswith((f"{NETWORK}.", "ff02:"))
    )
    (place / "history.json").write_text(json.dumps({**history, "abroad": abroad}, indent=1))


def _runs(controller: Controller, host: TargetHost) -> dict[str, dict[str, object]]:
    runs: dict[str, dict[str, object]] = {}
    host.write("/root/before", "")
    for name, options in {
        "check": ("--check", "--diff"),
        "first": (),
        "again": (),
        "verify": ("--tags", "verify"),
    }.items():
        played = controller.play(options=options)
        runs[name] = asdict(Run.of(played))
        if name == "check":
            changed = host.exec("find", *_LOOKED_AT, "-newer", "/root/before", "-not", "-type", "d", check=False)
            host.write("/root/left-by-check", changed.output)
        if played.code != 0:
            break
    return runs


def _read(place: Path, suite: str, medium: Medium) -> Converged:
    history = json.loads((place / "history.json").read_text())
    return Converged(
        layer=Layer(folder=place / "layer"),
        site=Site(folder=place / "site", medium=medium),
        suite=suite,
        runs={name: Run(**run) for name, run in history["runs"].items()},
        left_by_check=history["left_by_check"],
        abroad=history["abroad"],
    )
