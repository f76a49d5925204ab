"""How the register names a stand-in: as a sandbox provider on loopback, with an agreement that everything is under."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from appliance.exchange import DataClass, Purpose
from appliance.policy.register import Agreement, Ceilings, Endpoint, ManagedModel, Provider, Service
from tests.support.stand_ins.certificates import HOST

REGION = "us-east-1"
LOOPBACK = "127.0.0.1"
_API_KEY = "stand-in-key-of-no-worth-0123456789"
_AWS_KEY = (
    '{"access_key_id": "STANDINACCESSKEYID00", "secret_access_key": "stand-in-secret-of-no-worth-0123456789abcd",'
    ' "session_token": "stand-in-session-token"}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What differs between the services."""

    model: str
    deployment: str = ""
    api_version: str = ""
    credential: str = _API_KEY

    def asked_as(self) -> str:
        """Return how a request names the model."""
        return self.deployment or self.model


PROFILES: Mapping[Service, Profile] = {
    Service.ANTHROPIC_MESSAGES: Profile(model="claude-stand-in-1-20261101", api_version="2023-06-01"),
    Service.OPENAI_CHAT: Profile(model="gpt-stand-in-1-2026-11-01"),
    Service.OPENAI_RESPONSES: Profile(model="gpt-stand-in-1-2026-11-01"),
    Service.AZURE_OPENAI: Profile(
        model="gpt-stand-in-1-2026-11-01", deployment="summaries-east", api_version="2026-05-01-preview"
    ),
    Service.BEDROCK_CONVERSE: Profile(
        model="vendor.stand-in-1-v1:0", deployment="us.vendor.stand-in-1-v1:0", credential=_AWS_KEY
    ),
}


def a_stand_ins_provider(service: Service, *, port: int, ca_pem: str, changes: Mapping[str, Any]) -> Provider:
    """Return the register's entry of a stand-in, with some of its fields changed."""
    profile = PROFILES[service]
    model = ManagedModel(
        name=profile.model,
        deployment=profile.deployment,
        context_tokens=200_000,
        input_usd_per_million=3.0,
        output_usd_per_million=15.0,
    )
    provider = Provider(
        name="stand-in",
        service=service,
        region=REGION,
        recipient="Stand-in of a provider, on this machine",
        recipient_address="127.0.0.1",
        endpoint=Endpoint(host=HOST, port=port, addresses=(LOOPBACK,), ca_pem=ca_pem),
        api_version=profile.api_version,
        models=(model,),
        credential="stand-in",
        ceilings=Ceilings(),
        agreements=(_agreement(service),),
        sandbox=True,
    )
    return replace(provider, **changes)


def _agreement(service: Service) -> Agreement:
    return Agreement(
        id="SANDBOX-1",
        parties=("Example Hospital", "Stand-in of a provider"),
        document_sha256="5a" * 32,
        effective=datetime(2020, 1, 1, tzinfo=UTC),
        expires=datetime(2099, 1, 1, tzinfo=UTC),
        services=frozenset({service}),
        regions=frozenset({REGION}),
        models=frozenset(),
        tasks=frozenset(),
        purposes=frozenset(Purpose),
        data_classes=frozenset({DataClass.PHI}),
        retention="nothing is kept",
        training="never",
        notice_contact="nobody: this is a stand-in",
    )
