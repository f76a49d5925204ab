from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.errors import PolicyInvalidError
from appliance.policy.load import load_bundle
from appliance.policy.register import Service
from tests.support.policy_folder import edit
from tests.support.registers import (
    a_model,
    a_provider,
    a_sandbox_provider,
    an_agreement,
    an_endpoint,
    read_back,
    register_yaml,
    write_register,
)

REGISTER = "providers.yaml"


def _refusal(policies: Path) -> str:
    with pytest.raises(PolicyInvalidError) as error:
        read_back(policies)
    return error.value.public


def test_what_is_written_is_what_is_held(policies: Path) -> None:
    azure = a_provider(
        name="azure",
        service=Service.AZURE_OPENAI,
        endpoint=an_endpoint(host="hospital.openai.azure.com", spki_sha256=("a" * 64,)),
        models=(a_model(name="frontier", deployment="ward"), a_model(name="small")),
        agreements=(
            an_agreement(
                id="B-2",
                document_sha256="6" * 64,
                services=frozenset({Service.AZURE_OPENAI}),
                models=frozenset({"frontier", "small"}),
                tasks=frozenset({"discharge-summary"}),
            ),
        ),
    )
    stand_in = a_sandbox_provider(credential="")

    held = read_back(write_register(policies, a_provider(), azure, stand_in))

    assert list(held) == ["example-cloud", "azure", "stand-in"]
    assert list(held.values()) == [a_provider(), azure, stand_in]


def test_the_register_takes_part_in_the_digest_with_its_pins(policies: Path) -> None:
    before = load_bundle(write_register(policies, a_provider())).digest
    pin = policies / "pins" / "api.cloud.example.pem"

    pin.write_text(f"# renewed\n{pin.read_text()}")

    assert load_bundle(policies).digest != before


def test_the_commented_example_of_the_shipped_file_holds(policies: Path) -> None:
    shipped = (policies / REGISTER).read_text()
    lines = [line.removeprefix("#   ") for line in shipped.splitlines() if line.startswith("#   ")]
    example = "\n".join(lines).replace("document_sha256: ...", f"document_sha256: '{'5' * 64}'")
    write_register(policies, a_provider())
    (policies / "pins" / "api.cloud.example.pem").rename(policies / "pins" / "cloud-root.pem")

    (policies / REGISTER).write_text(example)

    [provider] = read_back(policies).values()
    assert (provider.name, provider.api_version) == ("example-cloud", "2023-06-01")
    assert provider.agreements[0].expires == datetime(2027, 1, 1, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "zone", "means"),
    [
        ("2026-07-01", "UTC", datetime(2026, 7, 1, tzinfo=UTC)),
        ("2026-07-01", "America/New_York", datetime(2026, 7, 1, 4, tzinfo=UTC)),
        ("'2026-07-01'", "America/New_York", datetime(2026, 7, 1, 4, tzinfo=UTC)),
        ("2026-12-01", "America/New_York", datetime(2026, 12, 1, 5, tzinfo=UTC)),
        ("2026-07-01T00:00:00Z", "America/New_York", datetime(2026, 7, 1, tzinfo=UTC)),
        ("2026-07-01T09:30:00+02:00", "America/New_York", datetime(2026, 7, 1, 7, 30, tzinfo=UTC)),
        ("'2026-07-01T07:30:00Z'", "America/New_York", datetime(2026, 7, 1, 7, 30, tzinfo=UTC)),
        # Cuba has no midnight on the day its clocks go forward: the day begins where it would have been.
        ("2026-03-08", "America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)),
    ],
)
def test_a_date_counts_from_its_midnight_where_the_hospital_is(
    policies: Path, written: str, zone: str, means: datetime
) -> None:
    write_register(policies, a_provider(), time_zone=zone)
    edit(policies, REGISTER, old="effective: '2020-01-01T00:00:00+00:00'", new=f"effective: {written}")

    [provider] = read_back(policies).values()

    assert provider.agreements[0].effective == means
    assert provider.agreements[0].effective.tzinfo is UTC


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("time_zone: UTC", "time_zone: localtime", "providers.yaml:1: 'time_zone': String should match"),
        ("time_zone: UTC", "time_zone: Mars/Olympus", "providers.yaml:1: this machine knows no such time zone; write"),
        ("time_zone: UTC", "time_zone: Etc/../UTC", "providers.yaml:1: 'time_zone': String should match"),
        ("time_zone: UTC", "time: UTC", "providers.yaml:1: 'time' is no known key; remove it or mend its spelling"),
        ("service: anthropic-messages", "service: fax", "providers.yaml:11: 'providers.0.service': Input should be"),
        ("host: api.cloud.example", "host: api.cloud.test", "providers.yaml:15: this host is not in 'hosts'; pin it"),
        ("sandbox: false", "sandbox: true", "providers.yaml:15: a sandbox provider must be on this machine; pin 127"),
        ("sandbox: false", "sandbox: 'no'", "providers.yaml:18: 'providers.0.sandbox': Input should be a valid bool"),
        ("203.0.113.0/24", "127.0.0.1", "providers.yaml:15: this host is this machine itself; only a provider with"),
        ("api_version: '2023-06-01'", "api_version: ''", "providers.yaml:16: 'anthropic-messages' has dated versions"),
        ("api_version: '2023-06-01'", "api_version: 1.5", "providers.yaml:16: 'providers.0.api_version': Input should"),
        ("recipient: Example Cloud Inc.", "recipient: ''", "providers.yaml:13: 'providers.0.recipient': String should"),
        ("recipient: Example", 'recipient: "A\\nB"\n  # ', "providers.yaml:13: 'providers.0.recipient': String shou"),
        ("input_usd_per_million: 3.0", "input_usd_per_million: 0.0", "providers.yaml:23: 'providers.0.models.0.inp"),
        ("input_usd_per_million: 3.0", "input_usd_per_million: -3.0", "providers.yaml:23: 'providers.0.models.0.inp"),
        ("input_usd_per_million: 3.0", "input_usd_per_million: .nan", "providers.yaml:23: a number that is none; me"),
        ("usd_per_day: 50.0", "usd_per_day: 0.0", "providers.yaml:28: 'providers.0.ceilings.usd_per_day': Input sho"),
        ("concurrent: 8", "concurrent: -1", "providers.yaml:26: 'providers.0.ceilings.concurrent': Input should be "),
        ("concurrent: 8", "concurrent: '8'", "providers.yaml:26: 'providers.0.ceilings.concurrent': Input should be "),
        ("total_s: 300.0", "total_s: .inf", "providers.yaml:31: a number that is none; mend it"),
        (
            "effective: '2020-01-01T00:00:00+00:00'",
            "effective: 2020-01-01T00:00:00",
            "providers.yaml:38: 'providers.0.",
        ),
        ("effective: '2020-01-01T00:00:00+00:00'", "effective: soon", "providers.yaml:38: 'providers.0.agreements.0."),
        ("effective: '2020-01-01T00:00:00+00:00'", "effective: 20200101", "providers.yaml:38: 'providers.0.agreements"),
        ("effective: '2020-01-01T00:00:00+00:00'", "effective: 2026-02-30", "providers.yaml:38: a date or number out "),
        ("expires: '2099-01-01T00:00:00+00:00'", "expires: 9999-12-31", "providers.yaml:39: 'providers.0.agreements.0"),
        ("purposes:\n    - TREAT", "purposes: []", "providers.yaml:44: 'providers.0.agreements.0.purposes': Frozenset"),
        ("purposes:\n    - TREAT", "purposes:\n    - MARKETING", "providers.yaml:45: 'providers.0.agreements.0.purpo"),
        ("    purposes:", "    tasks: []\n    purposes:", "providers.yaml:44: 'providers.0.agreements.0.tasks': an em"),
        ("    purposes:", "    models: []\n    purposes:", "providers.yaml:44: 'providers.0.agreements.0.models': an "),
        ("data_classes:\n    - phi", "data_classes:\n    - sensitive", "providers.yaml:46: 'providers.0.agreements.0"),
        ("data_classes:\n    - phi", "data_classes:\n    - restricted", "providers.yaml:46: 'providers.0.agreements.0"),
        (
            "document_sha256: '5555",
            "document_sha256: 'x555",
            "providers.yaml:37: 'providers.0.agreements.0.document_sh",
        ),
        ("id: BAA-2026-014", 'id: "BAA 2026\\r\\n014"', "providers.yaml:33: 'providers.0.agreements.0.id': String sh"),
        (
            "id: BAA-2026-014",
            "id: &a BAA-2026-014\n    parties: *a",
            "providers.yaml:34: an alias; write the value out",
        ),
        (
            "region: us-east-1",
            "region: us-east-1\n  region: us",
            "providers.yaml:13: 'region' stands here a second tim",
        ),
    ],
)
def test_a_wrong_register_is_refused_with_line_and_reason(policies: Path, old: str, new: str, said: str) -> None:
    edit(write_register(policies, a_provider()), REGISTER, old=old, new=new)

    assert _refusal(policies)[: len(said)] == said


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (
            "sk-ant-api03-SECRETSECRET",
            "'providers.0.credential': this must be the name of a file in the broker's crede",
        ),
        ("AKIASECRETSECRET", "'providers.0.credential': this must be the name of a file in the broker's crede"),
        ("Bearer SECRET", "'providers.0.credential': this must be the name of a file in the broker's crede"),
        ("SECRET" * 6, "'providers.0.credential': this must be the name of a file in the broker's crede"),
        ("SECRET-" * 10, "'providers.0.credential': this must be the name of a file in the broker's crede"),
        ("/etc/SECRET", "'providers.0.credential': this must be the name of a file in the broker's crede"),
        ("../SECRET", "'providers.0.credential': this must be the name of a file in the broker's crede"),
        (".SECRET", "'providers.0.credential': String should match"),
        ("''", "'credential' is missing; name the file that holds it."),
    ],
)
def test_a_secret_in_the_credentials_place_is_refused_and_not_repeated(policies: Path, key: str, said: str) -> None:
    edit(
        write_register(policies, a_provider()), REGISTER, old="credential: example-cloud.key", new=f"credential: {key}"
    )

    refusal = _refusal(policies)

    assert refusal.startswith(f"providers.yaml:17: {said}")
    assert "SECRET" not in refusal


def test_zeros_are_no_documents_digest(policies: Path) -> None:
    write_register(policies, a_provider(agreements=(an_agreement(document_sha256="0" * 64),)))

    assert "zeros are no document's digest; enter what 'sha256sum' prints" in _refusal(policies)


def test_two_providers_of_one_name_are_refused(policies: Path) -> None:
    write_register(policies, a_provider(), a_provider())

    assert _refusal(policies).endswith("provider 'example-cloud' stands above; rename one of the two.")


def test_two_models_of_one_name_are_refused(policies: Path) -> None:
    write_register(policies, a_provider(models=(a_model(), a_model(deployment="other"))))

    assert _refusal(policies).endswith("this model stands above; remove one of the two.")


def test_a_region_must_be_that_of_the_host(policies: Path) -> None:
    bedrock = a_provider(
        service=Service.BEDROCK_CONVERSE, endpoint=an_endpoint(host="bedrock-runtime.us-west-2.amazonaws.com")
    )

    write_register(policies, bedrock)

    assert _refusal(policies) == "providers.yaml:12: the host is of another region; mend one of the two."


def test_a_huge_register_is_refused_before_it_is_parsed(policies: Path) -> None:
    (policies / REGISTER).write_text("# " + "x" * 300_000 + "\n" + register_yaml(a_provider()))

    assert _refusal(policies).startswith("providers.yaml:1: larger than 256 KiB")


def test_a_change_on_disk_changes_nothing_that_is_held(policies: Path) -> None:
    held = load_bundle(write_register(policies, a_provider())).providers

    edit(policies, REGISTER, old="2099", new="2021")

    assert held["example-cloud"] == a_provider()
