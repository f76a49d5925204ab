import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from appliance.auth.registry import Client, Registry
from appliance.cli.policy import app
from appliance.config import load_config
from appliance.errors import ConfigError, PolicyInvalidError
from tests.support.approvals import approve_policies
from tests.support.policy_folder import edit
from tests.support.registers import a_provider, a_sandbox_provider, write_register
from tests.support.trails import new_trail

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, policies: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "appliance.yaml").write_text(f"policies: {policies}\nengine: {{model: {tmp_path / 'no-model'}}}\n")
    return folder


@pytest.fixture
def run(home: Path) -> Run:
    def _run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--home", str(home)], catch_exceptions=False)

    return _run


@pytest.fixture
def ward(home: Path) -> Client:
    config = load_config(home)
    registry = Registry.open(config.clients, config.secrets)
    return registry.add(name="Ward 3", tenant="sandbox", tasks=["discharge-summary"], roles=["integration"])[0]


def _json(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0
    return dict(json.loads(result.stdout))


def test_check_says_that_the_policy_holds_and_its_digest(run: Run, policies: Path) -> None:
    told, counts = run("check").stdout, _json(run("check", str(policies), "--json"))

    assert (counts["tasks"], counts["providers"]) == (5, 0)
    assert counts["cases"] >= 24
    assert "holds: 5 tasks, " in told
    assert f"0 providers, {counts['cases']} cases." in told
    assert counts["digest"] in told


def test_check_refuses_a_policy_that_fails_its_own_cases(run: Run, policies: Path) -> None:
    edit(policies, "tasks.cedar", old="when { principal.tasks.contains(resource.name) }", new="when { true }")

    with pytest.raises(PolicyInvalidError, match="the policies answer yes by granted-task"):
        run("check")


def test_the_table_has_the_registered_clients_and_the_roles(run: Run, ward: Client) -> None:
    told, rows = run("table").stdout, _json(run("table", "--json"))["rows"]

    assert "Client Ward 3 (integration; tenant sandbox)" in told
    assert "Officer with role privacy-officer" in told
    assert {"who": "Client Ward 3 (integration; tenant sandbox)", "action": "UseTask"}.items() <= rows[0].items()
    assert ward.id not in told


def test_a_revoked_client_is_not_in_the_table(run: Run, ward: Client, home: Path) -> None:
    config = load_config(home)
    Registry.open(config.clients, config.secrets).revoke(ward.id)

    assert "Ward 3" not in run("table").stdout
    assert "Client Ward 3 is revoked" in run("explain", "--client", "Ward 3", "--task", "medical-coding").stdout


def test_the_table_needs_no_client_and_makes_no_registry(run: Run, home: Path) -> None:
    assert run("table").stdout.startswith("Officer with role compliance-officer")
    assert not load_config(home).secrets.exists()


def test_explain_tells_the_decision_and_the_route_with_its_numbers(run: Run, ward: Client) -> None:
    told = run("explain", "--client", ward.id, "--task", "discharge-summary").stdout

    assert "UseTask: yes.  An operator has granted this task to the client." in told
    assert "by granted-task of bundle" in told
    assert "Route of discharge-summary for Ward 3 (tenant sandbox): refused" in told
    assert "42.0 % of 500 local drafts were edited; the 95 % upper bound 46.5 % is above" in told


@pytest.mark.usefixtures("ward")
def test_explain_gives_programs_every_number(run: Run) -> None:
    told = _json(run("explain", "--client", "Ward 3", "--task", "discharge-summary", "--json"))

    assert told["allowed"] is True
    assert told["threshold"] == {"edit_rate": 0.3, "confidence": 0.95, "min_cases": 200}
    assert told["evidence"]["local"]["upper"] == pytest.approx(0.4646, abs=1e-4)
    assert told["managed"] == []
    assert told["route"]["route"] == "refused"
    assert told["route"]["illustrative"] is True


@pytest.mark.usefixtures("ward")
@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("Escalate", "Escalate: no.  No managed route is permitted"),
        ("ReadTrail", "ReadTrail: yes.  A client may see what was recorded about its own exchanges."),
        ("Operate", "Operate: no.  Client Ward 3 is not permitted to operate the appliance"),
    ],
)
def test_explain_answers_for_any_action(run: Run, action: str, answer: str) -> None:
    told = run("explain", "--client", "Ward 3", "--task", "medical-coding", "--action", action).stdout

    assert answer in told


@pytest.mark.usefixtures("ward")
def test_a_draft_below_its_threshold_is_said_to_be_so(run: Run) -> None:
    told = run("explain", "--client", "Ward 3", "--task", "prior-authorization-letter").stdout

    assert "local, marked as below its threshold" in told


@pytest.mark.usefixtures("ward")
def test_explain_tells_of_each_provider_what_keeps_it_closed(run: Run, policies: Path, home: Path) -> None:
    write_register(policies, a_provider(), a_sandbox_provider())
    new_trail(home)
    why = ("explain", "--client", "Ward 3", "--task", "discharge-summary")

    before = run(*why).stdout
    approve_policies(home)
    after, told = run(*why).stdout, _json(run(*why, "--json"))

    assert "managed stand-in frontier-2026-03-01: closed; " in before
    assert "Route of discharge-summary for Ward 3 (tenant sandbox): managed:stand-in" in after
    assert "managed stand-in frontier-2026-03-01: open under BAA-2026-014" in after
    assert "managed example-cloud frontier-2026-03-01: closed; a stand-in serves the sandbox tenant only" in after
    assert [(each["provider"], each["open"]) for each in told["managed"]] == [
        ("example-cloud", False),
        ("stand-in", True),
    ]


@pytest.mark.usefixtures("ward")
def test_explain_names_what_does_not_exist(run: Run) -> None:
    with pytest.raises(ConfigError, match="No client has this id or name"):
        run("explain", "--client", "Nobody", "--task", "medical-coding")
    with pytest.raises(ConfigError, match="There is no task 'x'; there are: discharge-summary"):
        run("explain", "--client", "Ward 3", "--task", "x")


def test_another_server_in_the_engines_place_has_no_digest_to_measure(
    run: Run, ward: Client, home: Path, policies: Path
) -> None:
    (home / "appliance.yaml").write_text(f"policies: {policies}\nengine: {{upstream: 'http://127.0.0.1:1'}}\n")

    told = run("explain", "--client", ward.id, "--task", "medical-coding").stdout

    assert "not pinned here: measured evidence cannot name it" in told


def test_reload_checks_first_and_says_when_nothing_runs(run: Run, policies: Path) -> None:
    with pytest.raises(ConfigError, match="the policy holds and is read by 'appliance up'"):
        run("reload")

    edit(policies, "retention.yaml", old="bodies_years: 6", new="bodies_years: 0")
    with pytest.raises(PolicyInvalidError, match=r"retention.yaml:4"):
        run("reload")
