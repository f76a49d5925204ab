"""What stands between a vendor's SDK and the way out."""

import httpx2
import pytest

from appliance.broker.egress import Egress, Terms
from appliance.broker.outgoing import Outgoing, ProviderFaultError
from appliance.broker.providers.adapter import Secret
from appliance.broker.providers.ask import Ask, Turn
from appliance.broker.providers.choose import adapter_for
from appliance.broker.providers.sdk import SdkTransport, client_of
from appliance.clinical_text import ClinicalText
from appliance.policy.register import Ceilings, Service
from tests.support.managed_calls import Said
from tests.support.registers import a_model, a_provider, an_endpoint

KEY = "key-of-no-worth-0123456789"
ENDPOINT = an_endpoint(addresses=("127.0.0.1",))


async def held_back(_outgoing: Outgoing) -> None:
    raise AssertionError("nothing may get this far")


def a_transport() -> SdkTransport:
    terms = Terms(before_send=held_back, deadline_s=1.0, content_type="application/json", headers=frozenset())
    return SdkTransport(Egress(ENDPOINT, Ceilings()).call(terms), ENDPOINT, Secret(KEY))


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("POST", "https://api.elsewhere.example/v1/messages"),
        ("POST", "https://api.cloud.example.elsewhere.example/v1/messages"),
        ("POST", "https://api.cloud.example:8443/v1/messages"),
        ("POST", "https://api.elsewhere.example@127.0.0.1/v1/messages"),
        ("POST", "http://api.cloud.example/v1/messages"),
        ("POST", "http://api.cloud.example:443/v1/messages"),
        ("GET", "https://api.cloud.example/v1/models"),
    ],
)
async def test_a_request_to_another_place_goes_nowhere(method: str, url: str) -> None:
    transport = a_transport()

    async with client_of(transport) as client:
        with pytest.raises(ProviderFaultError) as raised:
            await client.request(method, url, headers={"Authorization": f"Bearer {KEY}"}, content=b"{}")

    assert raised.value.reason == "The SDK asked for another host than the pinned one."
    assert transport.failure() is raised.value
    assert transport.attempts() == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer another-key-0123"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEY}", "X-Api-Key": "another-key-0123"},
        {"Authorization": f"Bearer {KEY}", "api-key": "another-key-0123"},
    ],
)
async def test_a_request_with_another_credential_goes_nowhere(headers: dict[str, str]) -> None:
    async with client_of(a_transport()) as client:
        with pytest.raises(ProviderFaultError) as raised:
            await client.post("https://api.cloud.example/v1/messages", headers=headers, content=b"{}")

    assert raised.value.reason == "The SDK would send another credential than this one."


async def test_the_client_knows_no_proxy_and_follows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    async with client_of(a_transport()) as client:
        assert (client.follow_redirects, client.trust_env) == (False, False)
        assert client.timeout == httpx2.Timeout(None)


@pytest.mark.parametrize("service", [each for each in Service if each is not Service.BEDROCK_CONVERSE])
@pytest.mark.parametrize("stream", [False, True])
async def test_what_an_sdk_cannot_write_is_refused_before_anything_leaves(service: Service, *, stream: bool) -> None:
    models = (a_model(name="frontier"),)
    adapter = adapter_for(a_provider(service=service, endpoint=ENDPOINT, models=models, api_version="2024-10-21"))
    half = Ask(turns=(Turn(role="user", content=ClinicalText("half a character: \ud800")),))
    said = Said()

    with pytest.raises(ProviderFaultError) as raised:
        await anext(
            adapter.answer(
                half, model=models[0], secret=Secret(KEY), stream=stream, deadline_s=1.0, before_send=said.allow
            )
        )
    await adapter.aclose()

    assert (raised.value.fault, raised.value.sent, said.outgoing) == ("rejected", False, [])


def test_every_service_has_its_adapter() -> None:
    assert len({type(adapter_for(a_provider(service=each, endpoint=ENDPOINT))) for each in Service}) == 2
