"""``policies/providers.yaml``: the register of managed providers, checked as a whole and handed on as values.

A mistake here would send patient data to the wrong place, under the wrong paper or on the wrong day: a host must be
pinned, an agreement must cover what is listed, a stand-in must be on this machine and nobody else may be.  Errors name
file and line and say what to do.  What has ended is not looked at here: that must never stop a start.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import tzinfo
from types import MappingProxyType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance.policy.coverage import check_coverage, check_papers
from appliance.policy.document import Document, Path, read_document
from appliance.policy.pins import HostRow, check_hosts, endpoints
from appliance.policy.provider_rows import ProviderRow, ProvidersFile
from appliance.policy.register import Agreement, Provider, Register, Service

SERVICES_WITH_VERSIONS = frozenset({Service.ANTHROPIC_MESSAGES, Service.AZURE_OPENAI})
"""Wire formats whose requests name a dated version."""

_Rule = tuple[bool, str, str]
"""Whether it is broken, at which key, and what to do."""


def read_register(file: str, text: str, *, tasks: Collection[str], pins: Mapping[str, bytes]) -> Register:
    """Return the register; `pins` are the files of ``pins/`` by name.

    Raises PolicyInvalidError(``file:line: reason; what to do``).  What has ended is for `agreements.check_expiry`.
    """
    document = read_document(file, text, ProvidersFile)
    held, zone = document.value, _zone(document)
    pinned = endpoints(document, held.hosts, pins)
    register: dict[str, Provider] = {}
    for index, row in enumerate(held.providers):
        at: Path = ("providers", index)
        if row.name in register:
            raise document.error((*at, "name"), f"provider '{row.name}' stands above; rename one of the two.")
        _check_row(document, at, row)
        register[row.name] = row.value(pinned[row.host], zone)
        check_coverage(document, at, ids=[each.id for each in row.agreements], provider=register[row.name], tasks=tasks)
    check_hosts(document, held.hosts, (row.host for row in held.providers))
    check_papers(document, _papers(held, zone))
    return MappingProxyType(register)


def _papers(held: ProvidersFile, zone: tzinfo) -> Iterator[tuple[Path, Agreement]]:
    for index, row in enumerate(held.providers):
        for place, each in enumerate(row.agreements):
            yield ("providers", index, "agreements", place), each.value(zone)


def _zone(document: Document[ProvidersFile]) -> tzinfo:
    try:
        return ZoneInfo(document.value.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise document.error(
            ("time_zone",),
            "this machine knows no such time zone; write its IANA name, such as America/Chicago, or install tzdata.",
        ) from error


def _check_row(document: Document[ProvidersFile], at: Path, row: ProviderRow) -> None:
    host = next((each for each in document.value.hosts if each.name == row.host), None)
    if host is None:
        raise document.error((*at, "host"), "this host is not in 'hosts'; pin it there first.")
    for is_broken, key, reason in (*_place_rules(row, host), *_own_rules(row)):
        if is_broken:
            raise document.error((*at, key), reason)
    seen: set[str] = set()
    for place, model in enumerate(row.models):
        if model.name in seen:
            raise document.error((*at, "models", place, "name"), "this model stands above; remove one of the two.")
        seen.add(model.name)


def _place_rules(row: ProviderRow, host: HostRow) -> tuple[_Rule, ...]:
    """Return what must hold between a provider and its host: a stand-in is here, and nobody else is."""
    is_elsewhere = host.name.endswith(".amazonaws.com") and row.region not in host.name.split(".")
    return (
        (
            host.is_loopback() and not row.sandbox,
            "host",
            "this host is this machine itself; only a provider with 'sandbox: true' may be here.",
        ),
        (
            row.sandbox and not host.is_loopback(),
            "host",
            "a sandbox provider must be on this machine; pin 127.0.0.1 or ::1.",
        ),
        (is_elsewhere, "region", "the host is of another region; mend one of the two."),
    )


def _own_rules(row: ProviderRow) -> tuple[_Rule, ...]:
    """Return what must hold in an entry by itself."""
    is_dated = row.service in SERVICES_WITH_VERSIONS
    return (
        (not row.credential and not row.sandbox, "credential", "'credential' is missing; name the file that holds it."),
        (is_dated and not row.api_version, "api_version", f"'{row.service}' has dated versions; add 'api_version'."),
    )
