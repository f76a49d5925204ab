"""Time that screening adds to each chunk of a managed answer, against a pass-through of the same chunks, in one run.

    .venv/bin/python -m tests.bench.phi_stream [--runs 20] [--size 4]

The answer is a clinical text with surrogates of one exchange in every line, cut into chunks as a model's tokens come.
"""

import argparse
import json
from statistics import median, quantiles
from time import perf_counter
from typing import Protocol

from appliance.clinical_text import ClinicalText
from appliance.phi.stream import Screen
from appliance.phi.stream_json import JsonScreen
from tests.support.phi_findings import TEXT, VALUES, replaced

NOTE = (
    "Assessment and plan: the patient feels well, BP 120/80, Na 140, K 4.1, creatinine 1.1 mg/dL, on metformin 500 mg"
    " twice daily.\nContinue aspirin 81 mg and follow up with Dr. Wells in two weeks; A1c 7.2 on day 3.\n"
)


class Stage(Protocol):
    """What a chunk goes through."""

    def feed(self, text: ClinicalText) -> ClinicalText:
        """Take a chunk."""
        ...

    def finish(self) -> ClinicalText:
        """Return the rest."""
        ...


class PassThrough:
    """Give each chunk out as it came."""

    def feed(self, text: ClinicalText) -> ClinicalText:
        """Return the chunk."""
        return ClinicalText(text.reveal())

    def finish(self) -> ClinicalText:
        """Return nothing."""
        return ClinicalText("")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--size", type=int, default=4, help="characters a chunk")
    options = parser.parse_args()
    surrogates, out = replaced(TEXT, *VALUES)
    sent = [ClinicalText(TEXT)]
    answer = f"{out}\n{NOTE}" * 4
    stages = {
        "pass-through": (answer, PassThrough),
        "screen, local answer": (answer, lambda: Screen(sent)),
        "screen, managed answer": (answer, lambda: Screen(sent, surrogates=surrogates)),
        "screen, managed JSON": (
            json.dumps({"note": answer, "mrn": 12345}),
            lambda: JsonScreen(sent, surrogates=surrogates),
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in stages}
    for _ in range(options.runs):
        for name, (text, make) in stages.items():
            times[name] += timed(make(), text, options.size)
    base = median(times["pass-through"])
    print(f"{len(answer)} characters, chunks of {options.size}, {options.runs} runs; microseconds a chunk")
    for name, each in times.items():
        cuts = quantiles(each, n=1000)
        print(
            f"{name:24} p50 {cuts[499] * 1e6:8.1f}  p99 {cuts[989] * 1e6:8.1f}  p99.9 {cuts[998] * 1e6:8.1f}"
            f"  mean {sum(each) / len(each) * 1e6:8.1f}  added p50 {(cuts[499] - base) * 1e6:8.1f}"
        )


def timed(stage: Stage, text: str, size: int) -> list[float]:
    """Return the seconds of each chunk."""
    times = []
    for place in range(0, len(text), size):
        chunk = ClinicalText(text[place : place + size])
        began = perf_counter()
        stage.feed(chunk)
        times.append(perf_counter() - began)
    stage.finish()
    return times


if __name__ == "__main__":
    main()
