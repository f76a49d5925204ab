from pathlib import Path

import pytest

from appliance.auth.authenticate import Authenticator
from appliance.auth.registry import Registry
from appliance.errors import NotAuthenticatedError, RegistryInvalidError


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.open(tmp_path / "clients.json", tmp_path / "secrets")


def issue(registry: Registry) -> str:
    return registry.add(name="his", tenant="sandbox", tasks=["coding"], roles=["integration"])[1]


def refusal(registry: Registry, header: str | None) -> str:
    with pytest.raises(NotAuthenticatedError) as caught:
        Authenticator(registry).authenticate(header)
    return caught.value.public


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {}"])
def test_the_holder_of_a_key_is_the_client(registry: Registry, form: str) -> None:
    key = issue(registry)

    assert Authenticator(registry).authenticate(form.format(key)).name == "his"


def test_a_revoked_key_is_refused_with_the_next_request(registry: Registry) -> None:
    key = issue(registry)
    authenticator = Authenticator(registry)
    authenticator.authenticate(f"Bearer {key}")

    registry.revoke("his")

    assert refusal(registry, f"Bearer {key}")


def test_every_way_to_be_wrong_gets_the_same_answer(registry: Registry) -> None:
    key = issue(registry)
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    unknown = "sk-appl-" + "0" * 16 + key[24:]
    registry.revoke("his")
    headers = [None, "", "Bearer", f"Basic {key}", key, f"Bearer {wrong}", f"Bearer {unknown}", f"Bearer {key}"]
    headers += ["Bearer " + "x" * 300, "Bearer sk-appl-nonsense", f"Bearer {key}\n", f"Bearer {key} {key}"]

    assert len({refusal(registry, header) for header in headers}) == 1


def test_a_damaged_registry_is_not_an_authentication_error(registry: Registry, tmp_path: Path) -> None:
    key = issue(registry)
    (tmp_path / "clients.json").write_text("{")

    with pytest.raises(RegistryInvalidError):
        Authenticator(registry).authenticate(f"Bearer {key}")
