"""What is wrong with a site is found before anything is changed, all at once, each finding with what to do.

One server in which everything is wrong is looked at once; each test is one of the findings.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.target_host import Controller, Played, TargetHost, World
from tests.support.target_host.converged import PLACE
from tests.support.target_host.medium import MODEL, Medium
from tests.support.target_host.site import HOSTNAME, Site
from tests.support.witnesses import Authority

SUPPORT = Path(__file__).parents[1] / "support/target_host"

LISTENS = "import socket, time; server = socket.create_server(('0.0.0.0', 8443)); time.sleep(600)"


@pytest.fixture(scope="module")
def played(outside: World, suite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("bad")
    broken = _medium_with_other_weights(folder / "medium")
    (folder / "key.gpg").write_bytes(b"a key")
    site = Site.make(folder / "site", Medium(folder=broken, key=folder / "key.gpg", digest=""))
    with outside.host("bad", suite=suite) as host:
        host.binds[PLACE] = broken
        host.boot()
        _spoil(host, folder)
        variables = {**site.variables, **_bad_variables(folder)}
        controller = Controller(world=outside, hosts=[host], folder=folder / "controller", variables=variables)
        host.write("/root/before", "")
        yield controller.play(options=["--tags", "validate"])
        looked = ("/etc", "/opt", "/usr", "/var/lib")
        left = host.exec("find", *looked, "-newer", "/root/before", "-type", "f", check=False).output
        assert left == "", "validate changed something"


def _spoil(host: TargetHost, folder: Path) -> None:
    host.write("/etc/os-release", 'ID=debian\nVERSION_ID="11"\nVERSION_CODENAME=bullseye\nNAME="Debian GNU/Linux"\n')
    host.exec("useradd", "--system", "--uid", "861", "stranger")
    host.exec("systemd-run", "--unit=squatter", "python3", "-c", LISTENS)
    ahead = folder / "hour_ahead.so"
    compiler = shutil.which("cc") or "cc"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", ahead, SUPPORT / "hour_ahead.c"], check=True)
    host.copy(ahead, "/usr/local/lib/hour_ahead.so", mode="0755")
    host.write("/etc/ld.so.preload", "/usr/local/lib/hour_ahead.so\n")


def _bad_variables(folder: Path) -> dict[str, Any]:
    other = Authority.make(folder, "other")
    expired = other.issue("expired", host=HOSTNAME, days=(-20, -3))
    elsewhere = other.issue("elsewhere", host="another.clinic.test")
    (folder / "policies").mkdir()
    (folder / "policies" / "roles.yaml").write_text("roles: [\n")
    tls = {
        "gateway": {"certificate": str(expired[0]), "key": str(elsewhere[1])},
        "console": {"certificate": str(elsewhere[0]), "key": str(elsewhere[1])},
    }
    return {
        "appliance_tls": tls,
        "appliance_policies": str(folder / "policies"),
        "appliance_profile": "a100x2",
        "appliance_ntp_servers": ["ntp.clinic.test"],
        "appliance_admin_networks": ["172.16.9.0/24"],
        "appliance_client_networks": ["10.231.7.0/24", "0.0.0.0/0"],
    }


def _medium_with_other_weights(folder: Path) -> Path:
    """Write what is looked at of a medium for Debian 12 and no GPU, with a model that lost a byte."""
    model = folder / "models" / MODEL
    model.mkdir(parents=True)
    contents = {
        "format": 1,
        "version": "0.1.0",
        "engines": ["cpu"],
        "suites": {"bookworm": {}},
        "models": {MODEL: "0" * 64},
    }
    (folder / "MEDIUM.json").write_text(json.dumps(contents))
    manifest = {"files": {"model.safetensors": {"size": 1000, "sha256": "0" * 64}}}
    (model / "manifest.json").write_text(json.dumps(manifest))
    (model / "model.safetensors").write_bytes(bytes(999))
    return folder


FINDINGS = {
    "the wrong system": "This is debian 11; the medium is made for",
    "too little memory": "this profile needs 128",
    "too little disk": "has .* GiB free, and .* are needed",
    "a clock that is off by an hour": "The clock is 3[56].. s ahead of the controller's",
    "no GPU": "There is no GPU, and profile a100x2 needs 2",
    "a medium without the engine": "The medium holds no engine for profile a100x2",
    "weights that do not match": "bytes and not the .* of its manifest",
    "an expired certificate": "expired.pem expired on",
    "a certificate for another name": f"elsewhere.pem is not made out to '{HOSTNAME}'",
    "a key that does not fit": "elsewhere.key does not fit .*expired.pem",
    "a policy that does not load": "roles.yaml.* cannot be read as YAML",
    "a port in use": "Port 8443 is in use by 'python3'",
    "a user number of somebody else": "The user number 861 belongs to 'stranger'",
    "a name where an address is needed": "'ntp.clinic.test' is no IP address",
    "networks that would lock the operator out": "This play comes from 10.231.7.1",
    "the whole world as a network": "0.0.0.0/0 is the whole world",
}


def test_it_stops_before_anything_is_changed(played: Played) -> None:
    assert played.code == 2, played.text
    assert played.changed == []
    assert played.failed == ["validate: Stop at what must be mended first"], played.text


@pytest.mark.parametrize("finding", FINDINGS)
def test_it_finds(played: Played, finding: str) -> None:
    assert _found(played, FINDINGS[finding]), played.text


def _found(played: Played, pattern: str) -> bool:
    """Look in what it printed, whose lines are folded."""
    return re.search(pattern, re.sub(r"\s+", " ", played.output)) is not None
