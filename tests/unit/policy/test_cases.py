from pathlib import Path

import pytest

from appliance.errors import PolicyInvalidError
from appliance.policy.bundle import Bundle
from appliance.policy.cases import check_cases
from appliance.policy.load import load_bundle
from tests.support.policy_folder import edit


def test_the_shipped_policy_answers_every_case_as_it_is_written(bundle: Bundle, policies: Path) -> None:
    assert check_cases(bundle, policies) >= 24


def test_a_case_that_fails_names_its_line_what_it_expects_and_what_came(bundle: Bundle, policies: Path) -> None:
    edit(policies, "cases/tasks.yaml", old="policies: [granted-task]", new="policies: [somebody-else]")

    with pytest.raises(PolicyInvalidError) as error:
        check_cases(bundle, policies)

    assert error.value.public == (
        "cases/tasks.yaml:3: 'A client may use a task that an operator granted to it' expects yes by somebody-else, "
        "but the policies answer yes by granted-task; mend the policy, or the case if the change is meant."
    )


def test_a_weakened_policy_fails_its_case(policies: Path) -> None:
    edit(policies, "tasks.cedar", old="when { principal.tasks.contains(resource.name) }", new="when { true }")

    with pytest.raises(PolicyInvalidError, match=r"expects no by no policy, .* yes by granted-task"):
        check_cases(load_bundle(policies), policies)


def test_a_case_about_two_things_is_refused(bundle: Bundle, policies: Path) -> None:
    edit(policies, "cases/people.yaml", old="trail: own", new="trail: own\n    task: medical-coding")

    with pytest.raises(PolicyInvalidError, match="a case is about a task or about the trail; remove one"):
        check_cases(bundle, policies)


def test_a_case_may_state_a_set_as_a_fact(bundle: Bundle, policies: Path) -> None:
    edit(policies, "cases/escalation.yaml", old="facts: {restrictions: [opt-out]}", new="facts: {restrictions: []}")

    with pytest.raises(PolicyInvalidError, match=r"expects no by restriction-stays, .* yes by task-escalates"):
        check_cases(bundle, policies)


def test_a_folder_without_cases_checks_nothing_and_says_so(bundle: Bundle, policies: Path) -> None:
    for file in (policies / "cases").iterdir():
        file.unlink()

    with pytest.raises(PolicyInvalidError, match="there is no case"):
        check_cases(bundle, policies)
