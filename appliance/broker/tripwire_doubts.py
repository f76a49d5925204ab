"""When a shape is no identifier after all, for the tripwire alone: public codes, counts, measurements, public hosts.

Each answer opens the door for something, so each names something that can belong to no person.
"""

import ipaddress
import re

from appliance.broker.tripwire_checks import is_snomed

PUBLIC_HOSTS = frozenset(
    """
    hl7.org loinc.org snomed.info unitsofmeasure.org nih.gov cdc.gov cms.gov fda.gov va.gov who.int w3.org ietf.org
    iana.org json-schema.org ama-assn.org ihe.net dicom.nema.org
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Hosts of vocabularies, standards and public health: they name a code system, never a person."""

_PUBLIC_LETTERS = frozenset({"NCT", "PMC", "PMID", "HGNC", "RS", "ISO"})
"""Letters before the number of a trial, a paper, a gene or a standard."""

_ROUND_ZEROS = 3
"""A long number that ends in so many zeros is a count or a dose (2,500,000 units), not an identifier."""

_CODE_WORDS = re.compile(
    r"(?i)snomed|\bsct\b|rxnorm|rxcui|loinc|\bndc\b|\bcpt\b|\bicd|umls|\batc\b|pmid|pubmed|\bdoi\b|isbn|\bcvx\b|\boid\b"
)
"""Words and parts of a code system's address that stand before a public code."""

_CODE_REACH = 160
"""Characters before a number in which its code system is looked for: the length of a FHIR coding up to its code."""

_UNITS = re.compile(
    r"(?i)\s?(?:units?\b|iu\b|u\b|u/|mg\b|mcg\b|ng\b|ml\b|cells?\b|copies\b|cfu\b|/|x\s?10|per\b|steps\b|ms\b|bytes\b)"
)
"""What follows a count or a measurement."""


def is_long_number(match: re.Match[str]) -> bool:
    """Say whether a run of digits is no count, no measurement and no public code."""
    digits, before = match[0], match.string[max(0, match.start() - _CODE_REACH) : match.start()]
    is_round = len(digits) - len(digits.rstrip("0")) >= _ROUND_ZEROS
    is_measured = _UNITS.match(match.string, match.end()) is not None
    return not (is_round or is_measured or is_snomed(digits) or _CODE_WORDS.search(before))


def is_foreign_host(match: re.Match[str]) -> bool:
    """Say whether the group ``host`` is no public one and no part of one."""
    host = match["host"].lower().rstrip(".")
    return not any(host == known or host.endswith("." + known) for known in PUBLIC_HOSTS)


def is_address(match: re.Match[str]) -> bool:
    """Say whether the match is an address of the Internet Protocol, version four or six."""
    try:
        ipaddress.ip_address(match[0])
    except ValueError:
        return False
    return True


def is_day(match: re.Match[str]) -> bool:
    """Say whether the groups ``a`` and ``b`` can be a month and a day, in either order."""
    low, high = sorted((int(match["a"]), int(match["b"])))
    return 1 <= low <= 12 and high <= 31  # noqa: PLR2004 - months of a year, days of a month


def is_no_public_code(match: re.Match[str]) -> bool:
    """Say whether the group ``letters`` stands for no trial, paper or gene."""
    return match["letters"] not in _PUBLIC_LETTERS


def is_no_year(match: re.Match[str]) -> bool:
    """Say whether the group ``v`` is more than a year."""
    return re.fullmatch(r"(?:19|20)\d\d", match["v"]) is None
