"""Managed providers and agreements as values, and the policy files that say the same."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.exchange import DataClass, Purpose
from appliance.policy.folder import read_folder
from appliance.policy.providers import read_register
from appliance.policy.register import Agreement, Ceilings, Endpoint, ManagedModel, Provider, Register, Service
from appliance.policy.task import TaskPolicy

EFFECTIVE = datetime(2020, 1, 1, tzinfo=UTC)
"""When `an_agreement` begins: long before any test runs."""

EXPIRES = datetime(2099, 1, 1, tzinfo=UTC)
"""When it ends: long after."""


@cache
def a_ca_pem(name: str = "Example Cloud CA", *, expires: datetime = EXPIRES) -> str:
    """Return the certificate of an authority that signs nothing, as a pin."""
    return _certificate(name, expires, x509.BasicConstraints(ca=True, path_length=None))


@cache
def a_leaf_pem(*, constrained: bool = True) -> str:
    """Return the certificate of a server, which is no authority's, and which may not even say so."""
    return _certificate("leaf", EXPIRES, x509.BasicConstraints(ca=False, path_length=None) if constrained else None)


def _certificate(name: str, expires: datetime, constraints: x509.BasicConstraints | None) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(EFFECTIVE, expires - timedelta(days=1)))
        .not_valid_after(expires)
    )
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


CASES, EDITED = 400, 80
"""Measured evidence for a tenant that is no sandbox: 20 % of the managed drafts were edited."""


def an_endpoint(**changes: Any) -> Endpoint:
    """Return a place outside that nothing answers at (RFC 5737), changed as asked."""
    told: dict[str, Any] = {
        "host": "api.cloud.example",
        "port": 443,
        "addresses": ("203.0.113.0/24",),
        "ca_pem": a_ca_pem(),
    }
    return Endpoint(**{**told, **changes})


def a_model(**changes: Any) -> ManagedModel:
    """Return a managed model, changed as asked."""
    told: dict[str, Any] = {
        "name": "frontier-2026-03-01",
        "context_tokens": 200_000,
        "input_usd_per_million": 3.0,
        "output_usd_per_million": 15.0,
    }
    return ManagedModel(**{**told, **changes})


def an_agreement(**changes: Any) -> Agreement:
    """Return an agreement in force that covers everything of `a_provider` for treatment, changed as asked."""
    told: dict[str, Any] = {
        "id": "BAA-2026-014",
        "parties": ("General Hospital", "Example Cloud Inc."),
        "document_sha256": "5" * 64,
        "effective": EFFECTIVE,
        "expires": EXPIRES,
        "services": frozenset({Service.ANTHROPIC_MESSAGES}),
        "regions": frozenset({"us-east-1"}),
        "models": frozenset(),
        "tasks": frozenset(),
        "purposes": frozenset({Purpose.TREATMENT}),
        "data_classes": frozenset({DataClass.PHI}),
        "retention": "Nothing is kept after the answer.",
        "training": "Nothing is trained on.",
        "notice_contact": "privacy@cloud.example",
    }
    return Agreement(**{**told, **changes})


def a_provider(**changes: Any) -> Provider:
    """Return a provider whose one agreement is in force, changed as asked.

    Another `service`, `region` or `recipient` changes the default agreement with it.
    """
    service, region = changes.get("service", Service.ANTHROPIC_MESSAGES), changes.get("region", "us-east-1")
    recipient = changes.get("recipient", "Example Cloud Inc.")
    scope = {"services": frozenset({service}), "regions": frozenset({region})}
    told: dict[str, Any] = {
        "name": "example-cloud",
        "service": service,
        "region": region,
        "recipient": recipient,
        "recipient_address": "1 Main Street, Springfield",
        "endpoint": an_endpoint(),
        "api_version": "2023-06-01",
        "models": (a_model(),),
        "credential": "example-cloud.key",
        "ceilings": Ceilings(),
        "agreements": (an_agreement(**scope, parties=("General Hospital", recipient)),),
    }
    return Provider(**{**told, **changes})


def a_sandbox_provider(**changes: Any) -> Provider:
    """Return a provider of the sandbox tenant, on loopback, changed as asked."""
    endpoint = an_endpoint(host="stand-in.example", port=8446, addresses=("127.0.0.1",))
    return a_provider(**{"name": "stand-in", "endpoint": endpoint, "sandbox": True, **changes})


def a_register(*providers: Provider) -> Register:
    """Return a register of these providers, or of `a_provider`."""
    return MappingProxyType({each.name: each for each in providers or (a_provider(),)})


def register_yaml(*providers: Provider, time_zone: str = "UTC") -> str:
    """Return ``policies/providers.yaml`` that says the same; the pins go beside it (`write_register`)."""
    hosts = {each.endpoint.host: _host(each) for each in providers}
    rows = [_row(each) for each in providers]
    return yaml.safe_dump({"time_zone": time_zone, "hosts": list(hosts.values()), "providers": rows}, sort_keys=False)


def write_register(policies: Path, *providers: Provider, time_zone: str = "UTC") -> Path:
    """Write register and pins into a copy of the policy folder, and return the folder."""
    (policies / "pins").mkdir(exist_ok=True)
    for each in providers:
        (policies / "pins" / _pin(each)).write_text(each.endpoint.ca_pem)
    (policies / "providers.yaml").write_text(register_yaml(*providers, time_zone=time_zone))
    return policies


def write_evidence(policies: Path, *providers: Provider, task: str = "discharge-summary") -> Path:
    """Add measured evidence of the providers' models, which meets the task's threshold, and return the folder."""
    stated = TaskPolicy.model_validate(yaml.safe_load((policies / "tasks" / f"{task}.yaml").read_text()))
    rows = [
        {
            "task": task,
            "route": "managed",
            "model_digest": provider.identity(model).digest,
            "prompt_version": stated.prompt_version,
            "cases": CASES,
            "edited": EDITED,
            "source": "Measured for this test.",
            "window": {"first": "2026-09-01", "last": "2026-10-31"},
        }
        for provider in providers
        for model in provider.models
    ]
    whole = yaml.safe_load((policies / "evidence.yaml").read_text())["evidence"]
    unlike = {row["model_digest"]: row for row in rows}
    kept = [row for row in whole if row.get("model_digest") not in unlike]
    evidence = {"evidence": [*kept, *unlike.values()]}
    (policies / "evidence.yaml").write_text(yaml.safe_dump(evidence, sort_keys=False))
    return policies


def read_back(policies: Path) -> Register:
    """Return the register of a folder as the whole bundle's loader gets it, without loading the rest."""
    folder = read_folder(policies)
    tasks = [Path(name).stem for name in folder.matching("tasks/.*")]
    return read_register("providers.yaml", folder.text("providers.yaml"), tasks=tasks, pins=folder.within("pins"))


def _pin(provider: Provider) -> str:
    return f"{provider.endpoint.host}.pem"


def _host(provider: Provider) -> Mapping[str, object]:
    endpoint = provider.endpoint
    return {
        "name": endpoint.host,
        "port": endpoint.port,
        "addresses": list(endpoint.addresses),
        "ca": _pin(provider),
        "spki_sha256": list(endpoint.spki_sha256),
    }


def _row(provider: Provider) -> Mapping[str, object]:
    return {
        "name": provider.name,
        "service": provider.service.value,
        "region": provider.region,
        "recipient": provider.recipient,
        "recipient_address": provider.recipient_address,
        "host": provider.endpoint.host,
        "api_version": provider.api_version,
        "credential": provider.credential,
        "sandbox": provider.sandbox,
        "models": [_model(each) for each in provider.models],
        "ceilings": {name: getattr(provider.ceilings, name) for name in Ceilings.__dataclass_fields__},
        "agreements": [_agreement(each) for each in provider.agreements],
    }


def _model(model: ManagedModel) -> Mapping[str, object]:
    return {name: getattr(model, name) for name in ManagedModel.__dataclass_fields__}


def _agreement(agreement: Agreement) -> Mapping[str, object]:
    scope = {"models": sorted(agreement.models), "tasks": sorted(agreement.tasks)}
    return {
        "id": agreement.id,
        "parties": list(agreement.parties),
        "document_sha256": agreement.document_sha256,
        "effective": agreement.effective.isoformat(),
        "expires": agreement.expires.isoformat(),
        "services": sorted(each.value for each in agreement.services),
        "regions": sorted(agreement.regions),
        **{name: names for name, names in scope.items() if names},
        "purposes": sorted(each.value for each in agreement.purposes),
        "data_classes": sorted(each.value for each in agreement.data_classes),
        "retention": agreement.retention,
        "training": agreement.training,
        "notice_contact": agreement.notice_contact,
    }
