"""The guard's own process: read texts from standard input, answer with kinds and places on standard output.

It is started by `phi.worker` and nobody else, as ``python -m appliance.phi.worker_process MODELS``.  Frames are a
length of four bytes and JSON (`phi.frames`).  It opens no socket, writes no file and no log, leaves no core file, and
its memory is bounded; text stands in no argument, title, environment or message.  What goes wrong ends the process
(its caller refuses, and starts another): there is no answer with less than all parts.
"""

import logging
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from appliance.errors import PhiGuardUnavailableError
from appliance.held_loggers import hold_loggers
from appliance.phi.analyzer import Analyzer
from appliance.phi.frames import read_frame, site_from_wire, to_wire, write_frame
from appliance.phi.settings import Site
from audit.hardening import harden

MAX_ADDRESS_BYTES = 4 * 1024**3
"""Address space, of which the models and libraries map 2 GB and touch 350 MB: a runaway ends here, not the machine."""


def main() -> None:
    """Serve until standard input ends."""
    harden()
    hold_loggers(logging.NullHandler())
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_BYTES, MAX_ADDRESS_BYTES))
    # Whatever a library prints goes nowhere; the answers have a descriptor of their own.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    serve(sys.stdin.buffer, answers, Path(sys.argv[1]))


def serve(requests: BinaryIO, answers: BinaryIO, models: Path) -> None:
    """Answer each request in order; the first must bring the site's list."""
    analyzer: Analyzer | None = None
    while (request := read_frame(requests)) is not None:
        try:
            analyzer, answer = _answer(analyzer, request, models)
        except PhiGuardUnavailableError as error:
            write_frame(answers, {"id": request.get("id"), "error": error.detail})
            return
        write_frame(answers, {"id": request.get("id"), **answer})


def _answer(
    analyzer: Analyzer | None, request: Mapping[str, object], models: Path
) -> tuple[Analyzer, Mapping[str, object]]:
    if "site" in request:
        return _opened(analyzer, models, site_from_wire(request["site"])), {"ready": True}
    texts = request.get("texts")
    if analyzer is None or not isinstance(texts, list):
        raise PhiGuardUnavailableError(detail="the guard's process got a request that it does not know")
    return analyzer, {"found": [to_wire(analyzer.find(text)) for text in texts]}


def _opened(analyzer: Analyzer | None, models: Path, site: Site) -> Analyzer:
    return Analyzer.open(models, site=site) if analyzer is None else analyzer.for_site(site)


if __name__ == "__main__":
    main()
