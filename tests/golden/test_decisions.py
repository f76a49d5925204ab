"""The whole policy as a table; a change of it is a diff in decisions.txt that privacy has to agree to."""

from appliance.policy.bundle import Bundle
from appliance.policy.table import render, table
from tests.support.golden import Golden
from tests.support.policy_folder import client


def test_who_may_do_what_changes_only_with_a_reviewed_diff(bundle: Bundle, golden: Golden) -> None:
    clients = [
        client("Ward EHR"),
        client("Coding desk", tasks=["medical-coding"], tenant="general-hospital"),
        client("Unused integration", tasks=[]),
        client("Greedy integration", tasks=["medical-coding"], roles=bundle.roles),
    ]

    text = render(table(bundle, clients))

    golden.check("decisions.txt", text)
