"""Say which of the hospital's certificates could not serve: expired, for another name, or with another's key.

Reads one JSON object from its standard input, certificates and keys in it, and writes {"findings": [...],
"remarks": [...]}.  Keys go to openssl by its standard input: never into a file, an argument or a message.
"""
# ruff: noqa: INP001, S603, S607 (sent to a host and run by its own Python, with its own programs)

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

REMARK_DAYS = 30
"""A hospital's authority takes days to issue another."""


def check(wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Return findings and remarks about each pair."""
    findings: list[Any] = []
    remarks: list[Any] = []
    if wanted["pairs"] and shutil.which("openssl") is None:
        remarks.append("There is no 'openssl' here yet, so the certificates are looked at when their services start.")
        return {"findings": findings, "remarks": remarks}
    for pair in wanted["pairs"]:
        found, remarked = _pair(pair, wanted["hostname"])
        findings.extend(found)
        remarks.extend(remarked)
    return {"findings": findings, "remarks": remarks}


def _pair(pair: dict[str, Any], hostname: str) -> tuple[list[str], list[str]]:
    file = pair["certificate_file"]
    certificate = pair["certificate"]
    if _openssl(certificate, "x509", "-noout").returncode:
        return [f"{file} is no certificate in PEM form; the server's own must stand first in it."], []
    findings = [*_name(certificate, file, hostname), *_purpose(certificate, file), *_key(pair)]
    late, remarks = _dates(certificate, file)
    return [*late, *findings], remarks


def _dates(certificate: str, file: str) -> tuple[list[str], list[str]]:
    starts, ends = (_date(certificate, which) for which in ("-startdate", "-enddate"))
    now = dt.datetime.now(dt.UTC)
    if ends <= now:
        return [f"{file} expired on {ends:%Y-%m-%d}; have the hospital's authority issue another."], []
    if starts > now:
        return [f"{file} is not valid before {starts:%Y-%m-%d %H:%M} UTC; wait until then, or look at the clock."], []
    days = (ends - now).days
    return [], [f"{file} ends in {days} days; have it renewed."] if days < REMARK_DAYS else []


def _date(certificate: str, which: str) -> dt.datetime:
    text = _openssl(certificate, "x509", "-noout", which).stdout.strip().partition("=")[2]
    return dt.datetime.strptime(text.replace("GMT", "+0000"), "%b %d %H:%M:%S %Y %z")


def _name(certificate: str, file: str, hostname: str) -> Iterator[str]:
    if "does match" not in _openssl(certificate, "x509", "-noout", "-checkhost", hostname).stdout:
        yield (
            f"{file} is not made out to '{hostname}'; have one issued with this name (subjectAltName), or correct "
            "appliance_hostname."
        )


def _purpose(certificate: str, file: str) -> Iterator[str]:
    uses = _openssl(certificate, "x509", "-noout", "-ext", "extendedKeyUsage").stdout
    if "Usage" in uses and "TLS Web Server Authentication" not in uses:
        yield f"{file} may not be used by servers; have one issued with the use 'serverAuth'."


def _key(pair: dict[str, Any]) -> Iterator[str]:
    own = _openssl(pair["key"], "pkey", "-pubout", "-passin", "pass:")
    if own.returncode:
        yield (
            f"{pair['key_file']} is no private key in PEM form, or is locked by a passphrase; store it without one, "
            "in a vault."
        )
    elif own.stdout != _openssl(pair["certificate"], "x509", "-noout", "-pubkey").stdout:
        yield f"{pair['key_file']} does not fit {pair['certificate_file']}; take the key with which it was asked for."


def _openssl(given: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *words], input=given, check=False, capture_output=True, text=True)


if __name__ == "__main__":
    json.dump(check(json.load(sys.stdin)), sys.stdout)
