"""An empty network in a child process, with rules of its own: what the tries meet there cannot meet anybody else."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from appliance.isolation.attempt import Attempt
from appliance.isolation.joined import start
from appliance.isolation.layers import enter_empty_network

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")

TABLE = """
table inet test {{
  chain output {{
    type filter hook output priority 0
    ct state related accept
    {rule}
  }}
}}
"""

SILENCE = (
    "ip link add quiet type veth peer name other",
    "ip addr add 198.18.0.2/24 dev quiet",
    "ip link set quiet up",
    "ip link set other up",
    "ip neigh add 198.18.0.1 lladdr 02:00:00:00:00:01 dev quiet",
)
"""A device that takes everything and answers nothing."""


def enter_network(rule: str, work: Callable[[], Sequence[Attempt]]) -> tuple[Attempt, ...]:
    """Do the work in an empty network with listeners, a device that swallows everything, and one rule on output."""
    return start("test", partial(_prepare, rule), partial(_listening, work)).finish()


def _prepare(rule: str) -> None:
    enter_empty_network()
    for words in SILENCE:
        subprocess.run(words.split(), check=False, capture_output=True)  # fixed words
    if rule:
        nft = shutil.which("nft") or "nft"
        subprocess.run((nft, "-f", "-"), input=TABLE.format(rule=rule), text=True, check=True)  # fixed words


def _listening(work: Callable[[], Sequence[Attempt]]) -> Sequence[Attempt]:
    with socket.create_server(("0.0.0.0", 44300)):  # noqa: S104  # an empty network
        return work()
