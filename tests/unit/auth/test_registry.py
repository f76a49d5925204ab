import json
from pathlib import Path

import pytest

from appliance.auth.registry import Registry
from appliance.errors import ConfigError, RegistryInvalidError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "clients.json"


@pytest.fixture
def registry(path: Path, tmp_path: Path) -> Registry:
    return Registry.open(path, tmp_path / "secrets")


def add(registry: Registry, name: str = "his") -> tuple[str, str]:
    client, key = registry.add(name=name, tenant="sandbox", tasks=["coding"], roles=["integration"])
    return client.id, key


def test_an_added_client_is_listed_without_its_key(registry: Registry, path: Path) -> None:
    client_id, key = add(registry)

    assert [client.id for client in registry.list()] == [client_id]
    assert key.rsplit("-", 1)[-1] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_client_becomes_the_actor_that_the_operator_described(registry: Registry) -> None:
    client_id, _ = add(registry)
    client = registry.find(client_id)

    assert client is not None
    actor = client.to_actor()

    assert (actor.client_id, actor.name, actor.tenant) == (client_id, "his", "sandbox")
    assert (actor.tasks, actor.roles) == (frozenset({"coding"}), frozenset({"integration"}))


def test_no_file_means_no_clients(registry: Registry) -> None:
    assert registry.list() == ()
    assert registry.find("client_0000000000000000") is None


def test_a_change_by_another_process_is_seen_with_the_next_use(registry: Registry, path: Path, tmp_path: Path) -> None:
    other = Registry.open(path, tmp_path / "secrets")
    client_id, _ = add(other)

    assert registry.find(client_id) is not None

    other.revoke(client_id)
    seen = registry.find(client_id)

    assert seen is not None
    assert seen.revoked is not None


def test_a_name_that_is_taken_is_refused_until_its_client_is_revoked(registry: Registry) -> None:
    add(registry)
    with pytest.raises(ConfigError, match="exists"):
        add(registry)

    registry.revoke("his")
    add(registry)

    assert len(registry.list()) == 2


def test_revoking_needs_an_active_client(registry: Registry) -> None:
    add(registry)
    registry.revoke("his")

    with pytest.raises(ConfigError, match="No active client"):
        registry.revoke("his")


@pytest.mark.parametrize("name", ["", " x", "x" * 65, "a\nb", "naïve", "his\n"])
def test_a_name_with_other_characters_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(ConfigError, match="letters"):
        add(registry, name)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"format":2,"clients":[]}',
        b'{"format":1,"clients":[],"extra":1}',
        b'{"format":1,"clients":[{"id":"client_00"}]}',
    ],
)
def test_a_damaged_registry_lets_nobody_in_and_says_so(registry: Registry, path: Path, damage: bytes) -> None:
    client_id, _ = add(registry)
    path.write_bytes(damage)

    for _ in range(2):
        with pytest.raises(RegistryInvalidError) as caught:
            registry.find(client_id)

    assert "client_00" not in caught.value.public + caught.value.detail


def test_a_repeated_id_is_damage(registry: Registry, path: Path) -> None:
    add(registry)
    content = json.loads(path.read_text())
    content["clients"].append(content["clients"][0])
    path.write_text(json.dumps(content))

    with pytest.raises(RegistryInvalidError):
        registry.check()


def test_a_mended_registry_works_again(registry: Registry, path: Path) -> None:
    client_id, _ = add(registry)
    good = path.read_bytes()
    path.write_bytes(b"{")
    with pytest.raises(RegistryInvalidError):
        registry.check()

    path.write_bytes(good)

    assert registry.find(client_id) is not None


def test_a_registry_that_cannot_be_read_lets_nobody_in(registry: Registry, path: Path) -> None:
    path.mkdir()

    with pytest.raises(RegistryInvalidError):
        registry.check()


def test_a_folder_that_cannot_be_looked_into_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    registry = Registry(path=tmp_path / "file" / "clients.json", pepper=b"x" * 32)

    with pytest.raises(RegistryInvalidError):
        registry.check()


def test_clients_without_their_pepper_stop_the_start(registry: Registry, path: Path, tmp_path: Path) -> None:
    add(registry)
    (tmp_path / "secrets" / "api-key-pepper").unlink()

    with pytest.raises(ConfigError, match="issue new keys"):
        Registry.open(path, tmp_path / "secrets")
