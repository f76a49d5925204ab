"""What the five programs are: their commands, their environments, and how each may be stopped.

Children get an allowlisted environment and never a secret in it or in their arguments: both can be read by other
programs of the same user.  Proxy settings are left out on purpose; nothing here may find a way out by one.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from appliance.auth.certificates import Certificates
from appliance.cli.supervisor_child import Program
from appliance.cli.supervisor_probes import is_port_open, is_socket_open
from appliance.config import CHECKOUT, Config
from appliance.engine import process as engine_process
from appliance.engine.profiles import DRAIN_S as ENGINE_DRAIN_S
from appliance.models.verify import verify

INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""Variables that a child may see; everything else of the operator's shell stays out."""

GATEWAY_DRAIN_S = 60.0
"""Its own drain is bounded at 30 s (`api.server`); the records that follow get as long again."""

CLOSE_S = 20.0
"""For the others: what they have in hand is milliseconds of work; a slow disk gets its chance."""

QUARANTINED = 3
"""The recorder's exit code when the trail does not hold: starting it again would write on top of the evidence."""


def programs(config: Config, certificates: Certificates) -> dict[str, Program]:
    """Return what to run; no engine if another server stands in its place."""
    made = [_recorder(config), _broker(config), _console(config, certificates), _gateway(config)]
    if config.engine.upstream is None:
        made.append(_engine(config))
    return {program.name: program for program in made}


def environment() -> dict[str, str]:
    """Return the allowlisted environment of the programs that are ours."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1"}


def python(module: str, options: Mapping[str, object]) -> tuple[str, ...]:
    """Return the command that runs one of our modules with options."""
    return (sys.executable, "-m", module, *(str(word) for option in options.items() for word in option))


def _recorder(config: Config) -> Program:
    return Program(
        name="recorder",
        command=python("audit.recorder", {"--home": config.home, "--run": config.run}),
        environment=environment(),
        folder=CHECKOUT,
        log=config.log / "recorder.log",
        is_listening=lambda: is_socket_open(config.recorder_socket),
        check=_no_check,
        stop_s=CLOSE_S,
        final_codes={QUARANTINED: "the trail is quarantined; run 'audit verify' and keep every file as it is"},
    )


def _broker(config: Config) -> Program:
    return Program(
        name="broker",
        command=python("appliance.broker", {"--home": config.home}),
        environment=environment(),
        folder=CHECKOUT,
        log=config.log / "broker.log",
        is_listening=lambda: is_socket_open(config.broker_socket),
        check=_no_check,
        stop_s=CLOSE_S,
    )


def _console(config: Config, certificates: Certificates) -> Program:
    options: Mapping[str, object] = {
        "--home": config.home,
        "--run": config.run,
        "--host": config.host,
        "--port": config.console_port,
        "--certificate": certificates.certificate,
        "--key": certificates.key,
    }
    return Program(
        name="console",
        command=python("audit.console", options),
        environment=environment(),
        folder=CHECKOUT,
        log=config.log / "console.log",
        is_listening=lambda: is_port_open(config.host, config.console_port),
        check=_no_check,
        stop_s=CLOSE_S,
    )


def _gateway(config: Config) -> Program:
    options: dict[str, object] = {
        "--home": config.home,
        "--port": config.port,
        "--console-port": config.console_port,
        "--metrics-port": config.metrics_port,
        "--profile": config.engine.profile,
    }
    if config.engine.upstream is not None:
        options["--upstream"] = config.engine.upstream
    if config.engine.upstream_model is not None:
        options["--upstream-model"] = config.engine.upstream_model
    return Program(
        name="gateway",
        command=python("appliance.main", options),
        environment=environment(),
        folder=CHECKOUT,
        log=config.log / "gateway.log",
        is_listening=lambda: is_port_open(config.host, config.port),
        check=_no_check,
        stop_s=GATEWAY_DRAIN_S,
    )


def _engine(config: Config) -> Program:
    weights = _Weights(config.engine.model, config.engine_socket)
    return Program(
        name="engine",
        command=tuple(engine_process.command(config.engine, config.engine_socket)),
        environment=engine_process.environment(config),
        folder=config.engine_home,
        log=config.log / "engine.log",
        is_listening=lambda: is_socket_open(config.engine_socket),
        check=weights.check,
        stop_s=ENGINE_DRAIN_S + CLOSE_S,
        # vLLM ends its core processes on SIGTERM; killed outright it would leave them behind.
        death_signal=signal.SIGTERM,
    )


class _Weights:
    """Weigh the model's files before each start of the engine; `up` has done it before the first."""

    def __init__(self, model: Path, socket: Path) -> None:
        self._model = model
        self._socket = socket
        self._is_first = True

    async def check(self) -> None:
        if not self._is_first:
            await asyncio.to_thread(verify, self._model)
        self._is_first = False
        await asyncio.to_thread(self._socket.unlink, missing_ok=True)  # vLLM cannot bind over an old one


async def _no_check() -> None:
    return
