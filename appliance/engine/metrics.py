"""Reads the few figures of vLLM's own Prometheus page that the gateway shows and the tests rely on.

Metric names move between vLLM's releases, so `tests/integration/test_engine_real.py` holds these against the pinned
one.  A figure that is missing reads as zero; nothing here decides anything.
"""

from dataclasses import dataclass
from typing import Final

_SAMPLES: Final = {
    "running": b"vllm:num_requests_running{",
    "waiting": b"vllm:num_requests_waiting{",
    "kv_cache_used": b"vllm:kv_cache_usage_perc{",
    "preemptions": b"vllm:num_preemptions_total{",
    "generated_tokens": b"vllm:generation_tokens_total{",
    "finished": b"vllm:request_success_total{",
}
"""Start of the sample's line for each figure; several lines of one metric are added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLoad:
    """What the engine says of itself."""

    running: float = 0.0
    """Requests in the batch now."""

    waiting: float = 0.0
    """Requests in the engine's own queue."""

    kv_cache_used: float = 0.0
    """Share of the KV cache in use, 0 to 1."""

    preemptions: float = 0.0
    """Requests put back for others of a higher class, since the start."""

    generated_tokens: float = 0.0
    finished: float = 0.0
    """Requests answered to their end, since the start; vLLM 0.32 does not count those whose caller hung up."""


def read_load(page: bytes) -> EngineLoad:
    """Return the figures of one metrics page; lines that are none of ours are passed over."""
    sums = dict.fromkeys(_SAMPLES, 0.0)
    for line in page.split(b"\n"):
        for name, start in _SAMPLES.items():
            if line.startswith(start):
                sums[name] += _value(line)
    return EngineLoad(**sums)


def _value(line: bytes) -> float:
    try:
        return float(line.rsplit(b" ", 1)[-1])
    except ValueError:
        return 0.0
