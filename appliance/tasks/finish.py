"""Check what a model wrote and turn it into the task's output.

The engine is asked to hold to a schema, and its answer is checked all the same: an engine can be another server,
or be cut off.  An answer that fails is withheld (OutputRejectedError), never repaired by guessing; only a message
to a patient has something safe to fall back to, the staff's own words.  Errors and warnings hold no text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from appliance.clinical_text import ClinicalText
from appliance.errors import OutputRejectedError
from appliance.exchange import Completion
from appliance.policy.task import JsonOutput, TaskPolicy, TextOutput
from appliance.tasks import coding, message_facts
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.inputs import is_held
from appliance.tasks.prepare import Prompt
from appliance.tasks.schemas import BadJsonError, fault, parse_object

__all__ = ["Output", "finish", "is_held"]

CUT_WARNING = "The draft was cut at max_tokens and is incomplete; raise max_tokens and send the request again."

OWN_WORDS_WARNING = (
    "The model's draft did not say exactly what the notes say, so the message is in the notes' own words; "
    "read it before you send it."
)

NOT_FAITHFUL_WARNING = (
    "The draft does not say exactly what the notes say: compare every date, time, name and number before you send it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An answer that passed its checks."""

    value: Mapping[str, object] | None
    """Fits the task's output schema; None for a free conversation."""

    text: ClinicalText
    """What a chat caller reads: the text, or the value as JSON."""

    warnings: tuple[str, ...]


def finish(task: TaskPolicy, prompt: Prompt, completion: Completion, icd10: Icd10Table) -> Output:
    """Return the output of a whole answer.  Raises OutputRejectedError."""
    cut = (CUT_WARNING,) if completion.finish_reason == "length" else ()
    warnings = (*prompt.warnings, *cut)
    if not prompt.is_typed:
        return _free(task, completion, icd10, warnings=warnings)
    match task.output:
        case TextOutput(field=field):
            text, told = _text(task, prompt, completion)
            value: Mapping[str, object] = {field: text.reveal().strip()}
            warnings = (*prompt.warnings, *(cut if text is completion.text else ()), *told)
        case JsonOutput():
            value = _value(prompt, completion, icd10)
            text = ClinicalText(json.dumps(value, ensure_ascii=False))
    _check(task.output_schema, value, what="output")
    return Output(value=value, text=text, warnings=warnings)


def _text(task: TaskPolicy, prompt: Prompt, completion: Completion) -> tuple[ClinicalText, tuple[str, ...]]:
    """Return the text that may be shown: a message to a patient that fails its check is not the model's."""
    if task.finish != message_facts.NAME:
        return completion.text, ()
    notes = prompt.main.reveal()
    is_cut = completion.finish_reason == "length"
    if not is_cut and message_facts.is_faithful(notes, completion.text.reveal()):
        return completion.text, ()
    if prompt.may_replace:
        return ClinicalText(message_facts.in_own_words(notes)), (OWN_WORDS_WARNING,)
    return completion.text, (NOT_FAITHFUL_WARNING,)


def _value(prompt: Prompt, completion: Completion, icd10: Icd10Table) -> Mapping[str, object]:
    if completion.finish_reason == "length":
        raise OutputRejectedError(
            "The structured answer was cut at max_tokens and is withheld; raise max_tokens and send the request again.",
            detail="cut at max_tokens",
        )
    try:
        value = parse_object(completion.text)
    except BadJsonError as error:
        raise OutputRejectedError(detail=str(error)) from error
    _check(prompt.response_schema or {}, value, what="answer")
    return value if prompt.coding is None else {"codes": prompt.coding.codes(value, icd10)}


def _check(schema: Mapping[str, object], value: Mapping[str, object], *, what: str) -> None:
    found = fault(schema, value)
    if found:
        raise OutputRejectedError(detail=f"{what}: {found[0]} {found[1]}")


def _free(task: TaskPolicy, completion: Completion, icd10: Icd10Table, *, warnings: tuple[str, ...]) -> Output:
    if task.finish != coding.NAME:
        return Output(value=None, text=completion.text, warnings=warnings)
    text, invented = coding.without_invented_codes(completion.text, icd10)
    if invented:
        what = "1 code that is" if invented == 1 else f"{invented} codes that are"
        warnings = (*warnings, f"The model's answer named {what} not in ICD-10-CM, withheld.")
    return Output(value=None, text=text, warnings=warnings)
