"""Provider, status, doctor and policy check tell of agreements: how many days are left, and what closes a provider."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.cli import status
from appliance.clock import Clock
from appliance.policy.register import Agreement
from tests.support.approvals import approve_policies
from tests.support.command_line import Done, run
from tests.support.policy_folder import edit
from tests.support.registers import a_ca_pem, a_provider, a_sandbox_provider, an_agreement, an_endpoint, write_register
from tests.support.trails import new_trail

DAY = timedelta(days=1)


@pytest.fixture
def home(tmp_path: Path, policies: Path) -> Path:
    (tmp_path / "appliance.yaml").write_text(
        f"policies: {policies}\nengine:\n  upstream: http://127.0.0.1:9\nport: 0\n"
    )
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def approved(home: Path, policies: Path) -> Path:
    """Return a home whose register has one provider in force, which two officers approved."""
    new_trail(home)
    _approve(home, policies)
    return home


def _approve(home: Path, policies: Path, **changes: object) -> None:
    """Put a register of one provider in place and approve it, as if nothing had been approved before."""
    write_register(policies, a_provider(**changes))
    for receipt in (home / "approvals").glob("*.json"):
        receipt.unlink()
    approve_policies(home)


def _ending(left: timedelta) -> Agreement:
    end = (Clock().now() + left).replace(microsecond=0)
    return an_agreement(effective=end - 400 * DAY, expires=end)


def _said(shown: Done) -> str:
    """Return what a person reads, without the breaks of a table."""
    return " ".join(shown.out.split())


def test_an_empty_register_is_said_to_let_nothing_leave(home: Path) -> None:
    shown = run("provider", "list", home=home)

    assert (shown.code, _said(shown)) == (
        0,
        "The register names no provider, so nothing leaves the building; see policies/providers.yaml.",
    )
    assert run("provider", "list", "--json", home=home).json()["agreements"] == []


def test_a_list_shows_each_agreement_with_its_days_left(approved: Path) -> None:
    shown, told = run("provider", "list", home=approved), run("provider", "list", "--json", home=approved).json()

    assert shown.code == 0
    assert "BAA-2026-014" in shown.out
    assert "in force" in shown.out
    [row] = told["agreements"]
    left = (datetime(2099, 1, 1, tzinfo=UTC) - Clock().now()).days
    assert (row["provider"], row["state"], row["closed"]) == ("example-cloud", "in force", "")
    assert row["days_left"] in {left, left - 1}
    assert told["warnings"] == []


def test_a_register_that_nobody_approved_is_closed_and_says_so(home: Path, policies: Path) -> None:
    write_register(policies, a_provider(), a_sandbox_provider())

    shown, told = run("provider", "list", home=home), run("provider", "list", "--json", home=home).json()

    assert "two officers have not approved this policy" in told["agreements"][0]["closed"]
    assert "closed:" in shown.out
    assert "SANDBOX" in shown.out


@pytest.mark.parametrize(
    ("agreement", "state"),
    [
        (_ending(-DAY), "expired"),
        (an_agreement(effective=datetime(2098, 1, 1, tzinfo=UTC)), "not yet in force"),
        (_ending(3 * DAY), "in force"),
    ],
)
def test_an_agreement_is_shown_as_it_stands(approved: Path, policies: Path, agreement: Agreement, state: str) -> None:
    _approve(approved, policies, agreements=(agreement,))

    [row] = run("provider", "list", "--json", home=approved).json()["agreements"]

    assert (row["state"], row["closed"]) == (state, "")


def test_an_agreement_that_ends_is_told_by_every_command(approved: Path, policies: Path) -> None:
    _approve(approved, policies, agreements=(_ending(6 * DAY + DAY / 2),))
    sentence = "Agreement BAA-2026-014 with Example Cloud Inc. expires in 6 days"

    listed, state = run("provider", "list", home=approved), run("status", home=approved)
    told, checks = run("status", "--json", home=approved).json(), run("doctor", "--json", home=approved).json()

    assert sentence in listed.out
    assert sentence in state.out
    [warning] = told["agreements"]
    assert (warning["threshold"], warning["days_left"]) == (7, 6)
    assert any(sentence in each["found"] and each["verdict"] == "warning" for each in checks["checks"])


def test_an_ended_agreement_closes_the_provider_and_stops_nothing_else(approved: Path, policies: Path) -> None:
    _approve(approved, policies, agreements=(_ending(-DAY),))

    shown, told = run("status", home=approved), run("status", "--json", home=approved).json()
    checks = run("doctor", "--json", home=approved).json()["checks"]

    assert shown.code == status.EXIT_NOT_RUNNING
    assert "is closed until two officers approve" in shown.out
    assert told["policy"]["providers"] == [
        {"name": "example-cloud", "state": "closed", "reason": "BAA-2026-014 expired"}
    ]
    assert {each["verdict"] for each in checks if each["check"] == "agreements"} == {"warning"}


@pytest.mark.parametrize("command", [("policy", "check"), ("policy", "reload")])
def test_a_register_with_an_ended_agreement_is_not_put_in_force(
    home: Path, policies: Path, command: tuple[str, ...]
) -> None:
    write_register(policies, a_provider(agreements=(_ending(-DAY),)))

    shown = run(*command, home=home)

    assert shown.code == 1
    assert "agreement 'BAA-2026-014' of provider 'example-cloud' expired at" in shown.err


def test_a_policy_with_a_provider_is_checked(home: Path, policies: Path) -> None:
    write_register(policies, a_provider())

    assert run("policy", "check", "--json", home=home).json()["providers"] == 1


def test_status_names_the_providers_that_are_open(approved: Path) -> None:
    [provider] = run("status", "--json", home=approved).json()["policy"]["providers"]

    assert (provider["name"], provider["state"]) == ("example-cloud", "open")
    assert provider["reason"].startswith("BAA-2026-014 until 2099-01-01, ")


def test_status_of_a_policy_that_does_not_load_tells_of_no_agreement(home: Path, policies: Path) -> None:
    edit(policies, "providers.yaml", old="\nproviders: []", new="\nproviders: [{name: x}]")

    told = run("status", "--json", home=home).json()

    assert told["agreements"] == []
    assert "'providers.0.service' is missing" in told["policy"]["problem"]


def test_a_provider_is_shown_in_full_and_without_its_secret(approved: Path) -> None:
    shown = run("provider", "show", "example-cloud", home=approved)
    told = run("provider", "show", "example-cloud", "--json", home=approved).json()

    assert shown.code == 0
    for expected in ("203.0.113.0/24", "frontier-2026-03-01", "Agreement BAA-2026-014: in force", "5" * 64, "TREAT"):
        assert expected in shown.out
    assert "BEGIN CERTIFICATE" not in shown.out
    assert told["ca_ends"] == "2099-01-01T00:00:00+00:00"
    assert told["models"][0]["digest"] == a_provider().identity(a_provider().models[0]).digest
    assert told["agreements"][0]["purposes"] == ["TREAT"]


def test_a_provider_that_is_not_there_is_named_with_those_that_are(home: Path, policies: Path) -> None:
    empty = run("provider", "show", "acme", home=home)
    write_register(policies, a_provider())
    other = run("provider", "show", "acme", home=home)

    assert (empty.code, empty.err.strip()) == (1, "The register names no provider 'acme'; it names: none.")
    assert other.err.strip() == "The register names no provider 'acme'; it names: example-cloud."


def _agreements(home: Path) -> list[tuple[str, str]]:
    checks = run("doctor", "--json", home=home).json()["checks"]
    return [(each["verdict"], each["found"]) for each in checks if each["check"] == "agreements"]


def test_doctor_says_that_nothing_leaves_without_a_provider(home: Path) -> None:
    assert _agreements(home) == [("ok", "no provider: nothing leaves the building")]


def test_doctor_names_a_missing_credential_and_nothing_once_it_is_there(approved: Path) -> None:
    missing = _agreements(approved)
    (approved / "broker" / "credentials").mkdir(parents=True)
    (approved / "broker" / "credentials" / "example-cloud.key").write_text("secret")
    there = _agreements(approved)

    assert [verdict for verdict, _found in missing] == ["ok", "warning"]
    assert missing[1][1].endswith("example-cloud.key is missing: example-cloud cannot be asked")
    assert [verdict for verdict, _found in there] == ["ok"]


def test_doctor_names_a_register_that_nobody_approved_and_a_pin_that_ends(home: Path, policies: Path) -> None:
    ends = (Clock().now() + 30 * DAY).replace(microsecond=0)
    endpoint = an_endpoint(ca_pem=a_ca_pem("ending", expires=ends))
    write_register(policies, a_provider(endpoint=endpoint))

    found = [text for verdict, text in _agreements(home) if verdict == "warning"]

    assert any(text.startswith("example-cloud is closed: two officers have not approved") for text in found)
    assert f"the pin of api.cloud.example ends {ends:%Y-%m-%d}" in found


def test_doctor_names_a_clock_that_is_behind_what_was_seen_and_a_file_that_cannot_be_read(approved: Path) -> None:
    seen = Clock().now() + 2 * DAY
    (approved / "broker").mkdir()
    (approved / "latest-time.json").write_text(json.dumps({"latest": seen.isoformat()}))
    (approved / "broker" / "clock.json").write_text("damaged")

    found = [text for verdict, text in _agreements(approved) if verdict == "warning"]

    assert (
        f"the clock is 48.0 h behind the latest time in {approved / 'latest-time.json'}, which counts for agreements"
        in found
    )
    assert any(
        text.startswith(f"{approved / 'broker' / 'clock.json'} cannot be read, so no agreement") for text in found
    )


def test_a_stand_in_needs_no_credential(home: Path, policies: Path) -> None:
    write_register(policies, a_sandbox_provider(credential=""))

    assert not any("missing" in text for _verdict, text in _agreements(home))
