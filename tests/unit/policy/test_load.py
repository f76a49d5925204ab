from pathlib import Path

import pytest

from appliance.errors import PolicyInvalidError
from appliance.policy.load import load_bundle
from appliance.policy.question import PrincipalKind
from tests.support.policy_folder import TASKS, edit

TASK = "tasks/discharge-summary.yaml"


def test_a_whole_folder_becomes_one_bundle(policies: Path) -> None:
    bundle = load_bundle(policies)

    assert tuple(bundle.tasks) == TASKS
    assert not bundle.providers
    assert [each.name for each in bundle.restrictions if each.patients] == [
        "substance-use-treatment",
        "vip",
        "opt-out",
    ]
    assert bundle.roles["operator"].principal is PrincipalKind.OPERATOR
    assert bundle.retention.bodies_years == 6
    assert {row.illustrative for row in bundle.evidence} == {True}
    assert bundle.statements["granted-task"].file == "tasks.cedar"
    assert len(bundle.policies) == len(bundle.statements)
    assert len(bundle.digest) == 64


def test_the_same_bytes_have_the_same_digest(policies: Path) -> None:
    assert load_bundle(policies).digest == load_bundle(policies).digest


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (TASK, "name: discharge-summary", "name: other", f"{TASK}:2: 'other' is not the file's name; rename one of"),
        (TASK, "edit_rate: 0.30", "edit_rate: 30", f"{TASK}:26: 'threshold.edit_rate': Input should be less than 1."),
        (TASK, "min_cases: 200", "min: 200", f"{TASK}:26: 'threshold.min_cases' is missing; add it."),
        (TASK, "when_unmet: refuse", "when_unmet: route", f"{TASK}:27: 'when_unmet': Input should be 'refuse' or"),
        (
            TASK,
            "notes: {type: string}",
            "notes: {type: text}",
            f"{TASK}:16: 'input_schema.properties.notes.type' is no",
        ),
        (TASK, "summary: {type: string}", "summary: {pattern: '('}", f"{TASK}:22: 'output_schema.properties.summary"),
        (
            TASK,
            "{mode: text, field: summary}",
            "{mode: json, schema: {type: 1}}",
            f"{TASK}:23: 'output.schema.type' is",
        ),
        (TASK, "{mode: text, field: summary}", "{mode: text, field: 7}", f"{TASK}:23: 'output.text.field': Input"),
        (TASK, "{mode: text, field: summary}", "{mode: image}", f"{TASK}:23: 'output': Input tag 'image'"),
        (TASK, "notes: {type: string}", "notes: {$ref: 'http://x/y'}", f"{TASK}:16: a reference out of this file"),
        (TASK, "notes: {type: string}", "notes: {anyOf: [{$ref: 7}]}", f"{TASK}:16: 'input_schema.properties.notes"),
        (TASK, "notes: {type: string}", "notes: {anyOf: [{$ref: x}]}", f"{TASK}:16: a reference out of this file"),
        (
            "providers.yaml",
            "providers: []",
            "providers: [{name: acme}]",
            "providers.yaml:60: 'providers.0.service' is missing",
        ),
        ("providers.yaml", "providers: []", "providers: all", "providers.yaml:60: 'providers': Input should be"),
        ("roles.yaml", "[Operate]", "[Operat]", "roles.yaml:38: 'roles.operator.actions.0': Input should be"),
        (
            "roles.yaml",
            "[Operate]",
            "[Operate, OpenBody]",
            "roles.yaml:38: no policy permits OpenBody to role 'operator'",
        ),
        (
            "roles.yaml",
            "[UseTask, Escalate, ReadTrail]",
            "[UseTask, Escalate]",
            "roles.yaml:9: the policies permit ReadTrail to role 'inte",
        ),
        (
            "roles.yaml",
            "principal: Operator",
            "principal: Client",
            "roles.yaml:38: the policies permit UseTask",
        ),
        (
            "retention.yaml",
            "disclosures_years: 6",
            "disclosures_years: 5",
            "retention.yaml:7: 'disclosures_years': Input",
        ),
        ("retention.yaml", "bodies_years: 6", "bodies_years: never", "retention.yaml:4: 'bodies_years': Input shou"),
        ("evidence.yaml", "edited: 210", "edited: 501", "evidence.yaml:14: 'evidence.0': edited is above cases; me"),
        ("evidence.yaml", "task: medical-coding", "task: unknown", "evidence.yaml:28: there is no tasks/unknown.ya"),
        (
            "evidence.yaml",
            "task: medical-coding",
            "task: scheduling-message",
            "evidence.yaml:35: evidence for this task",
        ),
        (
            "evidence.yaml",
            "illustrative: true",
            "illustrative: false",
            "evidence.yaml:14: 'evidence.0': evidence needs",
        ),
        (
            "evidence.yaml",
            "cases: 500",
            f"cases: 500\n    model_digest: {'a' * 64}",
            "evidence.yaml:14: 'evidence.0': ill",
        ),
        ("schema.cedarschema", "entity Appliance;", "entity Appliance", "schema.cedarschema:"),
        ("schema.cedarschema", "{ purpose: String }", "{ purpose: Strng }", "schema.cedarschema:"),
        (
            "tasks.cedar",
            "principal.tasks.contains",
            "principal.grants.contains",
            "tasks.cedar:6: the policy does not fit",
        ),
        (
            "trail.cedar",
            '@id("own-exchanges")',
            '@id("granted-task")',
            "trail.cedar:3: policy 'granted-task' stands in t",
        ),
    ],
)
def test_a_bad_bundle_is_refused_as_a_whole_with_file_line_and_reason(
    policies: Path, file: str, old: str, new: str, said: str
) -> None:
    edit(policies, file, old=old, new=new)

    with pytest.raises(PolicyInvalidError) as error:
        load_bundle(policies)

    assert error.value.public[: len(said)] == said


@pytest.mark.parametrize(
    "name",
    ["providers.yaml", "roles.yaml", "retention.yaml", "evidence.yaml", "restrictions.yaml", "schema.cedarschema"],
)
def test_a_missing_register_is_refused(policies: Path, name: str) -> None:
    (policies / name).unlink()

    with pytest.raises(PolicyInvalidError, match=f"{name}:1: the file is missing"):
        load_bundle(policies)


def test_measured_evidence_needs_a_window_that_runs_forward(policies: Path) -> None:
    window = "window: {first: 2026-03-31, last: 2026-01-01}"
    row = f"cases: 500\n    model_digest: {'a' * 64}\n    prompt_version: {'b' * 64}\n    {window}"
    edit(policies, "evidence.yaml", old="cases: 500", new=row)

    with pytest.raises(PolicyInvalidError, match=r"evidence.yaml:19: 'evidence.0.window': last is before first"):
        load_bundle(policies)


def test_a_reference_within_the_file_is_allowed(policies: Path) -> None:
    edit(
        policies,
        TASK,
        old="notes: {type: string}",
        new="notes: {$ref: '#/$defs/text'}\n  $defs: {text: {type: string}}",
    )

    assert "discharge-summary" in load_bundle(policies).tasks


def test_measured_evidence_stands_beside_the_illustrative(policies: Path) -> None:
    measured = (
        f"  - {{task: discharge-summary, route: local, cases: 300, edited: 30, model_digest: {'a' * 64},\n"
        f"     prompt_version: {'b' * 64}, source: A test., window: {{first: 2026-01-01, last: 2026-03-31}}}}\n"
    )
    (policies / "evidence.yaml").write_text((policies / "evidence.yaml").read_text() + measured)

    rows = [row for row in load_bundle(policies).evidence if not row.illustrative]

    keys = [(row.task, row.route, row.model_digest, row.prompt_version) for row in rows]
    assert keys == [("discharge-summary", "local", "a" * 64, "b" * 64)]
