"""The bill of materials: every component on a medium, in CycloneDX 1.6, a file for each environment and release.

Each names version, origin as a package URL, digest and licence where the component states one, so that a hospital's
scanner can compare it with advisories.  Written from what was fetched and proven, never from what was asked for.  The
form is held by the reference validator in the tests.
"""

import json
import re
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from email.parser import HeaderParser
from urllib.parse import quote

from appliance.medium.apt import Package
from appliance.medium.environments import Environment
from appliance.medium.suites import Suite
from appliance.medium.wheels import Wheel

Component = Mapping[str, object]
"""One entry of a bill, as CycloneDX writes it."""

SPDX = re.compile(r"[A-Za-z0-9.+()-]+( (AND|OR|WITH) [A-Za-z0-9.+()-]+)*")
"""What may stand as a licence expression; anything else is only a name."""

MAX_LICENCE = 200
"""Some packages put the licence's whole text in this place."""


def bill(subject: str, *, version: str, built_at: str, components: Iterable[Component]) -> bytes:
    """Return one bill; the same content has the same serial number."""
    listed = sorted(components, key=lambda item: str(item["bom-ref"]))
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": built_at,
            "component": {
                "type": "application",
                "bom-ref": f"appliance/{subject}",
                "name": f"clinical-inference-appliance {subject}",
                "version": version,
            },
        },
        "components": listed,
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    return (json.dumps({**body, "serialNumber": f"urn:uuid:{serial}"}, indent=1, sort_keys=True) + "\n").encode()


def of_wheels(environment: Environment) -> list[Component]:
    """Return the components of one environment."""
    return [_of_wheel(wheel) for wheel in environment.wheels]


def of_packages(packages: Iterable[Package], suite: Suite) -> list[Component]:
    """Return the components of one release's repository."""
    components: list[Component] = []
    for package in packages:
        where = f"arch={package.architecture}&distro={suite.name}"
        address = f"pkg:deb/{suite.distribution}/{quote(package.name)}@{quote(package.version)}?{where}"
        components.append(_component(package.name, package.version, address=address, sha256=package.sha256))
    return components


def of_models(models: Mapping[str, str], licences: Mapping[str, str]) -> list[Component]:
    """Return the weights, each by the digest of its manifest."""
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"model/{name}",
            "name": name,
            "version": digest,
            "hashes": [{"alg": "SHA-256", "content": digest}],
            "licenses": _licences(licences.get(name, "")),
        }
        for name, digest in models.items()
    ]


def _of_wheel(wheel: Wheel) -> Component:
    pinned = wheel.pinned
    address = f"pkg:pypi/{pinned.name}@{quote(pinned.version)}"
    component = _component(pinned.name, pinned.version, address=address, sha256=wheel.sha256)
    stated = _licences(_stated_licence(wheel))
    return {**component, "licenses": stated} if stated else component


def _component(name: str, version: str, *, address: str, sha256: str) -> dict[str, object]:
    return {
        "type": "library",
        "bom-ref": address,
        "name": name,
        "version": version,
        "purl": address,
        "hashes": [{"alg": "SHA-256", "content": sha256}],
    }


def _stated_licence(wheel: Wheel) -> str:
    with zipfile.ZipFile(wheel.file) as content:
        name = next((item for item in content.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", item)), None)
        if name is None:
            return ""
        head = HeaderParser().parsestr(content.read(name).decode(errors="replace"))
    return str(head.get("License-Expression") or head.get("License") or "").strip()


def _licences(stated: str) -> list[Mapping[str, object]]:
    if not stated or len(stated) > MAX_LICENCE or "\n" in stated:
        return []
    if SPDX.fullmatch(stated) and " " in stated:
        return [{"expression": stated}]
    return [{"license": {"name": stated}}]
