from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.errors import PolicyInvalidError
from appliance.policy.pins import certificates
from tests.support.policy_folder import edit
from tests.support.registers import (
    a_ca_pem,
    a_leaf_pem,
    a_provider,
    a_sandbox_provider,
    an_endpoint,
    read_back,
    write_register,
)

PIN = "pins/api.cloud.example.pem"


def _refusal(policies: Path) -> str:
    with pytest.raises(PolicyInvalidError) as error:
        read_back(policies)
    return error.value.public


@pytest.mark.parametrize(
    "addresses",
    [
        ("203.0.113.7",),
        ("160.79.104.0/23", "2607:6bc0::/48"),
        # A private link of a cloud has an address of the hospital's own network.
        ("10.20.0.5", "fd12:3456::7"),
    ],
)
def test_addresses_and_ranges_are_pinned_as_written(policies: Path, addresses: tuple[str, ...]) -> None:
    write_register(policies, a_provider(endpoint=an_endpoint(addresses=addresses)))

    assert read_back(policies)["example-cloud"].endpoint.addresses == addresses


@pytest.mark.parametrize(
    ("addresses", "said"),
    [
        ([], "at least one"),
        (["api.cloud.example"], "an entry is no IP address and no CIDR range such as 203.0.113.0/24; mend it"),
        (["203.0.113.7/24"], "an entry is no IP address"),
        (["fe80::1%eth0"], "an entry is no IP address"),
        (["0.0.0.0/0"], "0.0.0.0/0 is so wide that it pins nothing; list the provider's own ranges"),
        (["::/0"], "::/0 is so wide that it pins nothing"),
        (["203.0.0.0/9"], "203.0.0.0/9 is so wide that it pins nothing"),
        (["203.0.0.0/8"], "203.0.0.0/8 is so wide"),
        (["169.254.169.254"], "169.254.169.254/32 is no address of a provider; remove it"),
        (["169.192.0.0/10"], "169.192.0.0/10 is no address of a provider"),
        (["fd00:ec2::254"], "fd00:ec2::254/128 is no address of a provider"),
        (["::ffff:127.0.0.1"], "::ffff:7f00:1/128 is no address of a provider"),
        (["224.0.0.1"], "224.0.0.1/32 is no address of a provider"),
        (["0.0.0.1"], "0.0.0.1/32 is no address of a provider"),
        (["203.0.113.7", "203.0.113.7"], "an address stands here twice; remove one of the two"),
        (["203.0.113.7", "127.0.0.1"], "addresses of this machine and of others stand together; separate them"),
    ],
)
def test_an_address_that_pins_nothing_is_refused(policies: Path, addresses: list[str], said: str) -> None:
    write_register(policies, a_provider(endpoint=an_endpoint(addresses=tuple(addresses))))

    refusal = _refusal(policies)

    assert refusal.startswith("providers.yaml:")
    assert said in refusal


@pytest.mark.parametrize("written", ["203.0.113.0/24", "[3405803776]", "[null]"])
def test_addresses_that_are_no_list_of_texts_are_refused(policies: Path, written: str) -> None:
    write_register(policies, a_provider())
    edit(policies, "providers.yaml", old="addresses:\n  - 203.0.113.0/24", new=f"addresses: {written}")

    assert _refusal(policies).startswith("providers.yaml:5: 'hosts.0.addresses': ")


@pytest.mark.parametrize(
    "host",
    ["API.cloud.example", "203.0.113.7", "api.cloud.example.", "api..example", "-a.example", "a" * 64, "a_b", ""],
)
def test_a_host_is_a_name_in_lower_case(policies: Path, host: str) -> None:
    write_register(policies, a_provider())
    edit(policies, "providers.yaml", old="name: api.cloud.example", new=f"name: '{host}'")

    assert _refusal(policies).startswith("providers.yaml:3: 'hosts.0.name': this is no host name in lower case, as")


def test_a_stand_in_may_have_both_loopback_addresses(policies: Path) -> None:
    endpoint = an_endpoint(host="stand-in.example", addresses=("127.0.0.1", "::1"))

    write_register(policies, a_sandbox_provider(endpoint=endpoint))

    assert read_back(policies)["stand-in"].endpoint == endpoint


def test_a_host_that_stands_twice_is_refused(policies: Path) -> None:
    write_register(policies, a_provider())
    text = (policies / "providers.yaml").read_text()
    entry = text[text.index("- name: api") : text.index("providers:")]

    (policies / "providers.yaml").write_text(text.replace(entry, entry + entry.replace("443", "444")))

    assert _refusal(policies) == "providers.yaml:9: host 'api.cloud.example' stands above; keep one of the two."


def test_a_host_that_nobody_uses_opens_nothing(policies: Path) -> None:
    write_register(policies, a_provider(), a_sandbox_provider())
    edit(policies, "providers.yaml", old="host: stand-in.example", new="host: api.cloud.example")
    edit(policies, "providers.yaml", old="sandbox: true", new="sandbox: false")

    assert _refusal(policies) == (
        "providers.yaml:9: no provider uses host 'stand-in.example'; remove it, so that nothing is opened."
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no certificate in PEM form; mend it."),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is no certificate in PEM form; mend it."),
        ("é", "is no certificate in PEM form; mend it."),
        (a_leaf_pem(), "is not the certificate of an authority; put that of the host's issuer there."),
        (a_leaf_pem(constrained=False), "is not the certificate of an authority; put that of the host's issuer there."),
        (a_ca_pem() + a_leaf_pem(), "is not the certificate of an authority; put that of the host's issuer there."),
    ],
)
def test_a_pin_that_is_no_authoritys_certificate_is_refused(policies: Path, content: str, said: str) -> None:
    write_register(policies, a_provider())

    (policies / PIN).write_text(content)

    assert _refusal(policies) == f"providers.yaml:7: {PIN} {said}"


def test_a_private_key_among_the_pins_is_refused(policies: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_register(policies, a_provider())

    (policies / PIN).write_text(a_ca_pem() + key.decode())

    assert _refusal(policies) == (
        f"providers.yaml:7: {PIN} holds a private key; remove it here, and renew it where it came from."
    )


def test_a_pin_that_is_missing_is_named(policies: Path) -> None:
    write_register(policies, a_provider())

    (policies / PIN).unlink()

    assert _refusal(policies) == f"providers.yaml:7: there is no {PIN}; put the authority's certificate there."


def test_a_pin_that_no_host_names_is_refused(policies: Path) -> None:
    write_register(policies, a_provider())

    (policies / "pins" / "old.pem").write_text(a_ca_pem())

    assert _refusal(policies) == "providers.yaml:2: pins/old.pem is named by no host; remove the file or name it."


@pytest.mark.parametrize("name", ["../tasks/x.pem", "a/b.pem", "A.pem", "x.key", ".pem"])
def test_a_pin_is_a_file_of_its_folder(policies: Path, name: str) -> None:
    write_register(policies, a_provider())
    edit(policies, "providers.yaml", old="ca: api.cloud.example.pem", new=f"ca: {name}")

    assert _refusal(policies).startswith("providers.yaml:7: 'hosts.0.ca': String should match pattern")


def test_an_authority_may_have_several_certificates() -> None:
    both = a_ca_pem() + a_ca_pem("Next CA", expires=datetime(2098, 1, 1, tzinfo=UTC))

    assert [each.not_valid_after_utc.year for each in certificates(both)] == [2099, 2098]
