"""How the register names a stand-in: as a sandbox provider on loopback, with an agreement that everything is under."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from appliance.policy.register import Endpoint, Provider, Service
from tests.support.registers import a_model, a_provider

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


def a_stand_ins_provider(service: Service, endpoint: Endpoint, changes: Mapping[str, Any]) -> Provider:
    """Return the register's entry of a stand-in, with some of its fields changed."""
    profile = PROFILES[service]
    told: dict[str, Any] = {
        "name": "stand-in",
        "service": service,
        "recipient": "Stand-in of a provider, on this machine",
        "recipient_address": "This machine",
        "endpoint": endpoint,
        "api_version": profile.api_version,
        "models": (a_model(name=profile.model, deployment=profile.deployment),),
        "credential": "stand-in",
        "sandbox": True,
    }
    return a_provider(**{**told, **changes})
