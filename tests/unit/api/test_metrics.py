import urllib.request

from prometheus_client import generate_latest

from appliance.api.metrics import Metrics
from appliance.api.visit import Visit, new_visit


def visit(**changes: str) -> Visit:
    """Return a finished request."""
    made = new_visit({"type": "http", "headers": []}, 0.0)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_requests_are_counted_by_words_of_the_appliance_only() -> None:
    metrics = Metrics()

    metrics.count(visit(surface="chat", task="coding", route="local", client="client_1"), 0.2)
    metrics.count(visit(surface="chat", code="too_busy", client="client_2"), 0.1)

    text = generate_latest(metrics.registry).decode()
    assert 'appliance_requests_total{code="ok",route="local",surface="chat",task="coding"} 1.0' in text
    assert 'appliance_requests_total{code="too_busy",route="",surface="chat",task=""} 1.0' in text
    assert 'appliance_request_seconds_count{surface="chat"} 2.0' in text
    assert "client_" not in text


def test_watched_values_are_read_when_asked() -> None:
    metrics, depth = Metrics(), [3]
    metrics.watch("depth", "A depth.", lambda: depth[0])
    metrics.watch_state("engine", "A state.", states=("ready", "down"), read=lambda: "down")

    depth[0] = 5

    text = generate_latest(metrics.registry).decode()
    assert "depth 5.0" in text
    assert 'engine{state="ready"} 0.0' in text
    assert 'engine{state="down"} 1.0' in text


def test_the_listener_is_on_loopback_and_ends() -> None:
    listener = Metrics().listen(0)

    with urllib.request.urlopen(f"http://127.0.0.1:{listener.port}/metrics") as answer:
        assert b"appliance_requests" in answer.read()
    listener.close()
