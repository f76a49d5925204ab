"""The kernel's rules are the file's, the file is the playbook's, and the broker's ways out are the register's."""

import copy
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ConfigError
from appliance.isolation import ruleset
from appliance.isolation.attempt import Attempt, Outcome
from tests.support.isolation import a_network

BROKER_RULE: dict[str, Any] = {
    "rule": {
        "chain": "output",
        "handle": 50,
        "expr": [
            {"match": {"op": "==", "left": {"meta": {"key": "skuid"}}, "right": 863}},
            {
                "match": {
                    "op": "==",
                    "left": {"payload": {"protocol": "ip", "field": "daddr"}},
                    "right": "@provider_1_v4",
                }
            },
            {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 443}},
            {"counter": {"packets": 7, "bytes": 420}},
            {"accept": None},
        ],
    }
}

RULES: list[Mapping[str, Any]] = [
    {"counter": {"name": "refused_gateway", "handle": 4, "packets": 12, "bytes": 700}},
    {"set": {"name": "provider_1_v4", "elem": [{"range": ["203.0.113.8", "203.0.113.11"]}]}},
    BROKER_RULE,
]
"""A part of what ``nft -j list ruleset`` says."""

NFT = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("nft") is None, reason="needs root and nftables")


def changed(**keys: Any) -> list[Mapping[str, Any]]:
    """Return the rules with changed keys of the broker's."""
    rules = copy.deepcopy(RULES)
    rules[2]["rule"].update(keys)
    return rules


def test_counters_and_handles_make_no_difference() -> None:
    moved = changed(handle=99)
    moved[0]["counter"]["packets"] = 99

    assert ruleset.compare(moved, RULES).holds


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (changed(chain="input"), "not in the file"),
        (RULES[:2], "not in the kernel"),
        ([*RULES, {"table": {"name": "docker"}}], "docker"),
        ([RULES[1], RULES[0], RULES[2]], "another order"),
    ],
)
def test_a_rule_that_was_changed_by_hand_is_shown(held: list[Mapping[str, Any]], words: str) -> None:
    found = ruleset.compare(held, RULES)

    assert not found.holds
    assert words in found.evidence


def test_a_kernel_without_a_chain_that_drops_is_open() -> None:
    chain = {"chain": {"name": "output", "hook": "output", "policy": "drop"}}

    assert ruleset.is_shut([chain])
    assert not ruleset.is_shut([{"chain": {**chain["chain"], "policy": "accept"}}])
    assert not ruleset.is_shut([{"chain": {"name": "helper"}}])


def test_many_differences_are_counted() -> None:
    held = [*RULES, *({"table": {"name": f"t{number}"}} for number in range(9))]

    assert ruleset.compare(held, RULES).evidence.endswith("and 4 more")


def ways_out(folder: Path, held: list[Mapping[str, Any]]) -> list[Attempt]:
    """Return the findings about the broker's ways out."""
    network = a_network(folder)
    return [each for each in ruleset.compare_ways_out(held, network, network.endpoints) if not each.holds]


def test_the_brokers_ways_out_are_those_that_are_listed(tmp_path: Path) -> None:
    assert ways_out(tmp_path, RULES) == []


@pytest.mark.parametrize("elements", [["203.0.113.8"], ["203.0.113.8/30", "198.51.100.0/24"], []])
def test_a_way_out_too_many_or_too_few_is_found(tmp_path: Path, elements: list[str]) -> None:
    rules = copy.deepcopy(RULES)
    rules[1]["set"]["elem"] = [
        {"prefix": {"addr": each.split("/")[0], "len": int(each.split("/")[1])}} if "/" in each else each
        for each in elements
    ]

    assert len(ways_out(tmp_path, rules)) == 1


def test_a_rule_that_lets_the_broker_go_anywhere_is_found(tmp_path: Path) -> None:
    expressions = [BROKER_RULE["rule"]["expr"][0], {"accept": None}]

    found = ways_out(tmp_path, changed(expr=expressions))

    assert "0.0.0.0/0 port 0" in found[0].evidence


def test_a_provider_that_is_not_in_the_firewall_yet_is_found(tmp_path: Path) -> None:
    network = a_network(tmp_path)

    found = ruleset.compare_ways_out(RULES, network, ())

    assert [each.holds for each in found] == [True, False]


def test_a_file_that_was_changed_by_hand_is_found(tmp_path: Path) -> None:
    file = tmp_path / "nftables.conf"
    file.write_text("table inet appliance {}\n")
    network = a_network(tmp_path, fingerprint=hashlib.sha256(file.read_bytes()).hexdigest())
    assert ruleset.compare_file(network, file).holds

    file.write_text("table inet appliance { }\n")

    assert "--tags firewall" in ruleset.compare_file(network, file).evidence
    assert not ruleset.compare_file(network, tmp_path / "gone").holds


def test_refusals_must_show_in_the_counters() -> None:
    before = ruleset.refused(RULES)
    after = {"gateway": before["gateway"] + 5}

    def outcome(tried: int) -> Outcome:
        return ruleset.check_counter("gateway", before=before, after=after, tried=tried).outcome

    assert [outcome(5), outcome(6), outcome(0)] == [Outcome.EXPECTED, Outcome.UNPROVEN, Outcome.UNPROVEN]


@NFT
def test_what_a_file_gives_is_read_in_an_empty_network(tmp_path: Path) -> None:
    file = tmp_path / "nftables.conf"
    file.write_text("table inet appliance {\n  counter refused_gateway { }\n}\n")

    wanted = ruleset.wanted(file)

    assert ruleset.refused(wanted) == {"gateway": 0}
    assert not any("metainfo" in each for each in wanted)


@NFT
def test_a_file_that_nft_refuses_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "nftables.conf"
    file.write_text("table inet {")

    with pytest.raises(ConfigError, match="role firewall"):
        ruleset.wanted(file)
