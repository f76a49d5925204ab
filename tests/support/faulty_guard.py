"""A guard's process that breaks on purpose, and parts of an analyzer that do.

`command("hangs")` goes in the place of `worker.COMMAND`: the program speaks the real frames, finds by the real rules
(no models, so it starts at once), and breaks in its first life only, so that a test sees both the refusal and the
recovery.  What it did is noted as files in the folder that it is given as the models' folder.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from appliance.phi.findings import Finding
from appliance.phi.frames import read_frame, to_wire, write_frame
from appliance.phi.recognizers import Rule
from appliance.phi.rules import find

FOREVER_S = 3600.0
Respond = Callable[[BinaryIO, Mapping[str, object]], None]


def command(fault: str) -> tuple[str, ...]:
    """Return the program that breaks in one way; the models' folder follows."""
    return (sys.executable, "-m", "tests.support.faulty_guard", fault)


def lives(folder: Path) -> int:
    """Return how often the program was started."""
    return len(list(folder.glob("life-*")))


def was_reached(folder: Path) -> bool:
    """Say whether the fault was come to, and not something else before it."""
    return (folder / "reached").exists()


class FaultError(Exception):
    """What a broken part raises; its words hold the text, as a careless library's do."""


class BrokenRule:
    """A rule that finds as its original does, or breaks once it is told to."""

    def __init__(self, rule: Rule) -> None:
        """Take the rule that it stands for."""
        self.rule = rule
        self.is_broken = False
        self.reached = 0

    @property
    def name(self) -> str:
        """Return the original's name."""
        return self.rule.name

    def find(self, text: str) -> Iterable[Finding]:
        """Find, or raise with the text in the words."""
        self.reached += 1
        if self.is_broken:
            raise FaultError(text)
        return self.rule.find(text)


class BrokenNames:
    """Name models that break once they are told to."""

    def __init__(self) -> None:
        """Find nothing until then."""
        self.is_broken = False
        self.reached = 0

    def use(self, ordinary: frozenset[str]) -> None:
        """Take the site's own words."""

    def find(self, text: str, found: Sequence[Finding] = ()) -> list[Finding]:  # noqa: ARG002  # as the models take it
        """Find nothing beside what was found, or raise with the text in the words."""
        self.reached += 1
        if self.is_broken:
            raise FaultError(text)
        return []


def main() -> None:
    """Serve, and break in the first life."""
    fault, folder = sys.argv[1], Path(sys.argv[2])
    is_first = lives(folder) == 0
    (folder / f"life-{os.getpid()}").touch()
    answers = sys.stdout.buffer
    respond = FAULTS[fault] if is_first else _well
    if respond is _at_start:
        _note()
        time.sleep(FOREVER_S)
    while (request := read_frame(sys.stdin.buffer)) is not None:
        if "site" in request and respond is not _greets_wrongly:
            write_frame(answers, {"id": request["id"], "ready": True})
            continue
        if respond is not _well:
            _note()
        respond(answers, request)


def _note() -> None:
    (Path(sys.argv[2]) / "reached").touch()


def _texts(request: Mapping[str, object]) -> list[str]:
    texts = request.get("texts")
    return texts if isinstance(texts, list) else []


def _well(answers: BinaryIO, request: Mapping[str, object]) -> None:
    if "site" in request:
        write_frame(answers, {"id": request["id"], "ready": True})
        return
    write_frame(answers, {"id": request["id"], "found": [to_wire(find(text)) for text in _texts(request)]})


def _at_start(_answers: BinaryIO, _request: Mapping[str, object]) -> None:
    """Never get ready."""


def _greets_wrongly(answers: BinaryIO, request: Mapping[str, object]) -> None:
    write_frame(answers, {"id": request["id"], "error": "no models"})


def _is_killed(_answers: BinaryIO, _request: Mapping[str, object]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _crashes(_answers: BinaryIO, _request: Mapping[str, object]) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _ends(_answers: BinaryIO, _request: Mapping[str, object]) -> None:
    os._exit(0)


def _hangs(_answers: BinaryIO, _request: Mapping[str, object]) -> None:
    time.sleep(FOREVER_S)


def _is_stopped(_answers: BinaryIO, _request: Mapping[str, object]) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _raises(_answers: BinaryIO, request: Mapping[str, object]) -> None:
    raise FaultError(" ".join(_texts(request)))


def _runs_out_of_memory(_answers: BinaryIO, _request: Mapping[str, object]) -> None:
    raise MemoryError


def _closes_its_pipe(answers: BinaryIO, _request: Mapping[str, object]) -> None:
    with contextlib.suppress(OSError):
        os.close(answers.fileno())
    time.sleep(FOREVER_S)


def _says_an_error(answers: BinaryIO, request: Mapping[str, object]) -> None:
    write_frame(answers, {"id": request["id"], "error": "a part of it failed"})


def _writes(content: bytes) -> Respond:
    def write(answers: BinaryIO, _request: Mapping[str, object]) -> None:
        answers.write(content)
        answers.flush()

    return write


def _cuts_a_frame(answers: BinaryIO, request: Mapping[str, object]) -> None:
    _writes(b"\x00\x00\x10\x00{")(answers, request)
    os._exit(0)


def _answers_with(**answer: object) -> Respond:
    def write(answers: BinaryIO, request: Mapping[str, object]) -> None:
        write_frame(answers, {"id": request["id"], **answer})

    return write


def _finds(kind: str, start: int, end: int) -> Respond:
    def write(answers: BinaryIO, request: Mapping[str, object]) -> None:
        found = [[[kind, start, end, 0.9, "x"]] for _ in _texts(request)]
        write_frame(answers, {"id": request["id"], "found": found})

    return write


def _answers_somebody_else(answers: BinaryIO, request: Mapping[str, object]) -> None:
    write_frame(answers, {"id": 999_999, "found": [[] for _ in _texts(request)]})


FAULTS: Mapping[str, Respond] = {
    "none": _well,
    "starts slowly": _at_start,
    "greets wrongly": _greets_wrongly,
    "is killed": _is_killed,
    "crashes": _crashes,
    "ends": _ends,
    "hangs": _hangs,
    "is stopped": _is_stopped,
    "raises": _raises,
    "runs out of memory": _runs_out_of_memory,
    "closes its pipe": _closes_its_pipe,
    "says an error": _says_an_error,
    "answers somebody else": _answers_somebody_else,
    "cuts a frame": _cuts_a_frame,
    "writes no JSON": _writes(b"\x00\x00\x00\x04nope"),
    "writes no object": _writes(b"\x00\x00\x00\x02[]"),
    "writes no length": _writes(b"\xff\xff\xff\xff"),
    "finds nothing at all": _answers_with(found=None),
    "answers for fewer texts": _answers_with(found=[]),
    "answers for more texts": _answers_with(found=[[], [], [], []]),
    "finds an unknown kind": _finds("COLOUR", 0, 1),
    "finds outside of the text": _finds("NAME", 0, 10_000_000),
    "finds before the text": _finds("NAME", -5, 3),
    "finds the wrong way round": _finds("NAME", 9, 3),
}
"""Every way to break, by what a person would say of it."""


def broken_rules(rules: Iterable[Rule]) -> Iterator[BrokenRule]:
    """Yield a stand-in for each rule that can be broken."""
    return (BrokenRule(rule) for rule in rules)


if __name__ == "__main__":
    main()
