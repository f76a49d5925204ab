"""A set that cannot be scored rightly is refused with file, line and advice, and its text is never quoted."""

import json
import os
from pathlib import Path

import pytest

from appliance.errors import InvalidRequestError
from appliance.evaluation.reading import read_file, read_labelled, read_records, to_text

SECRET = "Weaver"


def _line(**changes: object) -> bytes:
    return json.dumps({"id": "a", "text": f"seen by {SECRET}", "spans": [], **changes}).encode()


def _refused(content: bytes) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        read_labelled(content, name="set.jsonl")
    assert SECRET not in caught.value.public
    return caught.value.public


def test_records_are_read_in_order_with_what_they_say_of_the_patient() -> None:
    content = b"\xef\xbb\xbf" + _line() + b"\n\n" + _line(id=7, meta={"patient": {"name": SECRET}}) + b"\r\n"

    records = read_records(content, name="set.jsonl")

    assert [(record.id, record.line) for record in records] == [("a", 1), (7, 3)]
    assert [record.patient for record in records] == [None, {"name": SECRET}]
    assert SECRET not in repr(records)


def test_only_a_line_feed_ends_a_record() -> None:
    text = "one\u2028two\x85three\x0bfour"

    (record,) = read_records(json.dumps({"id": 1, "text": text}, ensure_ascii=False).encode(), name="set.jsonl")

    assert record.text.reveal() == text


def test_labels_are_read_and_those_that_are_not_scored_are_kept_apart() -> None:
    spans = [{"start": 8, "end": 14, "type": "NAME"}, {"start": 0, "end": 4, "type": "NONPHI_VERB"}]

    (labelled,) = read_labelled(_line(spans=spans, meta={"labels_partial": True}), name="set.jsonl")

    assert [span.type for span in labelled.gold()] == ["NAME"]
    assert [span.type for span in labelled.ignored()] == ["NONPHI_VERB"]
    assert labelled.labels_partial


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id": "b", "text": "Weaver', "set.jsonl:2: this is no JSON; write one object"),
        (b"\xff\xfe", "set.jsonl:2: this is no JSON"),
        (b"[" * 100_000, "set.jsonl:2: this is no JSON"),
        (b'["Weaver"]', "set.jsonl:2: this is no JSON object"),
        (_line(), "set.jsonl:2: 'id' is that of line 1; give each record its own."),
        (_line(id=None), "set.jsonl:2: 'id' is missing or neither text nor a whole number"),
        (_line(id=True), "set.jsonl:2: 'id' is missing"),
        (_line(id=""), "set.jsonl:2: 'id' is missing"),
        (_line(id="b", text=None), "set.jsonl:2: 'text' is missing or no text"),
        (_line(id="b", text="Weaver\ud800"), "set.jsonl:2: half a character"),
        (_line(id="b", meta="Weaver"), "set.jsonl:2: 'meta' is no JSON object"),
        (_line(id="b", spans=None), "set.jsonl:2: 'spans' is missing or no list"),
        (_line(id="b", spans=["Weaver"]), "set.jsonl:2: 'spans[0]' is no JSON object"),
        (
            _line(id="b", spans=[{"start": 0, "end": 99, "type": "NAME"}]),
            "set.jsonl:2: 'spans[0]' has no start and end",
        ),
        (_line(id="b", spans=[{"start": 4, "end": 4, "type": "NAME"}]), "set.jsonl:2: 'spans[0]' has no start and end"),
        (_line(id="b", spans=[{"start": False, "end": 4, "type": "N"}]), "set.jsonl:2: 'spans[0]' has no start and e"),
        (_line(id="b", spans=[{"start": 0, "end": 4}]), "set.jsonl:2: 'spans[0]' has no type"),
    ],
)
def test_a_line_that_is_wrong_is_named_and_never_quoted(line: bytes, said: str) -> None:
    assert _refused(_line() + b"\n" + line).startswith(said)


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_a_set_without_a_record_says_what_to_write(content: bytes) -> None:
    assert _refused(content) == "set.jsonl holds no record; write one JSON object a line, with 'id' and 'text'."


def test_a_text_that_is_no_utf_8_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidRequestError, match=r"note.txt:2: this is no UTF-8; save it as UTF-8"):
        to_text(b"seen\nby W\xe4ver", name="note.txt")


def test_a_binary_file_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"note.docx:2: a NUL character, so this is a binary file"):
        to_text(b"PK\nW\x00", name="note.docx")


def test_what_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"x" * 9)
    os.mkfifo(tmp_path / "pipe")

    for name, said in (
        ("", "is a folder; name a file in it"),
        ("empty", "is empty, so there is nothing to look at"),
        ("large", "is larger than 0 MiB; split it"),
        ("pipe", "is no plain file; give '-'"),
        ("none", "cannot be read \\(No such file or directory\\); check its name"),
    ):
        with pytest.raises(InvalidRequestError, match=said):
            read_file(tmp_path / name, most_bytes=8)


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_bytes(b"a\r\nb")

    assert read_file(tmp_path / "note.txt", most_bytes=8) == b"a\r\nb"
