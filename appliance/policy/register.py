"""The register of managed providers as checked values: who, where, which models, and under which agreement until when.

`providers` reads ``policies/providers.yaml`` into these; router, broker and commands ask them.  45 CFR 164.504(e):
a business associate gets patient data under a written agreement only, and only for what that agreement covers.  Pure:
the moment is handed in, so an agreement ends by itself in the middle of a day.  Nothing here holds a secret, only the
name of the file that does.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from appliance.clock import Moment
from appliance.exchange import DataClass, ModelIdentity, Purpose

_UP_TO = {one: frozenset(each for each in DataClass if each.rank() <= one.rank()) for one in DataClass}
"""Each class with those below it.  An agreement must name them all: whoever raises the class of a request must never
fall under one that it was not under before."""


class Service(StrEnum):
    """The wire formats that the broker speaks, each by its vendor's own SDK."""

    ANTHROPIC_MESSAGES = "anthropic-messages"
    OPENAI_CHAT = "openai-chat"
    OPENAI_RESPONSES = "openai-responses"
    AZURE_OPENAI = "azure-openai"
    BEDROCK_CONVERSE = "bedrock-converse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The one place that a provider is reached at; a name alone opens nothing."""

    host: str
    """Name in the certificate, lower case; what TLS checks."""

    port: int
    addresses: tuple[str, ...]
    """IP addresses and CIDR ranges that the host may have; the firewall is made from them."""

    ca_pem: str
    """The only certificates that may vouch for the host; the machine's own list is not looked at."""

    spki_sha256: tuple[str, ...] = ()
    """If any: SHA-256 of the leaf's SubjectPublicKeyInfo, 64 hex digits each; one must match (RFC 7469 2.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedModel:
    """One model of a provider, as it is asked for."""

    name: str
    """The vendor's own id with its date or version; on Azure what the deployment holds."""

    deployment: str = ""
    """Azure's deployment or Bedrock's inference profile; empty where the name itself is asked for."""

    context_tokens: int
    input_usd_per_million: float
    output_usd_per_million: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """Bounds of the broker on one provider; reached, the route closes until there is room again."""

    concurrent: int = 8
    requests_per_minute: int = 60
    usd_per_day: float = 50.0
    """UTC days; counted by the prices in the register, before the call at the longest answer asked for."""

    answer_bytes: int = 8 * 1024 * 1024
    first_byte_s: float = 60.0
    total_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One business associate agreement and what it covers."""

    id: str
    """The hospital's contract number; every disclosure record names it."""

    parties: tuple[str, ...]
    document_sha256: str
    """Of the signed document, 64 hex digits, so that nobody argues which text was meant."""

    effective: datetime
    """First moment in force, with a zone."""

    expires: datetime
    """First moment no longer in force, with a zone."""

    services: frozenset[Service]
    regions: frozenset[str]
    models: frozenset[str]
    """Names of models; empty covers every model that the provider entry lists."""

    tasks: frozenset[str]
    """Names of tasks; empty covers every task."""

    purposes: frozenset[Purpose]
    data_classes: frozenset[DataClass]
    retention: str
    """What the provider keeps and how long, in the agreement's words."""

    training: str
    """Whether it may learn from what it gets, in the agreement's words."""

    notice_contact: str
    """Whom to tell, and who tells us, of a breach (45 CFR 164.410)."""

    def in_force(self, moment: Moment) -> bool:
        """Say whether it is in force, however the clock may have jumped: both of its readings must lie inside."""
        return self.effective <= moment.earliest and moment.latest < self.expires

    def covers(self, provider: "Provider", model: ManagedModel, use: "Use") -> bool:
        """Say whether this service, region, model and use are in its scope, whatever the day."""
        return (
            provider.service in self.services
            and provider.region in self.regions
            and (not self.models or model.name in self.models)
            and (not self.tasks or use.task in self.tasks)
            and use.purpose in self.purposes
            and _UP_TO[use.data_class] <= self.data_classes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What somebody wants a provider for."""

    task: str
    purpose: Purpose
    data_class: DataClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One entry of the register."""

    name: str
    service: Service
    region: str
    recipient: str
    """Legal name for the accounting of disclosures (45 CFR 164.528(b)(2)(ii))."""

    recipient_address: str
    endpoint: Endpoint
    api_version: str = ""
    """Where the wire format has dated versions: Azure's ``api-version``, Anthropic's ``anthropic-version``."""

    models: tuple[ManagedModel, ...]
    credential: str
    """Name of the file in the broker's credential folder; never the secret."""

    ceilings: Ceilings = field(default_factory=Ceilings)
    agreements: tuple[Agreement, ...]
    """In order of their periods, without a gap and without an overlap."""

    sandbox: bool = False
    """A stand-in for demonstrations: on loopback, for the tenant ``sandbox``, and marked everywhere."""

    def model(self, name: str) -> ManagedModel | None:
        """Return the model of this name."""
        return next((model for model in self.models if model.name == name), None)

    def identity(self, model: ManagedModel) -> ModelIdentity:
        """Return what evidence and records call the model: its weights cannot be weighed, so its stated identity."""
        stated = [self.service.value, model.name, model.deployment, self.region, self.api_version]
        digest = hashlib.sha256(json.dumps(stated, separators=(",", ":")).encode()).hexdigest()
        name = f"SANDBOX-{model.name}" if self.sandbox else model.name
        return ModelIdentity(name=name, digest=digest, pinned=False)

    def agreement(self, model: ManagedModel, use: Use, moment: Moment) -> Agreement | None:
        """Return the agreement in force that covers this service, region, model and use, if there is one."""
        return next((each for each in self.agreements if each.in_force(moment) and each.covers(self, model, use)), None)

    def closed(self, model: ManagedModel, use: Use, moment: Moment) -> str:
        """Say in a clause without its full stop why no agreement covers this now; empty if one does."""
        if self.agreement(model, use, moment) is not None:
            return ""
        running = [each for each in self.agreements if each.in_force(moment)]
        if running:
            named = f"agreement {running[0].id} with {self.recipient}"
            return f"{named} does not cover this model, task, purpose or data class"
        last = max(self.agreements, key=lambda each: each.expires, default=None)
        if last is None:
            return f"there is no agreement with {self.recipient}"
        if last.expires <= moment.latest:
            return f"agreement {last.id} with {self.recipient} expired at {last.expires.isoformat()}"
        return f"no agreement with {self.recipient} is in force yet"


Register = Mapping[str, Provider]
"""Every provider by name."""


def models_of(register: Register) -> Iterator[tuple[Provider, ManagedModel]]:
    """Yield every model of every provider."""
    for provider in register.values():
        for model in provider.models:
            yield provider, model
