"""One disclosure from its request to its end, on one connection.

1. The broker grants it by its own policy (`disclosure`), and sees that the exchange was opened (`records`).
2. A place under the ceilings, past the breaker; the credential; the adapter builds the request.
3. The exact bytes are checked and recorded, and granted once more (`leaving`).
4. The answer is handed on as it comes, and the end is told: `Finished`, `Failed`, or `Refusal` if nothing left.

A gateway that goes away ends it at any of these, and the call to the provider with it.  The log has constant events,
codes and counts; it MUST NOT hold a header, a body or a provider's words.
"""

import asyncio
from contextlib import aclosing

import structlog

from appliance.broker.ceilings import Place
from appliance.broker.disclosure import Grant
from appliance.broker.leaving import Leaving
from appliance.broker.line import Line
from appliance.broker.not_sent import NotSentError
from appliance.broker.office import Office
from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.pieces import frames_of
from appliance.broker.providers.adapter import Ended
from appliance.broker.providers.ask import Ask
from appliance.broker.providers.ask_json import AskError
from appliance.broker.spend import MILLION, cost_micro_usd
from appliance.clinical_text import ClinicalText
from appliance.escalation.wire import Code, DiscloseRequest, Failed, Fault, Finished, Refusal
from appliance.policy.register import ManagedModel

OVERHEAD_TOKENS = 4096
"""What a wire format and a vendor's own system prompt add to a request, generously."""

_ANSWERED_FREE: frozenset[Fault] = frozenset({"busy", "rejected", "unauthorized"})
"""The provider answered with an error; none of the vendors charges for those."""

_log = structlog.get_logger("broker")


class Conversation:
    """One disclosure; owned by its connection."""

    def __init__(self, office: Office, line: Line, request: DiscloseRequest, body: ClinicalText) -> None:
        """Take the parts of the broker, the connection, and what was asked."""
        self._office = office
        self._line = line
        self._request = request
        self._body = body
        self._started_s = office.monotonic_s()
        self._leaving: Leaving | None = None
        """What lets the bytes go; None before a place was found."""

        self._answer_ms: int | None = None
        """When the first piece of the answer came; None before."""

        self._is_said = False
        """Whether the last word is on its way, after which the gateway may go."""

    async def hold(self) -> None:
        """Hold the whole conversation.  Raises what the line raises when the gateway goes or speaks out of turn."""
        work = asyncio.create_task(self._answer())
        watch = asyncio.create_task(self._line.watch())
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if self._is_said:
                # The gateway closes once it has heard the end; what is spent is still to be written down.
                await asyncio.wait({work})
        finally:
            is_over = work.done()
            work.cancel()
            watch.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)
        if not is_over:
            _log.warning("disclosure_abandoned", **self._told())
            watch.result()
        work.result()

    async def _answer(self) -> None:
        try:
            async with asyncio.timeout(self._request.deadline_s + self._line.patience.grace_s):
                await self._disclose()
        except NotSentError as error:
            _log.warning(
                "disclosure_refused", code=error.code, reason=error.reason, counts=error.counts, **self._told()
            )
            await self._end(error.refusal(self._request.call))
        except TimeoutError:
            await self._fail(ProviderFaultError("timeout", "The answer was not complete before the deadline."))

    async def _disclose(self) -> None:
        granted = self._office.grant(self._request)
        await self._office.records.check_intent(self._request)
        try:
            ask = Ask.from_body(self._body.reveal_bytes())
        except AskError as error:
            raise NotSentError("invalid_request", f"the request cannot be understood: {error}") from error
        worst = _worst_cost(granted.model, ask, characters=len(self._body))
        async with self._office.ceilings.place(granted.provider, worst=worst) as place:
            await self._send(granted, ask, place)

    async def _send(self, granted: Grant, ask: Ask, place: Place) -> None:
        leaving = self._leaving = Leaving(
            self._office,
            self._line,
            request=self._request,
            grant=granted,
            place=place,
            started_s=self._started_s,
        )
        try:
            ended = await self._hand_on(granted, ask, leaving)
        except (ProviderFaultError, NotSentError) as error:
            fault = _fault_of(error, leaving)
            self._blame(fault, granted, place)
            if not leaving.attempts:
                code: Code = "no_credential" if fault.fault == "unauthorized" else "provider_closed"
                raise NotSentError(code, fault.reason.removesuffix(".")) from fault
            await self._fail(fault)
        else:
            await self._finish(ended, granted, place)

    async def _hand_on(self, granted: Grant, ask: Ask, leaving: Leaving) -> Ended:
        """Return how the answer ended, once every piece of it was said.  Raises ProviderFaultError or NotSentError."""
        secret = self._office.credentials.read(granted.provider)
        async with (
            self._office.adapters.of(granted.provider) as adapter,
            aclosing(
                adapter.answer(
                    ask,
                    model=granted.model,
                    secret=secret,
                    stream=self._request.stream,
                    deadline_s=min(self._left_s(), granted.provider.ceilings.total_s),
                    before_send=leaving.let_go,
                )
            ) as pieces,
        ):
            async for piece in pieces:
                if leaving.stopped is not None or not leaving.attempts:
                    break
                if isinstance(piece, Ended):
                    return piece
                self._answer_ms = self._elapsed_ms() if self._answer_ms is None else self._answer_ms
                for header, body in frames_of(piece, call=self._request.call):
                    await self._line.say(header, body)
        raise ProviderFaultError("broken", "The provider's answer stopped before its end.")

    def _blame(self, fault: ProviderFaultError, granted: Grant, place: Place) -> None:
        """Tell the breaker, but not of a lateness that the caller's own short deadline made."""
        place.is_free = not fault.sent or fault.fault in _ANSWERED_FREE
        if fault.fault != "timeout" or self._request.deadline_s >= granted.provider.ceilings.first_byte_s:
            place.failed(fault.fault, retry_after_s=fault.retry_after_s)

    async def _finish(self, ended: Ended, granted: Grant, place: Place) -> None:
        prompt, completion = ended.prompt_tokens, ended.completion_tokens
        place.answered(cost_micro_usd(granted.model, prompt_tokens=prompt, completion_tokens=completion))
        finished = Finished(
            call=self._request.call,
            finish_reason=ended.finish_reason,
            prompt_tokens=prompt,
            completion_tokens=completion,
            attempts=ended.attempts,
            model=ended.model[:256],
            cost_usd=place.cost / MILLION,
            first_byte_ms=self._leaving.first_byte_ms if self._leaving else 0,
            answer_ms=self._elapsed_ms() if self._answer_ms is None else self._answer_ms,
        )
        _log.info(
            "disclosure_finished",
            finish_reason=ended.finish_reason,
            prompt_tokens=prompt,
            completion_tokens=completion,
            **self._told(),
        )
        await self._end(finished)

    async def _fail(self, fault: ProviderFaultError) -> None:
        _log.warning("disclosure_failed", fault=fault.fault, reason=fault.reason, **self._told())
        failed = Failed(
            call=self._request.call,
            fault=fault.fault,
            reason=fault.reason,
            retry_after_s=fault.retry_after_s,
            answered=self._answer_ms is not None,
        )
        await self._end(failed)

    async def _end(self, last: Finished | Failed | Refusal) -> None:
        self._is_said = True
        await self._line.say(last)

    def _told(self) -> dict[str, object]:
        """Return what the log may know of this disclosure."""
        return {
            "exchange_id": self._request.exchange_id,
            "task": self._request.task,
            "characters": len(self._body),
            "attempts": self._leaving.attempts if self._leaving else 0,
            "elapsed_ms": self._elapsed_ms(),
            "policy_digest": self._office.policy.bundle.digest,
        }

    def _elapsed_ms(self) -> int:
        return round((self._office.monotonic_s() - self._started_s) * 1000)

    def _left_s(self) -> float:
        return max(0.001, self._request.deadline_s - (self._office.monotonic_s() - self._started_s))


def _fault_of(error: ProviderFaultError | NotSentError, leaving: Leaving) -> ProviderFaultError:
    """Return what went wrong once bytes had left.  Raises NotSentError if a check of ours stopped the first of them."""
    stopped = error if isinstance(error, NotSentError) else leaving.stopped
    if stopped is None and isinstance(error, ProviderFaultError):
        return error
    if stopped is not None and not leaving.attempts:
        raise stopped
    return ProviderFaultError(
        "unavailable", "The provider asked for the request again, and it may not be sent again now.", sent=False
    )


def _worst_cost(model: ManagedModel, ask: Ask, *, characters: int) -> int:
    """Return the most that an answer can cost: a token is at least a byte, and no model reads more than its context."""
    prompt = min(model.context_tokens, 4 * characters + OVERHEAD_TOKENS)
    return cost_micro_usd(model, prompt_tokens=prompt, completion_tokens=ask.max_tokens)
