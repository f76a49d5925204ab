"""Checks of the machine: interpreter, engine environment, compiler, memory, disk, clock, ports.

No check starts, stops, creates or repairs anything.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from appliance.cli.doctor_finding import Finding, failed, ok, warning
from appliance.cli.site_state import find_running
from appliance.cli.supervisor_claims import why_not_free, with_ports
from appliance.clock import Clock
from appliance.config import Config

OLDEST_PYTHON = (3, 11)
"""As ``pyproject.toml`` requires."""

GIB = 1024**3

MEMORY_BYTES = 4 * GIB
"""The embedded default: the engine takes about 2.5 GB and the four other programs share one."""

DISK_BYTES = 5 * GIB
"""Room for the trail of a small clinic's year beside weights and logs."""

WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)
"""No honest clock is before the month in which this version was written."""

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""A clock in the next century was set by mistake; certificates and keys made by it would be worthless."""


def python(_config: Config) -> Iterator[Finding]:
    """Look at the interpreter that runs the appliance."""
    found = f"{sys.version.split()[0]} at {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        yield failed("python", found, "install Python 3.11 or later and run 'make run' again")
    else:
        yield ok("python", found)


def engine_environment(config: Config) -> Iterator[Finding]:
    """Look for the engine's own interpreter."""
    if config.engine.upstream is not None:
        yield ok("engine environment", f"not needed: {config.engine.upstream} stands in the engine's place")
    elif os.access(config.engine.python, os.X_OK):
        yield ok("engine environment", str(config.engine.python))
    else:
        yield failed("engine environment", f"{config.engine.python} is missing", "run 'make run', which builds it")


def compiler(config: Config) -> Iterator[Finding]:
    """Look for a C++ compiler, without which vLLM dies at its first request."""
    found = shutil.which("g++") or shutil.which("c++") or shutil.which("clang++")
    if found or config.engine.upstream is not None:
        yield ok("compiler", found or "not needed")
    else:
        yield failed("compiler", "no C++ compiler", "install one: 'apt-get install g++'")


def memory(_config: Config) -> Iterator[Finding]:
    """Look at the machine's memory, and at what a container leaves of it."""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text().strip()).isdecimal():
        size = min(size, int(text))
    found = f"{size / GIB:.1f} GiB"
    if size < MEMORY_BYTES:
        yield failed("memory", found, f"the embedded default needs {MEMORY_BYTES // GIB} GiB")
    else:
        yield ok("memory", found)


def disk(config: Config) -> Iterator[Finding]:
    """Look at the room where the home folder is or would be."""
    folder = next(place for place in (config.home, *config.home.parents) if place.exists())
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.1f} GiB free at {folder}"
    if free < DISK_BYTES:
        yield warning("disk", found, "make room: a full disk stops the recorder, and then every answer")
    else:
        yield ok("disk", found)


def clock(_config: Config) -> Iterator[Finding]:
    """Look whether the date can be true; records, certificates and monthly keys hang on it."""
    now = Clock().now()
    found = now.isoformat(timespec="seconds")
    if WRITTEN <= now < LATEST:
        yield ok("clock", found)
    else:
        yield failed("clock", found, "set the machine's clock, by NTP if it can be reached")


def ports(config: Config) -> Iterator[Finding]:
    """Look whether the ports are free, or held by this very appliance."""
    running = find_running(config)
    if running is not None:
        yield ok("ports", f"held by this appliance: {running.url}, {running.console_url}")
        return
    decided = with_ports(config)
    for name, port in (("gateway", decided.port), ("console", decided.console_port), ("metrics", decided.metrics_port)):
        reason = why_not_free(decided.host, port)
        if reason:
            yield failed("ports", f"{name}: {decided.host}:{port} {reason}", "stop what uses it, or choose --port")
            return
    yield ok("ports", f"{decided.port}, {decided.console_port}, {decided.metrics_port} are free on {decided.host}")
