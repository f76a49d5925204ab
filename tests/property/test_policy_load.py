"""Damaged bundles: whatever stands in a file, the loader raises its own error or loads a bundle that still denies."""

from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import PolicyInvalidError
from appliance.policy.document import read_document
from appliance.policy.folder import read_folder
from appliance.policy.load import load_bundle
from appliance.policy.registers import EvidenceFile
from appliance.policy.statements import parse_schema, parse_statements, policy_set
from appliance.policy.task import TaskPolicy
from tests.support.policy_folder import CHECKOUT, SAMPLE_TASKS

SCHEMA = (CHECKOUT / "policies" / "schema.cedarschema").read_text()
CEDAR = (CHECKOUT / "policies" / "trail.cedar").read_text()
TASK = (SAMPLE_TASKS / "discharge-summary.yaml").read_text()

GARBAGE = st.text(max_size=60) | st.text(alphabet="[]{}():;,&*!|>-#'\"%@`\n \t?<ab1", max_size=60)


def _damaged(text: str, position: int, length: int, garbage: str) -> str:
    at = position % (len(text) + 1)
    return text[:at] + garbage + text[at + length :]


def _refusal(load: Callable[[], object]) -> str:
    """Return the refusal, or nothing when what was loaded holds; any other error is a failed test."""
    try:
        load()
    except PolicyInvalidError as error:
        return error.public
    return ""


@given(position=st.integers(0), length=st.integers(0, 40), garbage=GARBAGE)
def test_a_damaged_task_is_refused_in_our_words_or_is_a_task(position: int, length: int, garbage: str) -> None:
    text = _damaged(TASK, position, length, garbage)

    said = _refusal(lambda: read_document("tasks/x.yaml", text, TaskPolicy).value.prompt_version)

    assert not said or said.startswith("tasks/x.yaml:")


@given(garbage=GARBAGE)
def test_garbage_is_no_evidence(garbage: str) -> None:
    said = _refusal(lambda: read_document("evidence.yaml", garbage, EvidenceFile))

    assert said.startswith("evidence.yaml:")


@given(position=st.integers(0), length=st.integers(0, 40), garbage=GARBAGE)
def test_a_damaged_policy_is_refused_in_our_words_or_is_one(position: int, length: int, garbage: str) -> None:
    schema, text = parse_schema("schema", SCHEMA), _damaged(CEDAR, position, length, garbage)

    said = _refusal(lambda: policy_set(parse_statements("x.cedar", text, schema)))

    assert not said or said.startswith("x.cedar:")


@given(position=st.integers(0), length=st.integers(0, 40), garbage=GARBAGE)
def test_a_damaged_schema_is_refused_in_our_words_or_is_one(position: int, length: int, garbage: str) -> None:
    said = _refusal(lambda: parse_schema("schema", _damaged(SCHEMA, position, length, garbage)))

    assert not said or said.startswith("schema:")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.integers(0), position=st.integers(0), flip=st.integers(1, 255))
def test_one_changed_byte_anywhere_in_force_is_refused_or_changes_the_digest(
    policies: Path, file: int, position: int, flip: int
) -> None:
    names = [name for name in sorted(read_folder(policies).files) if name != "README.md" and "cases/" not in name]
    path, before = policies / names[file % len(names)], read_folder(policies).digest()
    whole = path.read_bytes()
    at = position % len(whole)
    path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])

    digests: list[str] = []
    said = _refusal(lambda: digests.append(load_bundle(policies).digest))
    path.write_bytes(whole)

    assert bool(said) != bool(digests)
    assert before not in digests
