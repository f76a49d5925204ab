import base64

import pytest

from appliance.phi.decode import decoded


def readings(text: str) -> list[str]:
    return [each.text for each in decoded(text)]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("id Sm9obiBKb2huc29u here", "John Johnson"),
        ("id VGhvbWFzIFNhbmNoZXo= here", "Thomas Sanchez"),
        ("/records/Sm9obiBKb2huc29u/x", "John Johnson"),
        ("am9obi5kb2VAbWFpbC5vcmc_PT8-", "john.doe@mail.org?=?>"),
        ("4a6f686e20536d697468", "John Smith"),
        ("4a:6f:68:6e:20:53:6d:69:74:68", "John Smith"),
        ("email=jo.smith%40mail.org", "email=jo.smith@mail.org"),
        ("name=John+Smith", "name=John Smith"),
        ("Jos%C3%A9", "Jos\u00e9"),
        ("caf%E9", "caf\u00e9"),
        ("Jos\\u00e9 \\ud83d\\ude00", "Jos\u00e9 \U0001f600"),
        ("\\x4aohn", "John"),
        ('{\\"name\\": \\"Jo\\"}', '{"name": "Jo"}'),
        ("a\\nb", "a\nb"),
        ("&#74;&#x6f;hn &eacute;", "John \u00e9"),
        ("=4Aohn Smi=\nth", "John Smith"),
        ("social is one two three four five six", "social is 123456"),
        ("S m i t h 1 2", "Smith12"),
        ("\u202e9876-54-321\u202c", "123-45-6789"),
    ],
)
def test_another_spelling_is_read(text: str, reading: str) -> None:
    assert reading in readings(text)


@pytest.mark.parametrize(
    "text",
    [
        "hydrochlorothiazide and hypercholesterolemia",
        "Hydrochlorothiazide",
        "SpO2 96% on 2L, HER2+ = positive",
        "from one to two tablets",
        "123456789012",
        "see AT&T; 5 & 6 &unknown;",
        "Abcdefghijklm",
        "one two, three",
        "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    ],
)
def test_plain_clinical_text_has_no_other_reading(text: str) -> None:
    assert readings(text) == []


def test_a_reading_leads_back_to_the_exact_place_where_it_can() -> None:
    text = "mail jo%40x.org now"
    [reading] = decoded(text)
    start = reading.text.index("jo@x.org")

    first, last = reading.origin(start, start + len("jo@x.org"))

    assert text[first:last] == "jo%40x.org"


def test_a_part_of_base64_stands_for_the_whole() -> None:
    text = "id Sm9obiBKb2huc29u here"
    [reading] = decoded(text)

    assert text[slice(*reading.origin(0, 4))] == "Sm9obiBKb2huc29u"


def test_base64_over_several_lines_is_one_reading() -> None:
    encoded = base64.encodebytes(b"Patient John Smith, MRN 12345, seen at the clinic on the third of March").decode()

    assert any(text.startswith("Patient John Smith, MRN 12345") for text in readings(encoded))


def test_wide_text_in_base64_is_read() -> None:
    assert "John Smith" in readings(base64.b64encode("John Smith".encode("utf-16-le")).decode())


def test_nested_readings_are_read_to_a_bounded_depth() -> None:
    once = base64.b64encode(b"name John%20Smith").decode()
    many = b"name John Smith, record 12345"
    for _ in range(6):
        many = base64.b64encode(many)

    assert "name John Smith" in readings(once)
    assert not any("John Smith" in text for text in readings(many.decode()))


def test_nested_exact_readings_lead_back_to_the_outermost_text() -> None:
    text = "x &#37;41BCDE y"
    inner = next(each for each in decoded(text) if "ABCDE" in each.text)
    start = inner.text.index("ABCDE")

    assert text[slice(*inner.origin(start, start + 5))] == "&#37;41BCDE"


def test_bytes_that_are_no_text_are_dropped() -> None:
    assert readings(base64.b64encode(bytes(range(200, 230)) * 2).decode()) == []
    assert readings(base64.b64encode(b"\xc3\x28 some text that is not UTF-8 at all").decode()) == []


def test_a_reading_does_not_print_itself() -> None:
    [reading] = decoded("id Sm9obiBKb2huc29u here")

    assert "John" not in repr(reading)
