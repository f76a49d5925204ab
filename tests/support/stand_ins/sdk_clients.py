"""The vendors' own SDKs, plain, pointed at a stand-in: they judge whether it speaks their vendor's form."""

import ssl

import anthropic
import httpx2
import openai

from tests.support.stand_ins.stand_in import StandIn


def http_of(stand_in: StandIn) -> httpx2.AsyncClient:
    """Return a client that trusts the stand-in's authority only."""
    return httpx2.AsyncClient(verify=ssl.create_default_context(cadata=stand_in.ca_pem), trust_env=False)


def anthropic_of(stand_in: StandIn) -> anthropic.AsyncAnthropic:
    """Return Anthropic's SDK."""
    return anthropic.AsyncAnthropic(
        api_key=stand_in.credential, base_url=stand_in.base_url, max_retries=0, http_client=http_of(stand_in)
    )


def openai_of(stand_in: StandIn) -> openai.AsyncOpenAI:
    """Return OpenAI's SDK."""
    return openai.AsyncOpenAI(
        api_key=stand_in.credential, base_url=f"{stand_in.base_url}/v1", max_retries=0, http_client=http_of(stand_in)
    )


def azure_of(stand_in: StandIn) -> openai.AsyncAzureOpenAI:
    """Return OpenAI's SDK for Azure."""
    return openai.AsyncAzureOpenAI(
        api_key=stand_in.credential,
        azure_endpoint=stand_in.base_url,
        api_version=stand_in.provider().api_version,
        max_retries=0,
        http_client=http_of(stand_in),
    )
