"""However an identifier is written into a body, the tripwire reads it in plain letters."""

import base64
import json
import quopri
from collections.abc import Callable
from urllib.parse import quote

import pytest

from appliance.broker.tripwire_text import plain, readings_of

SECRET = "Wilhelmina Vanterpool 219-09-9999"

WRITINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "percent": quote,
    "every byte percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "unicode escapes": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
    "byte escapes": lambda text: "".join(f"\\x{ord(each):02x}" for each in text),
    "decimal entities": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(each):x};" for each in text),
    "quoted-printable": lambda text: quopri.encodestring(text.encode(), quotetabs=True).decode(),
    "full width": lambda text: "".join(chr(ord(each) + 0xFEE0) if each > " " else each for each in text),
    "zero width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "bidi controls": lambda text: f"\u202a{text}\u202c",
    "look-alikes": lambda text: text.replace("a", "\u0430").replace("o", "\u043e").replace("e", "\u0435"),
    "foreign digits": lambda text: "".join(chr(0x660 + int(each)) if each.isdigit() else each for each in text),
    "other dashes": lambda text: text.replace("-", "\u2212").replace(" ", "\u00a0"),
    "combining marks": lambda text: "".join(each + "\u0336" for each in text),
    "control characters": "\x00".join,
}


def _is_read(body: str) -> bool:
    return any(SECRET in plain(reading.text) for reading in readings_of(body.encode()))


@pytest.mark.parametrize("writing", WRITINGS.values(), ids=WRITINGS)
def test_it_is_read_in_prose_and_in_every_place_of_a_json(writing: Callable[[str], str]) -> None:
    written = writing(SECRET)

    assert _is_read(f"Take {written} please.")
    assert _is_read(json.dumps({"a": [{"b": f"Take {written} please."}]}))
    assert _is_read(json.dumps({f"Take {written} please.": 1}))


def test_a_json_inside_a_json_is_read() -> None:
    assert _is_read(json.dumps({"arguments": json.dumps({"q": "\u2013 " + SECRET})}))


def test_a_key_that_stands_twice_hides_nothing() -> None:
    assert _is_read(f'{{"text": "{SECRET}", "text": "harmless"}}')


def test_numbers_of_a_json_are_read_with_their_labels() -> None:
    assert any(
        "mrn\n20771" in each.text for each in readings_of(b'{"mrn": 20771, "x": 1.5, "y": NaN, "z": [null, true]}')
    )


def test_escapes_of_lone_surrogates_break_nothing() -> None:
    texts = [each.text for each in readings_of(b'{"a": "\\ud800 kept", "b": "\\ud83d\\ude00"}')]

    assert any("kept" in text and "\U0001f600" in text for text in texts)
    assert all(text.encode() for text in texts)


def test_what_decodes_to_no_text_is_left_alone() -> None:
    picture = base64.b64encode(bytes(range(256))).decode()

    assert len(list(readings_of(picture.encode()))) == 1


def test_accented_letters_stay() -> None:
    assert plain("Jos\u00e9 Nu\u0301n\u0303ez \u2014 \u201cok\u201d") == "Jos\u00e9 N\u00fa\u00f1ez - \u201cok\u201d"


def test_separators_and_private_characters_become_plain() -> None:
    assert plain("a\u2028b\ue000c\u058ad\u2019s") == "a bc-d's"


def test_a_json_is_read_twice_and_its_words_once() -> None:
    readings = list(readings_of(b'{"a": "b"}'))

    assert [(each.text, each.repeats) for each in readings] == [('{"a": "b"}', True), ("a\nb", False)]
    assert [each.repeats for each in readings_of(b"no json")] == [False]
    assert "no json" not in repr(list(readings_of(b"no json")))


def test_a_body_that_is_no_utf8_is_not_read() -> None:
    with pytest.raises(UnicodeDecodeError):
        list(readings_of(b"\xff\xfe"))
