"""Every adapter against every behaviour of its vendor's stand-in: the promised answer or fault, and nothing else."""

import asyncio
import contextlib
import traceback
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest

from appliance.broker.outgoing import Outgoing, ProviderFaultError
from appliance.broker.providers.choose import adapter_for
from appliance.policy.register import Service
from tests.support.managed_calls import SMALL, SOURCE, Said, ask_of, asking
from tests.support.stand_ins import Behaviour, StandIn
from tests.support.stand_ins.answer import ANSI, HTML, MARKDOWN, REFUSAL_TEXT, compose
from tests.support.stand_ins.asked import PROVIDER_WORDS
from tests.support.stand_ins.certificates import HOST, Certificates
from tests.support.stand_ins.lookalikes import lookalike
from tests.support.stand_ins.stand_in import FORMATS

STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
EVERY_SERVICE = pytest.mark.parametrize("service", list(Service))

ANSWERS: Mapping[Behaviour, tuple[str, str]] = {
    Behaviour.OK: ("stop", SOURCE),
    Behaviour.SLOW: ("stop", SOURCE),
    Behaviour.REFUSAL: ("refusal", REFUSAL_TEXT),
    Behaviour.FILTERED: ("content_filter", SOURCE[: len(SOURCE) // 2]),
    Behaviour.FOREIGN_IDENTIFIERS: ("stop", "078-05-1120"),
    Behaviour.HTML: ("stop", HTML),
    Behaviour.MARKDOWN: ("stop", MARKDOWN),
    Behaviour.ANSI: ("stop", ANSI),
    Behaviour.LOOKALIKE_SURROGATES: ("stop", lookalike(SOURCE)),
}
"""How an answer ends, and what stands in its text; hostile text is an answer too, for the gateway to screen."""

FAULTS: Mapping[Behaviour, tuple[str, str]] = {
    Behaviour.SLOW_FIRST_BYTE: ("timeout", "did not begin to answer"),
    Behaviour.RESET: ("unavailable", "broke the connection off"),
    Behaviour.RESET_MIDWAY: ("broken", "broke off"),
    Behaviour.TRUNCATED: ("broken", ""),
    Behaviour.MALFORMED_EVENT: ("broken", ""),
    Behaviour.DUPLICATE_EVENT: ("broken", ""),
    Behaviour.LATE_EVENT: ("broken", ""),
    Behaviour.ERROR_MIDWAY: ("broken", ""),
    Behaviour.WRONG_CONTENT_TYPE: ("broken", "content type"),
    Behaviour.UNAUTHORIZED: ("unauthorized", "credential"),
    Behaviour.FORBIDDEN: ("unauthorized", "credential"),
    Behaviour.RATE_LIMITED: ("busy", "429"),
    Behaviour.RATE_LIMITED_NO_HINT: ("busy", "429"),
    Behaviour.SERVER_ERROR: ("unavailable", "500"),
    Behaviour.OVERLOADED: ("busy", "5"),
    Behaviour.EMPTY: ("broken", "empty"),
    Behaviour.OVERSIZED: ("broken", "larger"),
    Behaviour.ENDLESS: ("broken", "larger"),
    Behaviour.PROMPT_INJECTION: ("broken", "not offered"),
    Behaviour.REDIRECT: ("broken", "307"),
    Behaviour.COMPRESSED: ("broken", "compressed"),
    Behaviour.WRONG_HOST_CERTIFICATE: ("unavailable", "did not prove itself"),
}
"""What each fault is called, and words of its sentence where only one check can say them."""

NEAREST = {
    # Anthropic's classifiers end an answer as a refusal; Converse has no refusal beside its filter.
    (Service.ANTHROPIC_MESSAGES, Behaviour.FILTERED): "refusal",
    (Service.BEDROCK_CONVERSE, Behaviour.REFUSAL): "content_filter",
}
"""Where a vendor has no word for it, the nearest one that it has."""

BEFORE_THE_BODY = frozenset({
    Behaviour.SLOW_FIRST_BYTE, Behaviour.RESET, Behaviour.UNAUTHORIZED, Behaviour.FORBIDDEN, Behaviour.RATE_LIMITED,
    Behaviour.RATE_LIMITED_NO_HINT, Behaviour.SERVER_ERROR, Behaviour.OVERLOADED, Behaviour.REDIRECT,
    Behaviour.WRONG_HOST_CERTIFICATE,
})  # fmt: skip
"""Where it makes no difference whether a stream was asked for."""

FAULTY = [(each, stream) for each in FAULTS for stream in (False, True) if stream or each not in BEFORE_THE_BODY]

SECRETS = (PROVIDER_WORDS, "Ida Crane", "furosemide", "stand-in-key", "stand-in-secret", "stand-in-session", "attacker")
"""What no reason, no traceback and no representation of a fault may hold."""


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates.make()


def running(
    service: Service, behaviour: Behaviour, certificates: Certificates, *, retry_after_s: int = 30
) -> AbstractAsyncContextManager[StandIn]:
    """Run a stand-in that asks for a longer pause than any deadline here, and is too long where it is."""
    return StandIn.running(
        service,
        behaviour=behaviour,
        certificates=certificates,
        retry_after_s=retry_after_s,
        oversized_bytes=300_000,
        pause_s=0.001,
    )


def test_every_behaviour_has_its_promise() -> None:
    assert {*ANSWERS, *FAULTS, Behaviour.PROMPT_FILTERED} == set(Behaviour)


@EVERY_SERVICE
async def test_a_filtered_prompt_is_an_answer_where_the_vendor_names_its_filter(
    service: Service, certificates: Certificates
) -> None:
    said = Said()
    names_it = service in (Service.OPENAI_CHAT, Service.OPENAI_RESPONSES, Service.AZURE_OPENAI)

    async with running(service, Behaviour.PROMPT_FILTERED, certificates) as stand_in:
        asked = ask_of(adapter_for(stand_in.provider()), stand_in, said, stream=True)
        if names_it:
            await asked
        else:
            with pytest.raises(ProviderFaultError, match="would not process") as raised:
                await asked

    assert said.pieces == []
    assert said.ended.finish_reason == "content_filter" if names_it else raised.value.fault == "rejected"


@STREAMED
@pytest.mark.parametrize("behaviour", ANSWERS)
@EVERY_SERVICE
async def test_an_answer_comes_back_as_it_was_given(
    service: Service, behaviour: Behaviour, certificates: Certificates, *, stream: bool
) -> None:
    reason, text = ANSWERS[behaviour]

    async with running(service, behaviour, certificates) as stand_in:
        adapter = adapter_for(stand_in.provider(ceilings=SMALL))
        said = await ask_of(adapter, stand_in, Said(), stream=stream)

    assert said.ended.finish_reason == NEAREST.get((service, behaviour), reason)
    assert text in said.text
    assert (said.ended.attempts, said.ended.model) == (1, stand_in.provider().models[0].name)
    assert min(said.ended.prompt_tokens, said.ended.completion_tokens) > 0


@pytest.mark.parametrize(("behaviour", "stream"), FAULTY)
@EVERY_SERVICE
async def test_a_fault_is_told_in_our_own_words(
    service: Service, behaviour: Behaviour, certificates: Certificates, *, stream: bool
) -> None:
    said = Said()
    ceilings = replace(SMALL, first_byte_s=0.3) if behaviour is Behaviour.SLOW_FIRST_BYTE else SMALL
    async with running(service, behaviour, certificates) as stand_in:
        adapter = adapter_for(stand_in.provider(ceilings=ceilings))
        with pytest.raises(ProviderFaultError) as raised:
            await ask_of(adapter, stand_in, said, stream=stream)

    fault = raised.value
    expected, words = FAULTS[behaviour]
    whole_error = behaviour is Behaviour.ERROR_MIDWAY and not stream
    assert fault.fault == ("unavailable" if whole_error else expected)
    assert words in fault.reason
    told = "".join(traceback.format_exception(fault)) + repr(fault) + fault.reason
    assert [word for word in SECRETS if word in told] == []
    assert said.ended is None
    assert fault.retry_after_s == (30 if behaviour is Behaviour.RATE_LIMITED else 0)
    assert fault.answered == bool(said.pieces)
    assert stand_in.lured == 0
    assert fault.sent == bool(stand_in.received)
    assert [each.body for each in said.outgoing][: len(stand_in.received)] == [r.body for r in stand_in.received]


@EVERY_SERVICE
async def test_a_stream_cut_after_any_event_is_never_taken_for_whole(
    service: Service, certificates: Certificates
) -> None:
    whole_after = []
    async with running(service, Behaviour.TRUNCATED, certificates) as stand_in:
        for cut_after in range(1, 24):
            stand_in.cut_after = cut_after
            said = Said()
            with contextlib.suppress(ProviderFaultError):
                await ask_of(adapter_for(stand_in.provider()), stand_in, said, stream=True)
            if said.ended:
                whole_after.append(cut_after)
        asked = FORMATS[service].asked(stand_in.received[0], stand_in.rules())

    events = list(FORMATS[service].events(asked, compose(asked, Behaviour.OK, oversized_bytes=0)))
    # Behind the counts of tokens only OpenAI's `[DONE]` is left, which says nothing more.
    needed = len(events) - (service in (Service.OPENAI_CHAT, Service.AZURE_OPENAI))
    assert whole_after == list(range(needed, 24))


@pytest.mark.parametrize("behaviour", [Behaviour.RATE_LIMITED, Behaviour.RATE_LIMITED_NO_HINT, Behaviour.OVERLOADED])
@EVERY_SERVICE
async def test_the_same_bytes_go_again_only_where_the_provider_asks_for_it(
    service: Service, behaviour: Behaviour, certificates: Certificates
) -> None:
    said = Said()
    async with running(service, Behaviour.OK, certificates, retry_after_s=0) as stand_in:
        stand_in.enqueue(behaviour)
        adapter = adapter_for(stand_in.provider(ceilings=SMALL))
        if behaviour is Behaviour.RATE_LIMITED:
            await ask_of(adapter, stand_in, said, stream=True)
        else:
            with pytest.raises(ProviderFaultError):
                await ask_of(adapter, stand_in, said, stream=True)

    attempts = 2 if behaviour is Behaviour.RATE_LIMITED else 1
    assert len(stand_in.received) == len(said.outgoing) == attempts
    assert len({each.body for each in stand_in.received}) == 1
    assert said.ended is None or said.ended.attempts == 2


@STREAMED
@EVERY_SERVICE
async def test_what_arrives_is_what_was_shown_before_it_left(
    service: Service, certificates: Certificates, *, stream: bool
) -> None:
    said = Said()
    async with running(service, Behaviour.OK, certificates) as stand_in:
        adapter = adapter_for(stand_in.provider())
        await ask_of(adapter, stand_in, said, stream=stream)

    [outgoing], [received] = said.outgoing, stand_in.received
    assert (outgoing.host, outgoing.path, outgoing.body) == (HOST, received.target, received.body)
    assert stand_in.names == [HOST]
    names = {name.lower() for name, _ in received.headers}
    assert not {name for name in names if name.startswith(("x-stainless", "cookie", "amz-sdk", "x-amzn-trace"))}
    assert received.header("accept-encoding") == "identity"
    assert "python" not in received.header("user-agent").lower()


class HeldBackError(Exception):
    """What the broker's core raises when the bytes may not leave."""


@STREAMED
@EVERY_SERVICE
async def test_nothing_leaves_that_was_held_back(service: Service, certificates: Certificates, *, stream: bool) -> None:
    class Refusing(Said):
        async def allow(self, outgoing: Outgoing) -> None:
            del outgoing
            raise HeldBackError

    async with running(service, Behaviour.OK, certificates) as stand_in:
        adapter = adapter_for(stand_in.provider())
        with pytest.raises(HeldBackError):
            await ask_of(adapter, stand_in, Refusing(), stream=stream)

    assert stand_in.received == []


@EVERY_SERVICE
async def test_the_environment_leads_nowhere_else(
    service: Service, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "https://127.0.0.1:9")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, "key-of-somebody-else")

    async with running(service, Behaviour.OK, certificates) as stand_in:
        adapter = adapter_for(stand_in.provider())
        said = await ask_of(adapter, stand_in, Said(), stream=False)

    assert said.text == SOURCE
    assert not any("somebody" in value for received in stand_in.received for _, value in received.headers)


@EVERY_SERVICE
async def test_a_caller_who_stops_reading_stops_the_provider(service: Service, certificates: Certificates) -> None:
    async with running(service, Behaviour.ENDLESS, certificates) as stand_in:
        adapter = adapter_for(stand_in.provider())
        answer = asking(adapter, stand_in, Said(), stream=True)
        await anext(answer)
        await answer.aclose()
        async with asyncio.timeout(5):
            while stand_in.connections:
                await asyncio.sleep(0.001)
        await adapter.aclose()

    assert len(stand_in.received) == 1
