"""Asks the parts of a running appliance whether they answer: does it listen, is it ready, and why not.

The gateway is asked over HTTPS with its own certificate authority, as a caller would, or at a site with its very
certificate; no proof is sent.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from appliance.cli.supervisor_state import Running

PATIENCE_S = 5.0
"""The gateway answers /readyz from memory; five seconds covers a machine busy with loading a model."""

OK = 200
"""HTTP OK (RFC 9110 §15.3.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What the gateway says about itself."""

    ready: bool
    reasons: tuple[str, ...]
    """Why it is not ready, or that it does not answer."""

    body: dict[str, object]
    """Its whole answer."""


async def is_socket_open(path: Path) -> bool:
    """Say whether something accepts on a Unix socket."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_unix_connection(str(path))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


async def is_port_open(host: str, port: int) -> bool:
    """Say whether something accepts on a TCP port."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def readiness_of(running: Running) -> Readiness:
    """Ask a running appliance's gateway whether it can answer, and why not."""
    if running.asked_at:
        return _asked(running.asked_at, lambda: pinned(running.ca))
    return read_readiness(running.url, running.ca)


def read_readiness(url: str, ca: Path) -> Readiness:
    """Ask the gateway of an authority whether it can answer, and why not."""
    return _asked(url, lambda: ssl.create_default_context(cafile=str(ca)))


def pinned(certificate: Path) -> ssl.SSLContext:
    """Return the trust in one server's certificate and no other; callers know it by another name than this machine.

    Raises OSError or ValueError if the file holds none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # Its authority is the hospital's, which this machine need not trust: the certificate itself is the anchor.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=_first(certificate.read_text()))
    return context


def _first(chain: str) -> str:
    end = chain.find(ssl.PEM_FOOTER)
    return chain[chain.find(ssl.PEM_HEADER) : end + len(ssl.PEM_FOOTER)] if end >= 0 else ""


def _asked(url: str, trusted: Callable[[], ssl.SSLContext]) -> Readiness:
    try:
        trust = trusted()
        answer = httpx.get(f"{url}/readyz", verify=trust, timeout=PATIENCE_S, trust_env=False)
        body = answer.json()
    except (OSError, ValueError, httpx.HTTPError) as error:
        return Readiness(ready=False, reasons=(f"gateway_silent ({type(error).__name__})",), body={})
    if not isinstance(body, dict):
        return Readiness(ready=False, reasons=("gateway_answer_unreadable",), body={})
    return Readiness(ready=answer.status_code == OK, reasons=_reasons(body), body=body)


def _reasons(body: dict[str, object]) -> tuple[str, ...]:
    stated = body.get("reasons", [])
    return tuple(_code(reason) for reason in stated) if isinstance(stated, list) else ("gateway_answer_unreadable",)


def _code(reason: object) -> str:
    return str(reason.get("code", "unnamed")) if isinstance(reason, dict) else str(reason)
