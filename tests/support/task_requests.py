"""Requests for the shipped tasks and answers to them, and the real ICD-10-CM table, built once a session."""

import json
from pathlib import Path

import pytest
import yaml

from appliance.clinical_text import ClinicalText
from appliance.config import CHECKOUT
from appliance.exchange import Completion, Message, Surface, TaskRequest, Tools, Usage
from appliance.policy.task import TaskPolicy
from appliance.tasks.finish import Output, finish
from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.prepare import Prompt

SHIPPED = CHECKOUT / "policies" / "tasks"

NAMES = tuple(sorted(file.stem for file in SHIPPED.glob("*.yaml")))


def shipped(name: str) -> TaskPolicy:
    """Return a task as it is shipped."""
    return TaskPolicy.model_validate(yaml.safe_load((SHIPPED / f"{name}.yaml").read_text()))


def icd10_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all tests of this session share, so that the table is built once."""
    folder = tmp_path_factory.getbasetemp() / "icd10"
    folder.mkdir(exist_ok=True)
    return folder


def typed(task: str, *, stream: bool = False, **fields: object) -> TaskRequest:
    """Return a request of the tasks surface."""
    return TaskRequest(task=task, surface=Surface.TASKS, input=ClinicalText(json.dumps(fields)), stream=stream)


def chat(task: str, *turns: tuple[str, str], tools: Tools | None = None, stream: bool = False) -> TaskRequest:
    """Return a request of the chat surface from pairs of role and text."""
    messages = tuple(Message(role=role, content=ClinicalText(text)) for role, text in turns)
    return TaskRequest(task=task, surface=Surface.CHAT, messages=messages, tools=tools or Tools(), stream=stream)


def completion(text: str, finish_reason: str = "stop") -> Completion:
    """Return a whole answer of a model."""
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    return Completion(text=ClinicalText(text), finish_reason=finish_reason, usage=usage)


def finished(prompt: Prompt, text: str, *, task: str, icd10: Icd10Table, finish_reason: str = "stop") -> Output:
    """Return the output of a shipped task for an answer."""
    return finish(shipped(task), prompt, completion(text, finish_reason), icd10)


def last_turn(prompt: Prompt) -> str:
    """Return the text of the caller's turn in a prompt."""
    return prompt.messages[-1].content.reveal()
