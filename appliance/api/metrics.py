"""Prometheus metrics of the gateway, on a loopback listener of their own.

Labels are words of the appliance only: surface, task as registered, route, stable code.  No client, patient, path or
message is ever a label, so the number of series is bounded by the policy bundle, and nothing here is PHI.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, start_http_server
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from appliance.api.visit import Visit

BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
"""From an answer of the gateway alone to the longest task deadline."""

LOOPBACK = "127.0.0.1"

Row = tuple[Sequence[str], float]
"""The values of the labels, and the figure."""


class Metrics:
    """The gateway's series, in a registry of their own."""

    def __init__(self) -> None:
        """Make the series."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the number of series and tell only when the process started
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "appliance_requests",
            "Requests answered, by surface, task, route and stable code ('ok' for success).",
            ["surface", "task", "route", "code"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "appliance_request_seconds",
            "Seconds from a request's head to its last byte out.",
            ["surface"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.in_flight = Gauge("appliance_requests_in_flight", "Requests being handled.", registry=self.registry)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Add a gauge that is read when Prometheus asks."""
        Gauge(name, text, registry=self.registry).set_function(read)

    def watch_state(self, name: str, text: str, *, states: tuple[str, ...], read: Callable[[], str]) -> None:
        """Add a gauge that is 1 for the state that holds and 0 for the others."""
        gauge = Gauge(name, text, ["state"], registry=self.registry)
        for state in states:
            gauge.labels(state).set_function(partial(_is_state, read, state))

    def watch_rows(
        self,
        name: str,
        text: str,
        *,
        labels: tuple[str, ...],
        read: Callable[[], Iterable[Row]],
        is_counter: bool = False,
    ) -> None:
        """Add a series whose label values come and go; read when Prometheus asks, in a thread of its own."""
        family = CounterMetricFamily if is_counter else GaugeMetricFamily
        self.registry.register(_Rows(lambda: family(name, text, labels=labels), read))

    def count(self, visit: Visit, seconds: float) -> None:
        """Count one finished request."""
        self._requests.labels(visit.surface, visit.task, visit.route, visit.code or "ok").inc()
        self._seconds.labels(visit.surface).observe(seconds)

    def listen(self, port: int) -> "MetricsListener":
        """Serve the series on loopback until closed.  Raises OSError if the port is taken."""
        server, thread = start_http_server(port, addr=LOOPBACK, registry=self.registry)
        return MetricsListener(server, thread)


class _Rows(Collector):
    """A series that is made anew whenever it is asked for."""

    def __init__(
        self, make: Callable[[], CounterMetricFamily | GaugeMetricFamily], read: Callable[[], Iterable[Row]]
    ) -> None:
        self._make = make
        self._read = read

    @override
    def collect(self) -> Iterable[Metric]:
        family = self._make()
        for labels, value in self._read():
            family.add_metric(labels, value)
        return [family]


def _is_state(read: Callable[[], str], state: str) -> float:
    return float(read() == state)


class MetricsListener:
    """The running listener."""

    def __init__(self, server: WSGIServer, thread: Thread) -> None:
        """Take what prometheus_client started."""
        self._server = server
        self._thread = thread

    @property
    def port(self) -> int:
        """The port that it is bound to."""
        return self._server.server_port

    def close(self) -> None:
        """Stop and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
