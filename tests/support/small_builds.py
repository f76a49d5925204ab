"""Everything a medium is built from, in the smallest form that is still real: a checkout under git, wheels, packages.

Nothing is fetched: the wheels and packages are made here, so a whole build takes about a second.
"""

import hashlib
import json
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from appliance.medium.apt import Package, Resolved
from appliance.medium.build import Order
from appliance.medium.environments import Environment
from appliance.medium.locks import Pinned
from appliance.medium.signing import Signer
from appliance.medium.source import read_source
from appliance.medium.suites import suite_named
from appliance.medium.wheels import Wheel
from appliance.models.pin import pin
from tests.support.model_folders import NOW, STATEMENT, weights_folder

BOOKWORM = suite_named("bookworm")

BUILT_AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

BACKEND = """\
import zipfile
METADATA = "Metadata-Version: 2.1\\nName: own\\nVersion: %s\\n"
def build_wheel(directory, config_settings=None, metadata_directory=None):
    version = [line.split('"')[1] for line in open("pyproject.toml") if line.startswith("version")][0]
    name = f"own-{version}-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("own/__init__.py"), "")
        info = f"own-{version}.dist-info"
        wheel.writestr(zipfile.ZipInfo(f"{info}/METADATA"), METADATA % version)
        wheel.writestr(zipfile.ZipInfo(f"{info}/WHEEL"), "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(zipfile.ZipInfo(f"{info}/RECORD"), "")
    return name
"""
"""Makes our own wheel without setuptools, which would have to be fetched."""

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["appliance"]
[project]
name = "own"
version = "1.0.0"
"""


def small_checkout(folder: Path, guard: bytes = b"names") -> Path:
    """Make a repository with one commit."""
    files = {
        "pyproject.toml": PYPROJECT,
        "README.md": "read me",
        "appliance/backend.py": BACKEND,
        "appliance/medium/verify.py": "#!/usr/bin/env python3\n",
        "appliance/phi/models.json": json.dumps({"files": {"names": {"sha256": hashlib.sha256(guard).hexdigest()}}}),
        "ansible/site.yml": "---\n",
        "ansible/medium/install": "#!/bin/sh\n",
        "ansible/medium/packages.yml": "all: [hello]\ngpu: [driver=1.0]\n",
        "policies/tasks.cedar": "",
        "gateway.lock": "# written\n",
        "tests/test_x.py": "",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "ansible/medium/install").chmod(0o755)
    (folder / "ansible/link.yml").symlink_to("site.yml")
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "First"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    (folder / "untracked-secret").write_text("never on a medium")
    return folder


def small_wheel(folder: Path, name: str, *, licence: str = "License-Expression: MIT") -> Wheel:
    """Make a wheel of nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as content:
        content.writestr(f"{name}-1.0.dist-info/METADATA", f"Name: {name}\nVersion: 1.0\n{licence}\n")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return Wheel(pinned=Pinned(name=name, version="1.0", digests=frozenset({sha256})), file=file, sha256=sha256)


def small_package(folder: Path) -> Package:
    """Make a package of nothing."""
    root = folder / "root"
    (root / "DEBIAN").mkdir(parents=True, exist_ok=True)
    control = "Package: hello\nVersion: 1:2.0\nArchitecture: amd64\nMaintainer: x <x@example.org>\nDescription: x\n"
    (root / "DEBIAN" / "control").write_text(control)
    file = folder / "hello_1%3a2.0_amd64.deb"
    subprocess.run(["dpkg-deb", "--build", str(root), str(file)], check=True, capture_output=True)  # noqa: S607
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return Package(name="hello", version="1:2.0", architecture="amd64", file=file, sha256=sha256, asked=True)


def small_order(folder: Path, signer: Signer, *, label: str | None = None) -> Order:
    """Return an order for a medium of one release, with one wheel an environment, one package and one model."""
    checkout = folder / "checkout"
    if not checkout.exists():
        small_checkout(checkout)
        pin(weights_folder(folder / "model"), STATEMENT, now=NOW)
        (folder / "guard").mkdir()
        (folder / "guard" / "names").write_bytes(b"names")
        small_package(folder / "debs")
        small_wheel(folder / "wheels", "setuptools")
    setuptools = small_wheel(folder / "wheels", "setuptools")
    package = small_package(folder / "debs")
    environments = (
        Environment(name="gateway", locks=("gateway.lock",), wheels=(setuptools,)),
        Environment(name="engine-cpu", locks=("engine.lock",), wheels=(setuptools,)),
    )
    return Order(
        export=read_source(checkout, label=label),
        suites=(BOOKWORM,),
        engines=("cpu",),
        models=(folder / "model",),
        guard=folder / "guard",
        signer=signer,
        resolve=lambda _: Resolved(packages=(package,), unknown=("driver",)),
        environments=lambda _: environments,
    )
