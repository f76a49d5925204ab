"""A guard's process that behaves as its first argument says, for tests of what happens when the real one does not."""

import json
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


def answer(how: str, request: dict[str, Any]) -> None:
    number, texts = request["id"], request.get("texts")
    if texts is None:
        write({"id": number, "ready": True} if how != "unready" else {"id": number, "error": "model file x"})
    elif how == "hang":
        time.sleep(60)
    elif how == "die":
        sys.exit(3)
    elif how == "garbage":
        sys.stdout.buffer.write(b"\x00\x00\x00\x03abc")
        sys.stdout.buffer.flush()
    elif how == "huge":
        sys.stdout.buffer.write(b"\xff\xff\xff\xff")
        sys.stdout.buffer.flush()
    elif how == "fewer":
        write({"id": number, "found": []})
    elif how == "form":
        write({"id": number, "found": [[["NOT A KIND", 0, 1, 1.0, "x"]]]})
    elif how == "list":
        write([])
    else:
        write({"id": 10_000, "found": []})
        write({"id": number, "found": [[["NAME", 0, len(text), 1.0, "echo"]] for text in texts]})


def main() -> None:
    while (request := read()) is not None:
        answer(sys.argv[1], request)


if __name__ == "__main__":
    main()
