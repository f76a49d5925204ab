"""A guard's process that behaves as its first argument says, for tests of what happens when the real one does not."""

import json
import os
import sys
import time
from typing import Any


def read() -> dict[str, Any] | None:
    head = sys.stdin.buffer.read(4)
    return json.loads(sys.stdin.buffer.read(int.from_bytes(head, "big"))) if head else None


def write(message: object) -> None:
    content = json.dumps(message).encode()
    sys.stdout.buffer.write(len(content).to_bytes(4, "big") + content)
    sys.stdout.buffer.flush()


RAW = {"garbage": b"\x00\x00\x00\x03abc", "huge": b"\xff\xff\xff\xff", "list": b"\x00\x00\x00\x02[]"}
"""What is no frame of ours."""

WRONG = {
    "fewer": [],
    "form": [[["NOT A KIND", 0, 1, 1.0, "x"]]],
    "outside": [[["NAME", 0, 10_000, 1.0, "x"]]],
    "backwards": [[["NAME", 3, 1, 1.0, "x"]]],
}
"""Findings that cannot be."""


def answer(how: str, request: dict[str, Any]) -> None:
    number, texts = request["id"], request.get("texts")
    if texts is None and how == "never":
        time.sleep(60)
    elif texts is None:
        write({"id": number, "ready": True} if how != "unready" else {"id": number, "error": "model file x"})
    elif how == "hang":
        time.sleep(60)
    elif how == "deaf":
        os.close(sys.stdin.fileno())
        write({"id": number, "found": [[] for _ in texts]})
        time.sleep(60)
    elif how == "die":
        sys.exit(3)
    elif how in RAW:
        sys.stdout.buffer.write(RAW[how])
        sys.stdout.buffer.flush()
    elif how in WRONG:
        write({"id": number, "found": WRONG[how]})
    else:
        write({"id": 10_000, "found": []})
        write({"id": number, "found": [[["NAME", 0, len(text), 1.0, "echo"]] for text in texts]})


def main() -> None:
    while (request := read()) is not None:
        answer(sys.argv[1], request)


if __name__ == "__main__":
    main()
