"""Step 8 of a request: what a model wrote becomes what a caller may see.

The task's own checks (`tasks.finish`) and the guard's output screen (`phi.stream`) meet here, for answers that are
there whole and for streams.  Identifiers that the caller never sent are withheld and counted.  Nothing passes
unscreened: text, tool-call arguments and structured output alike.  A task whose checks need the whole answer is
held until they have passed; everything else flows as soon as no identifier can hide across a chunk boundary.

An answer from outside the building loses what drives a terminal or a browser (`phi.harmless`), and its surrogates are
turned back.  A model that declined has answered; its words are kept, and never measured against what the task wanted.
"""

from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace

from appliance.clinical_text import ClinicalText
from appliance.errors import ModelRefusedError
from appliance.exchange import Completion, Delta, ToolCall, Usage
from appliance.phi.stream import Screen
from appliance.phi.stream_json import JsonScreen
from appliance.phi.surrogates import SurrogateMap
from appliance.policy.task import TaskPolicy
from appliance.tasks.finish import finish
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.prepare import Prompt

DECLINED = frozenset({"refusal", "content_filter"})
"""Finish reasons of a model that would not answer, or was stopped by its provider's filter."""


@dataclass(slots=True, kw_only=True)
class Ending:
    """What is known of an answer once it is whole; filled by the screening of one answer."""

    is_whole: bool = False
    output: Mapping[str, object] | None = None
    """Typed output that passed the task's checks."""

    warnings: tuple[str, ...] = ()
    declined: ClinicalText | None = None
    """The words of a model that would not answer, where the caller is told no words; they are sealed."""

    finish_reason: str = ""
    usage: Usage = field(default_factory=lambda: Usage(prompt_tokens=0, completion_tokens=0))
    withheld: Counter[str] = field(default_factory=Counter)
    """Kinds of withheld identifiers and how many of each."""

    def facts(self) -> dict[str, str | int | bool | list[str]]:
        """Return what the record says of the answer, without its text."""
        return {
            "finish_reason": self.finish_reason,
            "prompt_tokens": self.usage.prompt_tokens,
            "completion_tokens": self.usage.completion_tokens,
            "withheld": [f"{kind}:{count}" for kind, count in sorted(self.withheld.items())],
            "warnings": list(self.warnings),
        }

    def warn(self, warnings: tuple[str, ...]) -> None:
        """Keep the task's warnings and add one for what was withheld."""
        count = sum(self.withheld.values())
        noun, verb = ("identifier", "is") if count == 1 else ("identifiers", "are")
        told = (f"{count} {noun} that the caller did not send stood in the model's answer and {verb} withheld.",)
        self.warnings = (*warnings, *(told if count else ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """The screening of one answer to one prompt."""

    task: TaskPolicy
    prompt: Prompt
    icd10: Icd10Table
    surrogates: SurrogateMap | None = None
    """What stands for the caller's own values in an answer from outside; None where the local model wrote it."""

    needs_output: bool = True
    """True where the caller gets a typed output, which a model that declined has not given."""

    ending: Ending = field(default_factory=Ending)

    def whole(self, completion: Completion) -> Completion:
        """Screen an answer that is there whole and run the task's checks.

        Raises OutputRejectedError, or ModelRefusedError where a typed output was asked for and the model declined.
        """
        text = self._clean(completion.text, self._text_screen())
        calls = tuple(
            replace(call, arguments=self._clean(call.arguments, self._json_screen())) for call in completion.tool_calls
        )
        ending = self.ending
        ending.finish_reason, ending.usage = completion.finish_reason, completion.usage
        output = self._finished(replace(completion, text=text, tool_calls=calls))
        ending.is_whole = True
        return replace(completion, text=output, tool_calls=calls)

    async def held(self, deltas: AsyncGenerator[Delta]) -> AsyncGenerator[Delta]:
        """Gather the answer, screen it whole, and yield it as one piece.  Raises OutputRejectedError."""
        pieces = [delta async for delta in deltas]
        completion = self.whole(
            Completion(
                text=ClinicalText.join(delta.text for delta in pieces),
                finish_reason=next((delta.finish_reason for delta in pieces if delta.finish_reason), "stop"),
                usage=next((delta.usage for delta in pieces if delta.usage), self.ending.usage),
            )
        )
        yield Delta(text=completion.text, finish_reason=completion.finish_reason, usage=completion.usage)

    async def flowing(self, deltas: AsyncGenerator[Delta]) -> AsyncGenerator[Delta]:
        """Yield each piece as soon as no identifier can hide in it.

        The piece that ends the answer waits for the task's checks.  Raises OutputRejectedError then.
        """
        window = self._text_screen()
        arguments: dict[int, JsonScreen] = {}
        told: list[ClinicalText] = []
        async for delta in deltas:
            text = window.feed(delta.text)
            calls = tuple(self._feed(arguments, call) for call in delta.tool_calls)
            self.ending.usage = delta.usage or self.ending.usage
            if delta.finish_reason is not None:
                text = ClinicalText.join([text, window.finish()])
                calls = (*calls, *self._rest(arguments))
                for each in (window, *arguments.values()):
                    self.ending.withheld.update(each.withheld)
                self._end(ClinicalText.join([*told, text]), delta.finish_reason)
            if text or calls or delta.finish_reason is not None or delta.usage is not None:
                told.append(text)
                yield replace(delta, text=text, tool_calls=calls)
        self.ending.is_whole = True

    def _end(self, text: ClinicalText, finish_reason: str) -> None:
        self.ending.finish_reason = finish_reason
        self._finished(Completion(text=text, finish_reason=finish_reason, usage=self.ending.usage))

    def _finished(self, completion: Completion) -> ClinicalText:
        """Run the task's checks and return the text to be told.  Raises OutputRejectedError or ModelRefusedError."""
        if completion.finish_reason in DECLINED:
            self.ending.warn(())
            if self.needs_output:
                self.ending.declined = completion.text
                raise ModelRefusedError
            return completion.text
        output = finish(self.task, self.prompt, completion, self.icd10)
        self.ending.output = output.value
        self.ending.warn(output.warnings)
        return output.text

    def _text_screen(self) -> Screen | JsonScreen:
        """Return the screen of the answer's text: as JSON where the model is held to a schema."""
        if self.prompt.response_schema is not None:
            return self._json_screen()
        return Screen([self.prompt.source], surrogates=self.surrogates)

    def _json_screen(self) -> JsonScreen:
        return JsonScreen([self.prompt.source], surrogates=self.surrogates)

    def _clean(self, text: ClinicalText, window: Screen | JsonScreen) -> ClinicalText:
        cleaned = ClinicalText.join([window.feed(text), window.finish()])
        self.ending.withheld.update(window.withheld)
        return cleaned

    def _feed(self, arguments: dict[int, JsonScreen], call: ToolCall) -> ToolCall:
        window = arguments.setdefault(call.index, self._json_screen())
        return replace(call, arguments=window.feed(call.arguments))

    def _rest(self, arguments: dict[int, JsonScreen]) -> tuple[ToolCall, ...]:
        rests = ((index, window.finish()) for index, window in arguments.items())
        return tuple(ToolCall(id="", name="", arguments=rest, index=index) for index, rest in rests if rest)
