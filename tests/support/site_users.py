"""A site on this machine without systemd: five users, five programs, one HOME, laid out as the playbook does it.

    with a_site() as site:
        site.start()
        key = site.add_client("ehr")
        with site.http(key) as http:
            http.post("/v1/chat/completions", json=chat())

The engine's place is taken by the replay engine, as the engine's user on the engine's socket.  Needs root.
"""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from appliance.config import CHECKOUT, Config, ProgramName, load_config
from appliance.models.pin import pin
from tests.support.as_user import as_user
from tests.support.command_line import Done, run
from tests.support.model_folders import STATEMENT, config, weights_folder
from tests.support.policy_folder import copy_policies
from tests.support.service_manager import ServiceManager
from tests.support.trails import new_trail
from tests.support.witnesses import Authority

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can start programs as five users")

HOSTNAME = "appliance.hospital.example"

USERS: Mapping[ProgramName, int] = {"gateway": 861, "engine": 862, "broker": 863, "recorder": 864, "console": 865}

GROUPS: Mapping[ProgramName, Sequence[int]] = {
    "gateway": (862, 863, 864), "engine": (), "broker": (864,), "recorder": (), "console": (864,),
}  # fmt: skip
"""As the units' ``SupplementaryGroups=``."""

TELLING = frozenset({"recorder", "broker", "gateway", "console"})
"""Programs that say when they are ready; the replay engine does not."""

READY_S = 120.0
"""Generous: five Python programs on a machine that runs other things too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """One program of the site."""

    process: subprocess.Popen[bytes]
    log: Path
    manager: ServiceManager

    def stop(self) -> int:
        """End it as systemd does and return its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(READY_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site's folders, and what runs on them."""

    root: Path
    authority: Authority
    ports: Mapping[str, int]
    started: dict[ProgramName, Started] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """HOME."""
        return self.root / "home"

    @property
    def config(self) -> Config:
        """The settings, as every program reads them."""
        return load_config(self.home)

    def commands(self) -> dict[ProgramName, list[str]]:
        """Return the command of each unit, in the order in which they start."""
        run, home = self.config.run_of("recorder"), str(self.home)
        peers = [word for name in ("gateway", "broker", "console") for word in ("--peer", f"{name}={USERS[name]}")]
        credentials = self.root / "credentials" / "console"
        pair = ["--certificate", str(credentials / "console.crt"), "--key", str(credentials / "console.key")]
        python = [sys.executable, "-m"]
        return {
            "recorder": [*python, "audit.recorder", "--home", home, "--run", str(run), *peers],
            "engine": [*python, "tests.support.replay_engine", "--uds", str(self.config.engine_socket)],
            "broker": [*python, "appliance.broker", "--home", home],
            "gateway": [*python, "appliance.main", "--home", home],
            "console": [
                *python, "audit.console", "--home", home, "--run", str(run),
                "--port", str(self.ports["console"]), *pair,
            ],
        }  # fmt: skip

    def start(self) -> None:
        """Start the five programs, the recorder first, and wait until each has said that it is ready."""
        for name in self.commands():
            started = self.launch(name)
            if name == "recorder":
                started.manager.wait_for("READY=1", within_s=READY_S, process=started.process)
        self._state_of_engine()
        for name in sorted(TELLING):
            started = self.started[name]
            started.manager.wait_for("READY=1", within_s=READY_S, process=started.process)

    def launch(self, name: ProgramName, *, watchdog_s: float = 2.0) -> Started:
        """Start one program as its user."""
        log = self.root / f"{name}.log"
        manager = ServiceManager(self.root / f"{name}.notify")
        credentials = {"CREDENTIALS_DIRECTORY": str(self.root / "credentials" / name)}
        with log.open("wb") as output:
            process = subprocess.Popen(
                as_user(USERS[name], GROUPS[name], *self.commands()[name]),
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                umask=0o007 if name == "engine" else 0o077,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "PYTHONPATH": str(CHECKOUT),
                    **credentials,
                    **manager.environment(watchdog_s=watchdog_s),
                },
            )
        self.started[name] = Started(process=process, log=log, manager=manager)
        return self.started[name]

    def stop(self) -> None:
        """Stop what runs, the last first."""
        for name in reversed(list(self.started)):
            started = self.started.pop(name)
            with started.manager:
                started.stop()

    def command(self, *words: str) -> Done:
        """Run an ``appliance`` command as root, in this process: seven interpreters would take longer than the rest."""
        return run(*words, home=self.home)

    def add_client(self, name: str, task: str) -> str:
        """Register a client as the operator would, and return its key."""
        done = self.command("client", "add", name, "--task", task, "--json")
        assert done.code == 0, done.err
        return str(done.json()["key"])

    def http(self, key: str = "") -> httpx.Client:
        """Return a caller that trusts the hospital's authority and knows the gateway by its name."""
        trust = ssl.create_default_context(cafile=str(self.authority.path))
        url = f"https://127.0.0.1:{self.ports['gateway']}"
        headers = {"Host": HOSTNAME, **({"Authorization": f"Bearer {key}"} if key else {})}
        client = httpx.Client(base_url=url, headers=headers, verify=trust, timeout=READY_S, trust_env=False)
        client.event_hooks["request"] = [lambda request: request.extensions.update(sni_hostname=HOSTNAME)]
        return client

    def logs(self) -> str:
        """Return what the programs wrote."""
        return "\n".join(f"--- {path}\n{path.read_text(errors='replace')}" for path in self.root.glob("*.log"))

    def _state_of_engine(self) -> None:
        """Write what the engine's sentinel writes."""
        state = self.config.engine_state
        state.write_text(json.dumps({"state": "running", "detail": "", "pid": self.started["engine"].process.pid}))
        state.chmod(0o640)
        os.chown(state, USERS["engine"], USERS["engine"])


@contextmanager
def a_site() -> Iterator[Site]:
    """Lay out a site as the installer does, stop what was started on it, and remove it."""
    root = Path(tempfile.mkdtemp(prefix="site-"))
    root.chmod(0o755)
    site = _laid_out(root)
    try:
        yield site
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            site.stop()
        shutil.rmtree(root)


def _laid_out(root: Path) -> Site:
    home = root / "home"
    home.mkdir(mode=0o755)
    copy_policies(root / "policies")
    _pin_model(root / "model")
    (root / "etc").mkdir()
    (root / "ca").mkdir()
    site = Site(
        root=root,
        authority=Authority.make(root / "ca"),
        ports={name: _free_port() for name in ("gateway", "console", "metrics")},
    )
    _open_for_all(root / "policies", root / "model", root / "ca" / "ca.pem")
    (home / "appliance.yaml").write_text(yaml.safe_dump(_settings(site)))
    (home / "trail.yaml").write_text(yaml.safe_dump({"policies": str(root / "policies")}))
    for name in ("appliance.yaml", "trail.yaml"):
        (home / name).chmod(0o644)
    _folders(site)
    _certificates(site)
    return site


def _pin_model(folder: Path) -> None:
    """Pin a folder in a model's layout, with a tokenizer that really counts words."""
    weights_folder(folder)
    (folder / "config.json").write_text(config(max_position_embeddings=8192))
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.save(str(folder / "tokenizer.json"))
    pin(folder, STATEMENT, now=datetime.now(UTC))


def _settings(site: Site) -> dict[str, object]:
    return {
        "site": {
            "users": dict(USERS), "run": str(site.root / "run"), "etc": str(site.root / "etc"), "hostname": HOSTNAME,
        },
        "port": site.ports["gateway"],
        "console_port": site.ports["console"],
        "metrics_port": site.ports["metrics"],
        "policies": str(site.root / "policies"),
        "engine": {"model": str(site.root / "model")},
    }  # fmt: skip


def _folders(site: Site) -> None:
    """Make each program's folders with the owners and modes of the installer."""
    home, run = site.home, site.root / "run"
    run.mkdir()
    for name, user in USERS.items():
        _make(run / f"appliance-{name}", user, user, 0o750)
    for name in ("gateway", "broker", "engine"):
        _make(home / name, USERS[name], USERS[name], 0o700)
    cached = [*(CHECKOUT / "var" / "cache").glob("icd10cm-*.sqlite")]
    if cached:  # else the gateway builds its table, which takes some seconds
        _make(home / "gateway" / "cache", USERS["gateway"], USERS["gateway"], 0o700)
    for table in cached:
        shutil.copy(table, home / "gateway" / "cache")
        os.chown(home / "gateway" / "cache" / table.name, USERS["gateway"], USERS["gateway"])
    _make(home / "exclusions", 0, USERS["gateway"], 0o750)
    _make(home / "approvals", USERS["console"], USERS["console"], 0o755)
    _make(home / "witness", USERS["recorder"], USERS["recorder"], 0o750)
    new_trail(home, now=datetime.now(UTC))
    _give(home / "audit", USERS["recorder"], 0o750)
    _give(home / "custodian", USERS["console"], 0o700)
    for public in ("trail.json", "verifier.keys"):
        if (home / "audit" / public).exists():
            (home / "audit" / public).chmod(0o640)


def _certificates(site: Site) -> None:
    """Issue the pairs of gateway and console: root's, and a copy for each unit as systemd makes it."""
    tls = site.root / "etc" / "tls"
    _make(tls, 0, 0, 0o700)
    _make(site.root / "etc" / "credentials", 0, 0, 0o700)
    for name in ("gateway", "console"):
        files = site.authority.issue(name, host=HOSTNAME)
        folder = site.root / "credentials" / name
        folder.mkdir(parents=True)
        for file, ending in zip(files, ("crt", "key"), strict=True):
            shutil.copy(file, tls / f"{name}.{ending}")
            (tls / f"{name}.{ending}").chmod(0o600)
            shutil.copy(file, folder / f"{name}.{ending}")
            (folder / f"{name}.{ending}").chmod(0o400)
        _give(folder, USERS[name], 0o500)  # type: ignore[index]
    (site.root / "ca").chmod(0o755)


def _make(folder: Path, user: int, group: int, mode: int) -> None:
    folder.mkdir()
    os.chown(folder, user, group)
    folder.chmod(mode)


def _give(folder: Path, user: int, mode: int) -> None:
    """Give a whole folder to a user."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user)
    folder.chmod(mode)


def _open_for_all(*paths: Path) -> None:
    for path in paths:
        for each in (path, *(path.rglob("*") if path.is_dir() else ())):
            each.chmod(0o755 if each.is_dir() else 0o644)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
