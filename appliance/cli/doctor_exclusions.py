"""The check of the list of excluded patients: whether it can be read in full, and what waits for a second officer.

A list that cannot be read stops no local work, and nothing leaves until it is mended; so it is a warning.
"""

from collections.abc import Iterator

from appliance.cli.doctor_finding import Finding, ok, warning
from appliance.config import Config
from appliance.errors import ConfigError
from appliance.exclusions import read_list


def exclusions(config: Config) -> Iterator[Finding]:
    """Read the list of excluded patients in full."""
    try:
        content, _pepper = read_list(path=config.exclusions, secrets=config.exclusion_secrets)
    except ConfigError as error:
        yield warning("exclusions", f"nothing may leave: {error.public}", "restore the list, or find who changed it")
        return
    waiting = {entry.batch for entry in content.entries if not entry.confirmed_by}
    found = f"record numbers that never leave: {len(content.entries)}"
    if waiting:
        advice = "'appliance exclusion list' shows them; another officer confirms, or the first adds them again"
        yield warning("exclusions", f"{found}; additions that wait for a second officer: {len(waiting)}", advice)
    else:
        yield ok("exclusions", found)
