"""The pinned hosts of ``policies/providers.yaml``: name, addresses and the one authority that may vouch for each.

They are checked as strictly as what is made from them: the broker's transport and the machine's firewall.  A range so
wide that it pins nothing, an address of this machine, or a file that is no authority's certificate is refused.  The
certificates stand in ``policies/pins/`` and take part in the bundle's digest.
"""

import ipaddress
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Self

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from pydantic import BeforeValidator, Field, field_validator, model_validator

from appliance.policy.document import Document, ModelT, Path
from appliance.policy.register import Endpoint
from appliance.policy.task import Section

MAX_ADDRESSES = 200
"""A large cloud publishes about a hundred ranges for one region."""

WIDEST = {4: 10, 6: 24}
"""Shortest prefix by IP version: the largest blocks that a cloud publishes for one region; a wider one pins nothing."""

HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
"""A DNS name in lower case (RFC 1123 2.1)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
"""One address or range."""

NOWHERE: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            *("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
            *("::/128", "::ffff:0:0/96", "64:ff9b::/96", "fe80::/10", "fd00:ec2::/32", "ff00::/8"),
        ),
    )
)
"""Where no provider is (RFC 6890, RFC 6052): this network, link-local with the clouds' metadata services, multicast,
reserved, and IPv4 in the disguise of IPv6."""


def _networks(value: object) -> object:
    """Check each address; a number, which YAML makes of some, is none."""
    if not isinstance(value, list) or not value:
        raise ValueError("a list of IP addresses and CIDR ranges must stand here, with at least one")
    for each in value:
        _check_network(each)
    return value


def _check_network(text: object) -> None:
    try:
        network = ipaddress.ip_network(text if isinstance(text, str) and "%" not in text else "")
    except ValueError as error:
        raise ValueError("an entry is no IP address and no CIDR range such as 203.0.113.0/24; mend it") from error
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(f"{network} is so wide that it pins nothing; list the provider's own ranges")
    if any(each.version == network.version and each.overlaps(network) for each in NOWHERE):
        raise ValueError(f"{network} is no address of a provider; remove it")


class HostRow(Section):
    """One pinned host as the file has it."""

    name: str
    port: Annotated[int, Field(ge=1, le=65_535, strict=True)] = 443
    addresses: Annotated[tuple[str, ...], Field(max_length=MAX_ADDRESSES), BeforeValidator(_networks)]
    ca: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,98}\.pem$")]
    """File in ``pins/``."""

    spki_sha256: tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...] = ()

    @field_validator("name")
    @classmethod
    def _host(cls, name: str) -> str:
        if not HOST.fullmatch(name) or name.rpartition(".")[2].isdigit():
            raise ValueError("this is no host name in lower case, as it stands in the certificate; mend it")
        return name

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if len(set(self.addresses)) < len(self.addresses):
            raise ValueError("an address stands here twice; remove one of the two")
        if len({each.is_loopback for each in self.networks()}) > 1:
            raise ValueError("addresses of this machine and of others stand together; separate them")
        return self

    def networks(self) -> Iterator[Network]:
        """Yield each address or range."""
        return map(ipaddress.ip_network, self.addresses)

    def is_loopback(self) -> bool:
        """Say whether it is this machine itself, where only stand-ins are."""
        return all(each.is_loopback for each in self.networks())


def check_hosts(document: Document[ModelT], rows: Iterable[HostRow], used: Iterable[str]) -> None:
    """Refuse a name that stands twice, and a host that no provider uses: the firewall would open for nobody."""
    wanted, seen = frozenset(used), set[str]()
    for index, row in enumerate(rows):
        if row.name in seen:
            raise document.error(("hosts", index, "name"), f"host '{row.name}' stands above; keep one of the two.")
        if row.name not in wanted:
            raise document.error(
                ("hosts", index, "name"), f"no provider uses host '{row.name}'; remove it, so that nothing is opened."
            )
        seen.add(row.name)


def endpoints(
    document: Document[ModelT], rows: tuple[HostRow, ...], pins: Mapping[str, bytes]
) -> Mapping[str, Endpoint]:
    """Return the endpoint of each host by name, with its authority read from `pins` (by file name)."""
    unused = sorted(pins.keys() - {row.ca for row in rows})
    if unused:
        raise document.error(("hosts",), f"pins/{unused[0]} is named by no host; remove the file or name it.")
    return {
        row.name: Endpoint(
            host=row.name,
            port=row.port,
            addresses=row.addresses,
            ca_pem=_authority(document, ("hosts", index, "ca"), row.ca, pins),
            spki_sha256=row.spki_sha256,
        )
        for index, row in enumerate(rows)
    }


def certificates(pem: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a pin.  Raises ValueError if it is none."""
    with warnings.catch_warnings():
        # An old root with an odd serial number is still the provider's root; the handshake judges it.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return tuple(x509.load_pem_x509_certificates(pem.encode()))


def _authority(document: Document[ModelT], at: Path, name: str, pins: Mapping[str, bytes]) -> str:
    if name not in pins:
        raise document.error(at, f"there is no pins/{name}; put the authority's certificate there.")
    try:
        pem = pins[name].decode("ascii")
        found = certificates(pem)
        is_authority = all(_may_sign(each) for each in found)
    except ValueError as error:
        raise document.error(at, f"pins/{name} is no certificate in PEM form; mend it.") from error
    if "PRIVATE KEY" in pem:
        raise document.error(at, f"pins/{name} holds a private key; remove it here, and renew it where it came from.")
    if not is_authority:
        raise document.error(
            at, f"pins/{name} is not the certificate of an authority; put that of the host's issuer there."
        )
    return pem


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
