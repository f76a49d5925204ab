from copy import deepcopy
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from appliance.policy.task import JsonOutput, TaskPolicy
from tests.support.policy_folder import SAMPLE_TASKS


@pytest.fixture
def sample() -> dict[str, Any]:
    return dict(yaml.safe_load((SAMPLE_TASKS / "discharge-summary.yaml").read_text()))


def test_a_task_reads_as_it_is_written(sample: dict[str, Any]) -> None:
    task = TaskPolicy.model_validate(sample)

    assert task.name == "discharge-summary"
    assert task.fields() == {"notes"}
    assert (task.when_unmet, task.failover, task.finish) == ("refuse", False, "none")


def test_a_task_refuses_and_stays_inside_unless_its_file_says_otherwise(sample: dict[str, Any]) -> None:
    del sample["when_unmet"]

    task = TaskPolicy.model_validate(sample)

    assert (task.when_unmet, task.failover) == ("refuse", False)


def test_a_task_does_not_escalate_unless_its_file_says_so(sample: dict[str, Any]) -> None:
    del sample["escalation"]

    assert TaskPolicy.model_validate(sample).escalation is False


def test_whether_a_task_may_leave_changes_no_evidence(sample: dict[str, Any]) -> None:
    stays = {**sample, "escalation": False, "failover": True, "data_class": "sensitive"}

    assert TaskPolicy.model_validate(stays).prompt_version == TaskPolicy.model_validate(sample).prompt_version


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("prompt", "system", "You draft other things."),
        ("prompt", "template", "Other words: {notes}"),
        ("sampling", "temperature", 0.9),
        ("input_schema", "description", "other"),
        ("output_schema", "description", "other"),
    ],
)
def test_a_changed_draft_is_another_prompt_version(sample: dict[str, Any], part: str, key: str, value: object) -> None:
    before = TaskPolicy.model_validate(deepcopy(sample)).prompt_version

    sample[part][key] = value

    assert TaskPolicy.model_validate(sample).prompt_version != before
    assert len(before) == 64


def test_words_for_people_do_not_change_the_prompt_version(sample: dict[str, Any]) -> None:
    before = TaskPolicy.model_validate(deepcopy(sample)).prompt_version

    sample["title"], sample["downtime_text"] = "Another title", "Another text"

    assert TaskPolicy.model_validate(sample).prompt_version == before


def test_an_engine_schema_is_read_from_its_key(sample: dict[str, Any]) -> None:
    sample["output"] = {"mode": "json", "schema": {"type": "object"}}

    task = TaskPolicy.model_validate(sample)

    assert isinstance(task.output, JsonOutput)
    assert task.output.engine_schema == {"type": "object"}


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("name", "Discharge Summary", "should match pattern"),
        ("name", "../etc", "should match pattern"),
        ("data_class", "public", "Input should be 'phi'"),
        ("priority", "urgent", "Input should be"),
        ("chat_field", "text", "'text' is no property of input_schema"),
        ("prompt", {"system": "s", "template": "{note}"}, "'note' is no property of input_schema"),
        ("output", {"mode": "text", "field": "letter"}, "'letter' is no property of output_schema"),
        ("input_schema", {"type": "object"}, "input_schema must have"),
        ("output_schema", {"type": "string", "additionalProperties": False}, "output_schema must have"),
        ("sampling", {"temperature": "warm"}, "valid number"),
        ("sampling", {"temperature": float("nan")}, "less than or equal"),
        ("threshold", {"edit_rate": 1.0, "min_cases": 1}, "less than 1"),
        ("threshold", {"edit_rate": 0.3, "min_cases": True}, "valid integer"),
        ("failover", "yes", "valid boolean"),
        ("downtime_text", "", "at least 1 character"),
        ("unknown", 1, "Extra inputs"),
    ],
)
def test_a_task_that_is_written_wrong_is_refused(sample: dict[str, Any], key: str, value: object, reason: str) -> None:
    sample[key] = value

    with pytest.raises(ValidationError, match=reason):
        TaskPolicy.model_validate(sample)


def test_an_input_schema_without_properties_has_no_field_for_the_chat(sample: dict[str, Any]) -> None:
    sample["input_schema"] = {"type": "object", "additionalProperties": False}

    with pytest.raises(ValidationError, match="'notes' is no property"):
        TaskPolicy.model_validate(sample)


def test_the_default_length_must_be_within_the_limit(sample: dict[str, Any]) -> None:
    sample["limits"]["default_max_tokens"] = 513

    with pytest.raises(ValidationError, match="default_max_tokens is above max_tokens"):
        TaskPolicy.model_validate(sample)


def test_a_task_cannot_be_changed_after_it_was_read(sample: dict[str, Any]) -> None:
    task = TaskPolicy.model_validate(sample)

    with pytest.raises(ValidationError, match="frozen"):
        task.when_unmet = "local"
