"""Engine calls and their parts, as tests need them."""

from typing import Any

from appliance.clinical_text import ClinicalText
from appliance.engine.messages import EngineCall
from appliance.exchange import Actor, Message, Sampling

SALT = "s" * 43


def turn(text: str, *, role: str = "user") -> Message:
    """Return one turn of a conversation."""
    return Message(role=role, content=ClinicalText(text))


def engine_call(text: str = "Summarise the visit.", **parts: Any) -> EngineCall:
    """Return a call with one user turn."""
    settings: dict[str, Any] = {"sampling": Sampling(max_tokens=64, temperature=0.0), "cache_salt": SALT, **parts}
    return EngineCall(messages=(turn(text),), **settings)


def actor(client_id: str = "client_1", tenant: str = "sandbox") -> Actor:
    """Return an authenticated caller."""
    return Actor(client_id=client_id, name="test", tenant=tenant, roles=frozenset(), tasks=frozenset())
