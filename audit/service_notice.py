"""Tells the service manager how this program fares: ready, reloading, stopping, and alive (sd_notify(3)).

systemd starts what waits for a program when it says READY=1, and kills and restarts one that stops saying WATCHDOG=1
(issue's figures: a hung program is replaced without anybody at the machine).  Only the standard library, so that
every program of the site can use it.  Without ``$NOTIFY_SOCKET``, as under the embedded default, nothing is sent.

A message MUST NOT hold anything of a request: `systemctl status` shows it to every user of the machine.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

READY: Final = "READY=1"
"""The program serves; what waits for it may start."""

STOPPING: Final = "STOPPING=1"
"""The program has begun to end by itself or as it was told."""

WATCHDOG: Final = "WATCHDOG=1"
"""The program has made progress since the last one."""

PINGS_PER_LIMIT: Final = 2.0
"""sd_watchdog_enabled(3) recommends to ping at half the limit, so that one late ping is no death."""

SEND_WITHIN_S: Final = 1.0
"""A manager that takes no message for so long is not reading; the program goes on without it."""


def notify(*states: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send assignments such as `READY`, in one message; return whether a manager took it.

    False also when no manager listens.  It never raises: a program that serves must not end because of this.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    path = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(SEND_WITHIN_S)
            sender.connect(path)
            sender.send("\n".join(states).encode())
    except OSError:
        return False
    return True


def status(sentence: str) -> str:
    """Return the assignment that shows one sentence in `systemctl status`, on one line."""
    return "STATUS=" + " ".join(sentence.split())


def reloading() -> str:
    """Return the assignments that begin a reload; `READY` ends it (systemd.service(5), Type=notify-reload)."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def watchdog_limit_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return after how many silent seconds the manager kills this very process; None where it does not watch it."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None  # Inherited from the program that started this one.
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isascii() and text.isdigit() and int(text) else None


async def keep_watchdog(is_alive: Callable[[], bool], environment: Mapping[str, str] = os.environ) -> None:
    """Ping twice a limit for as long as the program says that it makes progress; return at once where nobody watches.

    `is_alive` is asked before each ping.  A False is only a ping left out: the manager decides when it was too many.
    """
    limit_s = watchdog_limit_s(environment)
    if limit_s is None:
        return
    while True:
        if is_alive():
            notify(WATCHDOG, environment=environment)
        await asyncio.sleep(limit_s / PINGS_PER_LIMIT)
