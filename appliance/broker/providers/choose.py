"""Says which adapter speaks a provider's wire format; the one module that knows all of them.

It loads the vendors' SDKs, which takes seconds, so the types of `adapter` and `ask` stand apart.
"""

from typing import assert_never

from appliance.broker.egress import Egress
from appliance.broker.providers.adapter import Adapter
from appliance.broker.providers.anthropic_messages import MessagesSpeech
from appliance.broker.providers.bedrock_converse import BedrockConverse
from appliance.broker.providers.openai import AzureSpeech, ChatSpeech, ResponsesSpeech
from appliance.broker.providers.sdk_adapter import SdkAdapter
from appliance.policy.register import Provider, Service


def adapter_for(provider: Provider) -> Adapter:
    """Return the adapter of this provider, with no connection yet; close it when the register entry changes."""
    match provider.service:
        case Service.ANTHROPIC_MESSAGES:
            return SdkAdapter(provider, MessagesSpeech())
        case Service.OPENAI_CHAT:
            return SdkAdapter(provider, ChatSpeech())
        case Service.OPENAI_RESPONSES:
            return SdkAdapter(provider, ResponsesSpeech())
        case Service.AZURE_OPENAI:
            return SdkAdapter(provider, AzureSpeech())
        case Service.BEDROCK_CONVERSE:
            return BedrockConverse(provider, Egress(provider.endpoint, provider.ceilings))
        case _:
            assert_never(provider.service)
