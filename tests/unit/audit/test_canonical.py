import pytest

from audit.canonical import decode, encode
from audit.errors import FormatError


def test_members_are_sorted_and_text_is_escaped_as_rfc_8785_says() -> None:
    document = {"b": '\x00\x08\t\n\x0c\r"\\/\x7f€😂', "a": [1, True, {"z": -5}]}

    assert encode(document) == (
        b'{"a":[1,true,{"z":-5}],"b":"\\u0000\\b\\t\\n\\f\\r\\"\\\\/\x7f\xe2\x82\xac\xf0\x9f\x98\x82"}'
    )


@pytest.mark.parametrize(
    "document",
    [
        {"a": 1.5},
        {"a": None},
        {"a": b"bytes"},
        {"a": 2**53},
        {"ä": 1},
        {1: 1},
        {"a": "\ud800"},
        {"a": [[[[[[[[1]]]]]]]]},
    ],
)
def test_a_value_outside_the_format_is_refused(document: dict) -> None:
    with pytest.raises(FormatError):
        encode(document)


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"1", b'{"a":1.0}', b'{"a":1e2}', b'{"a":NaN}', b'{"a":null}', b'{"a":1,"a":1}', b'{"a": 1}',
     b'{"b":1,"a":1}', b'{"a":-0}', b'{"a":01}', b'{"a":"\\u0041"}', b'{"a":"\xff"}', b"{" * 5000, b'{"a":1}\n'],
)  # fmt: skip
def test_bytes_that_are_not_canonical_are_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        decode(data)
