from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.question import Action, Question, task_resource
from appliance.policy.table import render, table
from tests.support.open_bundles import an_open_bundle
from tests.support.policy_folder import TASKS, client
from tests.support.registers import a_provider, a_sandbox_provider


def test_what_is_shown_is_what_is_decided(bundle: Bundle) -> None:
    actor = client(tasks=["medical-coding"])

    shown = {
        row.on: row.allowed for row in table(bundle, [actor]) if row.action is Action.USE_TASK and "Ward" in row.who
    }

    for name in TASKS:
        question = Question(
            actor=actor, action=Action.USE_TASK, resource=task_resource(bundle.tasks[name]), facts={"purpose": "TREAT"}
        )
        assert shown[f"task {name}"] == decide(bundle, question).allowed


def test_the_order_of_the_registry_does_not_matter(bundle: Bundle) -> None:
    one, two = client("B"), client("A", roles=[])

    assert render(table(bundle, [one, two])) == render(table(bundle, [two, one]))
    assert "Client A (no role; tenant sandbox)" in render(table(bundle, [two]))


def test_every_role_of_a_person_has_its_block(bundle: Bundle) -> None:
    text = render(table(bundle, []))

    assert text.startswith("Officer with role compliance-officer\n")
    assert text.count(" with role ") == 5


def test_an_escalation_is_shown_for_each_provider_by_itself(bundle: Bundle) -> None:
    registered = an_open_bundle(bundle, a_provider(), a_sandbox_provider())
    actor = client(tenant="general-hospital", tasks=["discharge-summary"])

    rows = [row for row in table(registered, [actor]) if "Ward" in row.who and row.action is Action.ESCALATE]

    assert {row.on for row in rows if row.allowed} == {"task discharge-summary to example-cloud"}
    assert len(rows) == 2 * len(TASKS)


def test_the_register_is_changed_by_officers_only(bundle: Bundle) -> None:
    rows = [row for row in table(bundle, [client(roles=bundle.roles)]) if row.action is Action.CHANGE_REGISTER]

    assert {row.who for row in rows if row.allowed} == {
        "Officer with role privacy-officer",
        "Officer with role release-officer",
    }
    assert {row.on for row in rows} == {"the register"}


def test_a_row_for_programs_has_the_whole_reason(bundle: Bundle) -> None:
    row = table(bundle, [client(tasks=[])])[0].to_json()

    assert row == {
        "who": "Client Ward 3 EHR (integration; tenant sandbox)",
        "action": "UseTask",
        "on": "task discharge-summary",
        "allowed": False,
        "reason": "Client Ward 3 EHR has not been granted task discharge-summary; "
        "an operator grants it with 'appliance client add'.",
        "policy_ids": [],
    }
