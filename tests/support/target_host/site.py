"""A hospital as its administrator writes it down: certificates, policy, networks, one managed provider under agreement.

    site = Site.make(folder, medium)
    controller = Controller(world=outside, hosts=[host], folder=..., variables=site.variables)
    with site.vendor(outside) as stand_in:
        ...

The provider is a stand-in at the address `world.VENDOR`, which the policy pins with its authority.
"""

import hashlib
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from appliance.policy.register import Endpoint, Provider, Service
from appliance.policy.task import TaskPolicy
from tests.support.escalating_appliance import TASK as MANAGED
from tests.support.escalating_appliance import managed_policies
from tests.support.registers import CASES, EDITED, an_agreement
from tests.support.stand_ins import StandIn
from tests.support.stand_ins.certificates import OTHER_HOST, Certificates
from tests.support.stand_ins.registration import PROFILES, a_stand_ins_provider
from tests.support.target_host.medium import MODEL, Medium
from tests.support.target_host.world import NETWORK, VENDOR, World
from tests.support.threaded_stand_in import threaded_stand_in
from tests.support.witnesses import Authority

HOSTNAME = "appliance.clinic.test"
"""The name in the hospital's certificates; nothing resolves it, so callers pin the address."""

TENANT = "clinic"
VENDOR_HOST = "api.vendor.test"
SERVICE = Service.ANTHROPIC_MESSAGES
CREDENTIAL = "vendor.key"

LOCAL_TASK, MANAGED_TASK = "document-classification", MANAGED
"""A task that stays in the house, and one that may leave it for this site's provider; both on measured evidence."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One hospital; its files stay in its folder, so that a host that was made for it can be booted another time."""

    folder: Path
    medium: Medium

    @classmethod
    def make(cls, folder: Path, medium: Medium) -> "Site":
        """Write everything into a folder that is empty."""
        site = cls(folder=folder, medium=medium)
        hospital, vendor = folder / "hospital", folder / "vendor"
        for each in (hospital, vendor):
            each.mkdir(parents=True)
        authority = Authority.make(hospital)
        for name in ("gateway", "console"):
            authority.issue(name, host=HOSTNAME)
        outside = Authority.make(vendor)
        outside.issue("right", host=VENDOR_HOST)
        outside.issue("wrong", host=OTHER_HOST)
        site._measure(managed_policies(folder / "policies", site.provider))
        return site

    def _measure(self, policies: Path) -> None:
        """Add evidence of the local model for the task that stays in the house; without any it would be refused."""
        task = TaskPolicy.model_validate(yaml.safe_load((policies / "tasks" / f"{LOCAL_TASK}.yaml").read_text()))
        row = {
            "task": LOCAL_TASK,
            "route": "local",
            "model_digest": json.loads((self.medium.folder / "MEDIUM.json").read_text())["models"][MODEL],
            "prompt_version": task.prompt_version,
            "cases": CASES,
            "edited": EDITED // 4,
            "source": "Measured for this test.",
            "window": {"first": "2026-09-01", "last": "2026-10-31"},
        }
        evidence = policies / "evidence.yaml"
        rows = [*yaml.safe_load(evidence.read_text())["evidence"], row]
        evidence.write_text(yaml.safe_dump({"evidence": rows}, sort_keys=False))

    @property
    def variables(self) -> dict[str, Any]:
        """Return the site's variables, as its inventory would hold them."""
        lan = [f"{NETWORK}.0/24"]
        certificates = {
            name: {part: str(self.hospital / f"{name}.{ending}") for part, ending in _FILES.items()}
            for name in ("gateway", "console")
        }
        return {
            "appliance_medium_key": str(self.medium.key),
            "appliance_profile": "cpu",
            "appliance_tenant": TENANT,
            "appliance_hostname": HOSTNAME,
            "appliance_model": MODEL,
            "appliance_client_networks": lan,
            "appliance_officer_networks": lan,
            "appliance_admin_networks": lan,
            "appliance_tls": certificates,
            "appliance_policies": str(self.folder / "policies"),
            "appliance_provider_credentials": {CREDENTIAL: PROFILES[SERVICE].credential},
        }

    @property
    def hospital(self) -> Path:
        """Folder of the hospital's authority and of what it issued."""
        return self.folder / "hospital"

    @cached_property
    def provider(self) -> Provider:
        """The register's one entry."""
        endpoint = Endpoint(
            host=VENDOR_HOST, port=443, addresses=(VENDOR,), ca_pem=(self.folder / "vendor/ca.pem").read_text()
        )
        agreement = an_agreement(parties=("General Hospital", "Vendor"), services=frozenset({SERVICE}))
        changes = {
            "name": "vendor", "recipient": "Vendor", "credential": CREDENTIAL, "sandbox": False,
            "agreements": (agreement,),
        }  # fmt: skip
        return a_stand_ins_provider(SERVICE, endpoint, changes)

    def trust(self) -> ssl.SSLContext:
        """Return what a caller trusts: the hospital's authority alone."""
        return ssl.create_default_context(cafile=str(self.hospital / "ca.pem"))

    @contextmanager
    def vendor(self, outside: World) -> Iterator[StandIn]:
        """Let the managed API answer at its pinned address, until the end."""
        folder = self.folder / "vendor"
        contexts = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in ("right", "wrong")}
        for name, context in contexts.items():
            context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        certificates = Certificates(ca_pem=self.provider.endpoint.ca_pem, spki_sha256="", **contexts)
        settings = {"address": VENDOR, "port": 443, "host": VENDOR_HOST, "certificates": certificates}
        with threaded_stand_in(SERVICE, namespace=outside.net, **settings) as stand_in:
            yield stand_in

    @property
    def digest(self) -> str:
        """Return the digest of everything that was written down."""
        files = sorted(file for file in self.folder.rglob("*") if file.is_file())
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


_FILES = {"certificate": "pem", "key": "key"}
