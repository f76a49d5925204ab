"""What the hospital has written down about one task: ``policies/tasks/NAME.yaml`` as a checked, frozen value.

A task is the unit that is granted, routed and measured.  Its data class, quality threshold and limits stand here so
that a request can never choose them.  This module reads no file (`load` does) and renders no prompt (`appliance.tasks`
does).  Keys only grow: an old file must go on meaning what it meant.
"""

import hashlib
import json
import re
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from appliance.exchange import DataClass

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
"""Names of tasks, roles and providers: lower case words joined by hyphens, safe in a URL, a path and a shell."""

MAX_PROMPT_CHARACTERS = 32_000
"""A prompt longer than this would take an eighth of the a100x2 profile's context before the chart begins."""

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")

JsonObject = dict[str, JsonValue]
"""A JSON Schema as it stands in the file."""

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
"""A name that may stand in a URL."""

Sentence = Annotated[str, Field(min_length=1, max_length=2_000)]
"""Text for people."""


class Section(BaseModel):
    """Refuse unknown keys and stay as it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Prompt(Section):
    """What the model is told, beside the caller's input."""

    system: Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS)]
    template: Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS)]
    """The user's turn, with ``{field}`` placeholders that name fields of the input."""

    def placeholders(self) -> frozenset[str]:
        """Return the input fields that the template names."""
        return frozenset(_PLACEHOLDER.findall(self.template))


class TextOutput(Section):
    """The model writes plain text, which becomes one field of the output."""

    mode: Literal["text"]
    field: Annotated[str, Field(min_length=1)]
    """The field of `TaskPolicy.output_schema` that the text fills."""


class JsonOutput(Section):
    """The engine is held to a JSON Schema while it writes."""

    mode: Literal["json"]
    engine_schema: Annotated[JsonObject, Field(alias="schema")]
    """What the engine is asked to produce; `TaskPolicy.finish` turns it into what the caller gets."""


class TaskLimits(Section):
    """Bounds that hold whatever the caller asks for."""

    max_tokens: Annotated[int, Field(ge=1, le=65_536, strict=True)]
    """The longest answer that a caller may ask for."""

    default_max_tokens: Annotated[int, Field(ge=1, strict=True)]
    """The longest answer when the caller does not say."""

    deadline_s: Annotated[float, Field(gt=0, le=3_600, strict=True)]
    """Seconds after which the task is given up, waiting included."""

    input_characters: Annotated[int, Field(ge=1, le=2_000_000, strict=True)]
    """The longest input, before anything is tokenized."""

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.default_max_tokens > self.max_tokens:
            message = "default_max_tokens is above max_tokens; lower it or raise max_tokens"
            raise ValueError(message)
        return self


class TaskSampling(Section):
    """How the model picks its words when the caller does not say."""

    temperature: Annotated[float, Field(ge=0, le=2, strict=True)]
    top_p: Annotated[float, Field(gt=0, le=1, strict=True)] = 1.0


class Threshold(Section):
    """The quality that opens a route: the bound of the edit rate, not the rate, must be at or under it."""

    edit_rate: Annotated[float, Field(gt=0, lt=1, strict=True)]
    """The largest share of drafts that clinicians may have had to edit."""

    confidence: Annotated[float, Field(ge=0.5, lt=1, strict=True)] = 0.95
    """Two-sided confidence of the Clopper-Pearson bounds."""

    min_cases: Annotated[int, Field(ge=1, strict=True)]
    """Fewer cases than this are no evidence, whatever their rate."""


class TaskPolicy(Section):
    """Everything that is fixed about one task before a request comes."""

    name: Name
    title: Annotated[str, Field(min_length=1, max_length=120)]
    description: Sentence
    data_class: DataClass
    """What the task's input is taken for; a caller cannot declare it harmless."""

    priority: Literal["stat", "interactive", "batch"]
    prompt: Prompt
    chat_field: Annotated[str, Field(min_length=1)]
    """The input field that a plain chat message fills, such as ``note``."""

    input_schema: JsonObject
    """JSON Schema 2020-12 of the typed input; an object that allows no other fields."""

    output_schema: JsonObject
    """JSON Schema 2020-12 of what the caller gets."""

    output: Annotated[TextOutput | JsonOutput, Field(discriminator="mode")]
    finish: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] = "none"
    """The named output check of `appliance.tasks`, such as ``icd10cm``."""

    limits: TaskLimits
    sampling: TaskSampling
    threshold: Threshold
    when_unmet: Literal["refuse", "local"] = "refuse"
    """What happens when no route meets the threshold: no draft, or a local one that is marked as below it."""

    escalation: Annotated[bool, Field(strict=True)] = False
    """Whether a request may go to a managed model at all; evidence, agreement and every policy come on top of it."""

    failover: Annotated[bool, Field(strict=True)] = False
    """Whether the managed route may stand in when the engine is down; it needs the same permission as escalation."""

    downtime_text: Sentence
    """What a person does instead while the task is refused or the engine is down."""

    @cached_property
    def prompt_version(self) -> str:
        """Return 64 hex digits over everything that shapes a draft: evidence for another version does not count."""
        shape = self.model_dump(
            mode="json",
            by_alias=True,
            include={"prompt", "input_schema", "output_schema", "output", "finish", "sampling"},
        )
        return hashlib.sha256(json.dumps(shape, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def fields(self) -> frozenset[str]:
        """Return the names of the input's fields."""
        return _properties(self.input_schema)

    @model_validator(mode="after")
    def _closed(self) -> Self:
        for key, schema in (("input_schema", self.input_schema), ("output_schema", self.output_schema)):
            if schema.get("type") != "object" or schema.get("additionalProperties") is not False:
                message = f"{key} must have 'type: object' and 'additionalProperties: false'"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        unknown = sorted((self.prompt.placeholders() | {self.chat_field}) - self.fields())
        if unknown:
            message = f"'{unknown[0]}' is no property of input_schema; add it there, or mend chat_field or the template"
            raise ValueError(message)
        if isinstance(self.output, TextOutput) and self.output.field not in _properties(self.output_schema):
            message = f"output.field '{self.output.field}' is no property of output_schema; add it there"
            raise ValueError(message)
        return self


def _properties(schema: JsonObject) -> frozenset[str]:
    properties = schema.get("properties")
    return frozenset(properties) if isinstance(properties, dict) else frozenset()
