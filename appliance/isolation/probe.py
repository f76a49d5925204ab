"""Everything that is tried from inside one unit, in one list.

The process that calls this stands in the unit's sandbox, before the start, as systemd made it.  MUST NOT be called
with threads running, since some tries fork.
"""

from pathlib import Path

from appliance.isolation.address_filter import prove_filter
from appliance.isolation.attempt import Attempt
from appliance.isolation.connections import try_all
from appliance.isolation.destinations import destinations
from appliance.isolation.expectations import Unit
from appliance.isolation.families import try_families
from appliance.isolation.files import try_files
from appliance.isolation.identity import check_identity, check_no_core
from appliance.isolation.network_file import Network
from appliance.isolation.system_calls import try_calls
from appliance.isolation.unix_sockets import try_unix_sockets


def try_from_start(unit: Unit, network: Network, home: Path) -> tuple[Attempt, ...]:
    """Try everything, in the sandbox as systemd made it."""
    return (
        *check_identity(unit),
        check_no_core(),
        *prove_filter(unit),
        *try_all(destinations(unit, network)),
        *try_unix_sockets(unit),
        *try_families(unit),
        *try_calls(),
        *try_files(unit, home),
    )
