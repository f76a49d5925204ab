"""What each unit may do: as little as it needs, and nothing that a site could add by accident."""

import socket
from pathlib import Path

import pytest

from appliance.errors import ConfigError
from appliance.isolation.expectations import PROGRAMS, expected, present
from tests.support.isolation import LINK, NETWORK, a_network, a_unit


def test_only_the_broker_and_the_relays_may_go_anywhere(tmp_path: Path) -> None:
    network = a_network(tmp_path, syslog={"address": "10.9.0.8", "port": 6514})

    going = {name for name in PROGRAMS if expected(name, network, tmp_path).endpoints}

    assert going == {"broker", "witness", "metrics", "syslog"}


def test_the_recorder_makes_no_internet_socket(tmp_path: Path) -> None:
    assert a_unit(tmp_path, "recorder").families == {socket.AF_UNIX}


def test_the_recorder_may_write_beside_its_file_witness_on_other_media(tmp_path: Path) -> None:
    (tmp_path / "trail.yaml").write_text("witnesses: [{kind: file, path: /mnt/stick/heads.log}, {kind: log}]")

    assert Path("/mnt/stick") in a_unit(tmp_path, "recorder").state
    assert Path("/mnt/stick") not in a_unit(tmp_path, "broker").state


def test_a_trail_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "trail.yaml").write_text("witnesses: [{kind: file}]")

    with pytest.raises(ConfigError, match=r"trail\.yaml"):
        a_unit(tmp_path, "recorder")


def test_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no unit 'database'"):
        a_unit(tmp_path, "database")


def test_a_unit_without_a_user_is_refused(tmp_path: Path) -> None:
    users = {name: uid for name, uid in NETWORK["users"].items() if name != "recorder"}

    with pytest.raises(ConfigError, match="no user for 'recorder'"):
        a_unit(tmp_path, "gateway", users=users)


def test_a_relay_that_the_site_does_not_have_may_go_nowhere(tmp_path: Path) -> None:
    assert a_unit(tmp_path, "witness", witness_relay={}).endpoints == ()


def test_ray_is_expected_on_an_engines_link_alone(tmp_path: Path) -> None:
    assert "ray" not in present(a_network(tmp_path))
    assert {"ray", "engine", "gateway", "recorder"} <= set(present(a_network(tmp_path, engine_link=LINK)))


def test_a_host_that_lends_its_cards_runs_nothing_but_ray(tmp_path: Path) -> None:
    assert present(a_network(tmp_path, engine_link={**LINK, "lender": True})) == ("ray",)


def test_the_engine_has_the_hosts_network_on_a_link_only(tmp_path: Path) -> None:
    assert a_unit(tmp_path, "engine").has_own_network
    assert not a_unit(tmp_path, "engine", engine_link=LINK).has_own_network
    assert a_unit(tmp_path, "ray", engine_link=LINK).uid == a_unit(tmp_path, "engine").uid
    assert a_unit(tmp_path, "recorder", engine_link=LINK).has_own_network
    assert a_unit(tmp_path, "gateway", engine_link=LINK).link is None
