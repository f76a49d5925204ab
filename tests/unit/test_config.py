"""A site's layout: five users, a folder each, and programs that refuse what the installer did not make."""

import os
from pathlib import Path

import pytest

from appliance.config import (
    CHECKOUT,
    GROUP_READS,
    NOTHING,
    Config,
    Site,
    check_own,
    enter_private,
    load_config,
    make_private,
)
from appliance.errors import ConfigError
from tests.support.other_users import needs_root

SOMEBODY = 861


def site_config(home: Path, **site: object) -> Config:
    return Config.model_validate({"home": home, "site": site})


def test_without_a_site_every_place_is_where_it_was(tmp_path: Path) -> None:
    config = Config(home=tmp_path)

    assert config.clients == tmp_path / "clients.json"
    assert config.secrets == config.exclusion_secrets == tmp_path / "secrets"
    assert config.exclusions == tmp_path / "exclusions.json"
    assert config.latest_time == tmp_path / "latest-time.json"
    assert config.engine_home == tmp_path / "engine-cache"
    assert config.tls == tmp_path / "tls"
    assert config.cache == CHECKOUT / "var" / "cache"
    sockets = {config.engine_socket, config.broker_socket, config.recorder_socket, config.engine_state}
    assert {path.parent for path in sockets} == {config.run} == {config.run_of("console")}


def test_at_a_site_each_program_has_folders_of_its_own() -> None:
    config = site_config(Path("/var/lib/appliance"))

    assert config.run == Path("/run/appliance-gateway")
    assert config.engine_socket == Path("/run/appliance-engine/engine.sock")
    assert config.engine_state == Path("/run/appliance-engine/engine.json")
    assert config.recorder_socket == Path("/run/appliance-recorder/recorder.sock")
    assert config.broker_socket == Path("/run/appliance-broker/broker.sock")
    own = Path("/var/lib/appliance/gateway")
    assert config.clients.parent == config.secrets.parent == config.latest_time.parent == config.cache.parent == own
    assert config.broker_clock == Path("/var/lib/appliance/broker/clock.json")
    assert config.engine_home == Path("/var/lib/appliance/engine")
    assert config.exclusions.parent == config.exclusion_secrets == Path("/var/lib/appliance/exclusions")
    assert config.tls == Path("/etc/appliance/tls")


def test_the_cache_can_be_put_elsewhere_and_survives_the_command_lines_options(tmp_path: Path) -> None:
    config = Config.model_validate({"home": tmp_path, "site": {}, "cache": "/cache"})

    assert Config.model_validate(config.model_dump()) == config
    assert config.cache == Path("/cache")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("users: {gateway: 863}", "five different user ids"),
        ("users: {gateway: 0}", "greater than 0"),
        ("users: {gateway: 4294967295}", "less than 4294967295"),
        ("run: sockets", "absolute path"),
        (f"run: /{'r' * 90}", "short enough for Unix sockets"),
        ("runs: /run", "Extra inputs"),
    ],
)
def test_a_site_that_cannot_stand_is_refused_with_its_key(tmp_path: Path, section: str, told: str) -> None:
    (tmp_path / "appliance.yaml").write_text(f"site:\n  {section}\n")

    with pytest.raises(ConfigError, match=told) as refused:
        load_config(tmp_path)

    assert f"'site.{section.partition(':')[0]}" in str(refused.value)


def test_the_sites_folders_of_sockets_are_named_after_the_programs() -> None:
    assert Site(run=Path("/srv/run")).run_of("broker") == Path("/srv/run/appliance-broker")


def test_a_programs_own_folder_is_accepted_as_installed(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    assert check_own(tmp_path, others=GROUP_READS) == tmp_path


def test_a_folder_that_is_missing_open_or_no_folder_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file, open_one = tmp_path / "file", tmp_path / "open"
    file.touch()
    open_one.mkdir(mode=0o755)

    with pytest.raises(ConfigError, match=r"cannot be used \(No such file.*run the playbook"):
        check_own(tmp_path / "missing", others=NOTHING)
    with pytest.raises(ConfigError, match=r"is no folder; move away"):
        check_own(file, others=NOTHING)
    with pytest.raises(ConfigError, match=r"mode 0755, which lets others in; run the playbook"):
        check_own(open_one, others=GROUP_READS)


def test_a_link_to_an_own_folder_is_no_folder_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(ConfigError, match="is no folder"):
        check_own(tmp_path / "link", others=GROUP_READS)


@needs_root
def test_a_folder_of_another_user_is_refused_and_both_users_are_named(tmp_path: Path) -> None:
    os.chown(tmp_path, SOMEBODY, SOMEBODY)

    with pytest.raises(ConfigError, match="belongs to user 861, not to user 0; run the playbook"):
        check_own(tmp_path, others=NOTHING)


@needs_root
def test_root_works_in_a_programs_folder_and_leaves_it_the_programs(tmp_path: Path) -> None:
    os.chown(tmp_path, SOMEBODY, SOMEBODY)
    tmp_path.chmod(0o700)

    made = enter_private(tmp_path / "secrets")

    for folder in (enter_private(tmp_path), made):
        status = folder.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (SOMEBODY, SOMEBODY, 0o700)


@needs_root
def test_root_is_not_led_astray_by_whoever_owns_the_folder(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "gateway"
    victim.mkdir(mode=0o755)
    folder.mkdir(mode=0o700)
    (folder / "secrets").symlink_to(victim)
    os.chown(folder / "secrets", SOMEBODY, SOMEBODY, follow_symlinks=False)

    with pytest.raises(ConfigError, match="look who changed it"):
        enter_private(folder / "secrets")

    assert victim.stat().st_mode & 0o777 == 0o755


@needs_root
def test_root_still_takes_no_foreign_folder_for_its_own(tmp_path: Path) -> None:
    os.chown(tmp_path, SOMEBODY, SOMEBODY)

    with pytest.raises(ConfigError, match="not a folder of this user"):
        make_private(tmp_path)


def test_a_private_folder_is_made_with_its_mode(tmp_path: Path) -> None:
    assert enter_private(tmp_path / "new").stat().st_mode & 0o777 == 0o700
