"""The gateway's process: settings, certificates, the wired appliance, the listener, signals; in that order, and back.

::

    python -m appliance.main --home HOME [--host H] [--port P] [--metrics-port M] [--upstream URL] ...

It listens only once every part stands, and says so in ``RUN/gateway.json``.  SIGTERM and SIGINT drain and end with
status 0; SIGHUP loads the policy bundle anew, and a bad one changes nothing.  Without a policy, a key or a place to
listen it refuses to start and says why in one line.  systemd is told of each of these, where it started the gateway.
"""

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import structlog
import uvloop
from pydantic import ValidationError

from appliance.api.app import create_app
from appliance.api.managed_metrics import ManagedMetrics
from appliance.api.metrics import Metrics, MetricsListener
from appliance.api.server import Listener, bind
from appliance.api.telemetry import configure_logging, log_stray
from appliance.auth.certificates import Certificates, default_hosts, ensure_certificates
from appliance.auth.issued_certificate import CERTIFICATE_NAME, KEY_NAME, chain_end, given_certificates
from appliance.auth.private_file import write_private
from appliance.clock import Clock
from appliance.config import GROUP_READS, NOTHING, Config, check_own, default_home, load_config, make_private
from appliance.errors import ApplianceError, AuditUnavailableError, ConfigError, PolicyInvalidError
from appliance.isolation import report as isolation_report
from appliance.last_backup import last_backup
from appliance.wiring import Appliance
from audit.hardening import harden
from audit.service_notice import READY, STOPPING, keep_watchdog, notify, reloading, status

STATE_FILE = "gateway.json"
"""In the run folder while the gateway listens: port, process id, URLs."""

DAY = timedelta(days=1)

GC_THRESHOLDS = (20_000, 20, 50)
"""What stands at the start is never garbage, and a request makes few cycles: the collector's default of 700 would
walk the policy and the code table for nothing, some 5 % of the CPU."""

ENGINE_STATES = ("ready", "engine_starting", "engine_down", "manifest_mismatch")
"""Values of `EngineCondition.state`, as metric labels."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gateway until a signal ends it; return the process's status."""
    options = parse_options(arguments)
    harden()
    configure_logging()
    try:
        config = configured(options)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(config))
    except ApplianceError as error:
        return _refuse(error)
    return 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="appliance.main", description="Run the gateway.", allow_abbrev=False)
    parser.add_argument("--home", type=Path, default=default_home(), help="folder with all state")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="HTTPS port; 0 takes a free one")
    parser.add_argument("--console-port", type=int, help="port of the console, for what refers to it")
    parser.add_argument("--metrics-port", type=int, help="Prometheus port on loopback; 0 takes a free one")
    parser.add_argument("--upstream", help="an OpenAI-compatible server in the engine's place")
    parser.add_argument("--upstream-model", help="the model to ask it for")
    parser.add_argument("--profile", help="the engine's profile")
    return parser.parse_args(arguments)


def configured(options: argparse.Namespace) -> Config:
    """Return the settings of the home folder with the options over them.  Raises ConfigError."""
    config = load_config(options.home)
    top = {name: getattr(options, name) for name in ("host", "port", "console_port", "metrics_port")}
    engine = {name: getattr(options, name) for name in ("upstream", "upstream_model", "profile")}
    settings = config.model_dump()
    settings |= {name: value for name, value in top.items() if value is not None}
    settings["engine"] |= {name: value for name, value in engine.items() if value is not None}
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][-1]).replace("_", "-")
        raise ConfigError(f"--{name}: {first['msg']}.") from error


async def serve(config: Config) -> None:
    """Serve until a signal.  Raises ConfigError, PolicyInvalidError and their kin when a part cannot stand."""
    asyncio.get_running_loop().set_exception_handler(log_stray)
    certificates = _prepared(config)
    log = structlog.get_logger("gateway")
    if certificates.unnamed:
        log.warning("certificate_hosts_unnamed", hosts=certificates.unnamed)
    metrics = Metrics()
    with closing(bind(config.host, config.port)) as bound, _metrics_listener(metrics, config.metrics_port) as observed:
        async with Appliance.from_config(config) as appliance:
            _watch(metrics, appliance)
            _watch_certificate(metrics, certificates, appliance.clock)
            _settle_memory()
            state = _State(config, port=bound.getsockname()[1], metrics_port=observed.port)
            listener = Listener(
                create_app(appliance, metrics),
                bound=bound,
                certificates=certificates,
                limits=config.limits,
                tell=state.write,
            )
            _obey_signals(listener, Reloading(appliance))
            try:
                async with _watched():
                    await listener.serve()
            finally:
                state.remove()
    log.info("gateway_stopped")


def _prepared(config: Config) -> Certificates:
    """Return the certificates, with the gateway's folders made, or at a site checked.  Raises ConfigError."""
    if config.site is None:
        make_private(config.home)
        make_private(config.run)
    else:
        check_own(config.gateway_home, others=NOTHING)
        check_own(config.run, others=GROUP_READS)
    hostname = config.site.hostname if config.site else None
    given = given_certificates(os.environ, hostname=hostname)
    if given is None and config.site is not None:
        raise ConfigError(
            f"No certificate was handed to the gateway. Its unit needs LoadCredential={CERTIFICATE_NAME} and "
            f"{KEY_NAME}; put the hospital's pair into {config.tls} and run the playbook."
        )
    return given or ensure_certificates(config.tls, default_hosts(config.host))


class Reloading:
    """Loads the policy bundle anew, one load at a time, and records that it did."""

    def __init__(self, appliance: Appliance) -> None:
        """Take the policy to reload and the trail to record it in."""
        self._appliance = appliance
        self._policy = appliance.policy
        self._trail = appliance.trail
        self._clock = appliance.clock
        self._log = structlog.get_logger("gateway")
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start a load unless one is being recorded (SIGHUP)."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self.run())

    async def run(self) -> None:
        """Load, log and record; a bad bundle keeps the old one in force."""
        notify(reloading())
        try:
            await self._load()
        finally:
            notify(READY)  # in any case: a service manager waits for it

    async def _load(self) -> None:
        try:
            digest, refusal = self._policy.reload(self._clock.now()).digest, ""
        except PolicyInvalidError as error:
            digest, refusal = self._policy.bundle.digest, error.code
            self._log.error("policy_refused", code=error.code, reason=error.public)
        else:
            self._log.info("policy_reloaded", policy_digest=digest)
            await self._appliance.follow_policy()
        code = "policy_refused" if refusal else "policy_reloaded"
        try:
            await self._trail.operation(code, client="gateway", facts={"signal": "SIGHUP"}, policy_digest=digest)
        except AuditUnavailableError as error:
            self._log.error("policy_reload_unrecorded", code=error.code)


class _State:
    """The file that says where the gateway listens."""

    def __init__(self, config: Config, *, port: int, metrics_port: int) -> None:
        host = f"[{config.host}]" if ":" in config.host else config.host
        self._path = config.run / STATE_FILE
        self._told = {"port": port, "pid": os.getpid(), "url": f"https://{host}:{port}", "metrics_port": metrics_port}

    def write(self) -> None:
        write_private(self._path, json.dumps(self._told).encode() + b"\n")
        notify(READY, status(f"Listening at {self._told['url']}."))
        structlog.get_logger("gateway").info("gateway_listening", **self._told)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def _refuse(error: ApplianceError) -> int:
    """Say in one line why the gateway does not start."""
    log = structlog.get_logger("gateway")
    log.error("gateway_refused", code=error.code, reason=error.public, detail=error.detail)
    return 1


@contextmanager
def _metrics_listener(metrics: Metrics, port: int) -> Iterator[MetricsListener]:
    try:
        listener = metrics.listen(port)
    except OSError as error:
        message = f"Cannot listen on loopback port {port} for metrics: it is taken; choose another --metrics-port."
        raise ConfigError(message) from error
    try:
        yield listener
    finally:
        listener.close()


def _watch(metrics: Metrics, appliance: Appliance) -> None:
    gate, engine = appliance.gate, appliance.engine
    metrics.watch("appliance_queue_depth", "Requests that wait for a place.", lambda: gate.waiting)
    metrics.watch("appliance_places_taken", "Requests in the engine.", lambda: gate.running)
    metrics.watch("appliance_outcomes_owed", "Outcomes that wait for the recorder.", lambda: appliance.trail.owed)
    metrics.watch_state(
        "appliance_engine_condition",
        "1 for the engine's condition that holds.",
        states=ENGINE_STATES,
        read=lambda: engine.condition.state,
    )
    ManagedMetrics(
        register=lambda: appliance.policy.bundle.providers,
        broker=lambda: appliance.broker.condition,
        disclosed=lambda: appliance.trail.disclosed,
        clock=appliance.clock,
    ).add_to(metrics)
    mark = appliance.config.backup_mark
    metrics.watch(
        "appliance_backup_last_success_timestamp_seconds",
        "When the last backup was made and recorded, in Unix time; 0 if none is known.",
        lambda: made.timestamp() if (made := last_backup(mark)) else 0,
    )
    site = appliance.config.site
    if site is not None:
        proof = site.run / isolation_report.FOLDER
        metrics.watch(
            "appliance_isolation_proven",
            "1 while the last 'appliance isolation verify' held and is younger than an hour.",
            lambda: isolation_report.is_proven(proof),
        )


def _watch_certificate(metrics: Metrics, certificates: Certificates, clock: Clock) -> None:
    """Tell the days that are left, of the pair in use: a renewed one counts with the next start."""
    end = chain_end(certificates.certificate)
    metrics.watch(
        "appliance_certificate_days_left",
        "Days until the gateway's certificate, or one that it hangs on, ends.",
        lambda: (end - clock.now()) / DAY,
    )


@asynccontextmanager
async def _watched() -> AsyncIterator[None]:
    """Ping the service manager from the loop that serves: a loop that hangs does not ping, and is replaced."""
    pings = asyncio.create_task(keep_watchdog(lambda: True))
    try:
        yield
    finally:
        pings.cancel()
        with suppress(asyncio.CancelledError):
            await pings


def _settle_memory() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _obey_signals(listener: Listener, reloading: Reloading) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        notify(STOPPING)
        listener.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reloading.start)


if __name__ == "__main__":
    sys.exit(main())
