"""The whole policy as a table; a change of it is a diff in decisions.txt that privacy has to agree to."""

from appliance.policy.bundle import Bundle
from appliance.policy.table import render, table
from tests.support.golden import Golden
from tests.support.open_bundles import an_open_bundle
from tests.support.policy_folder import client
from tests.support.registers import a_provider, a_sandbox_provider

WITH_PROVIDERS = """\
With the providers example-cloud and stand-in in the register

"""


def test_who_may_do_what_changes_only_with_a_reviewed_diff(bundle: Bundle, golden: Golden) -> None:
    clients = [
        client("Ward EHR"),
        client("Coding desk", tasks=["medical-coding"], tenant="general-hospital"),
        client("Unused integration", tasks=[]),
        client("Greedy integration", tasks=["medical-coding"], roles=bundle.roles),
    ]
    hospital = client("Ward EHR", tenant="general-hospital")

    shipped = render(table(bundle, clients))
    registered = an_open_bundle(bundle, a_provider(), a_sandbox_provider())
    opened = render(row for row in table(registered, [hospital, clients[0]]) if row.action == "Escalate")

    golden.check("decisions.txt", f"{shipped}\n{WITH_PROVIDERS}{opened}")
