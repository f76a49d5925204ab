import json

import pytest

from appliance.clinical_text import ClinicalText
from appliance.phi.findings import Kind
from appliance.phi.stream_json import JsonScreen
from tests.support.phi_findings import replaced

SENT = 'John "Jack" Smith, MRN 0012345, lives at 12 Main\nStreet \\ Quincy'

VALUES = (
    (Kind.NAME, 'John "Jack" Smith'),
    (Kind.MRN, "0012345"),
    (Kind.LOCATION, "12 Main\nStreet \\ Quincy"),
)


def screened(text: str, *, size: int = 3) -> tuple[str, JsonScreen]:
    surrogates, _ = replaced(SENT, *VALUES)
    screen = JsonScreen([ClinicalText(SENT)], surrogates=surrogates)
    pieces = [screen.feed(ClinicalText(text[place : place + size])) for place in range(0, len(text), size)]
    return ClinicalText.join([*pieces, screen.finish()]).reveal(), screen


def surrogate(kind: Kind, value: str) -> str:
    return replaced(SENT, *VALUES)[0].value(kind, value)


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_values_with_quotes_and_line_ends_are_escaped(size: int) -> None:
    values = [surrogate(kind, value) for kind, value in VALUES]

    out, screen = screened(json.dumps({"name": values[0], "mrn": values[1], "address": values[2]}), size=size)

    assert json.loads(out) == {"name": VALUES[0][1], "mrn": VALUES[1][1], "address": VALUES[2][1]}
    assert screen.restored == {"LOCATION": 3, "MRN": 1, "NAME": 3}


def test_an_escaped_surrogate_is_known() -> None:
    escaped = "".join(f"\\u{ord(each):04x}" for each in surrogate(*VALUES[0]))

    assert json.loads(screened(f'{{"n": "{escaped}"}}')[0]) == {"n": VALUES[0][1]}


def test_a_bare_number_that_needs_its_zeros_becomes_a_string() -> None:
    number = surrogate(*VALUES[1])

    assert json.loads(screened(f'{{"mrn": {number}, "bp": 120.5}}')[0]) == {"mrn": "0012345", "bp": 120.5}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"mrn": 8841201}', '{"mrn": "[withheld: mrn]"}'),
        ('{"mrn": "8841201", "pulse": 72}', '{"mrn": "[withheld: mrn]", "pulse": 72}'),
        ('{"patientName": "Kevin Walters"}', '{"patientName": "[withheld: name]"}'),
        ('{"phone": ["617-555-9999"]}', '{"phone": ["[withheld: phone]"]}'),
        ("Sorry, call 617-555-9999.", "Sorry, call [withheld: phone]."),
        ("Sorry. MRN: 8841201", 'Sorry. MRN: "[withheld: mrn]"'),
        ('{"a": true, "b": null, "c": -1.5e3}', '{"a": true, "b": null, "c": -1.5e3}'),
    ],
)
def test_what_the_caller_never_sent_is_masked_with_its_key_as_label(text: str, expected: str) -> None:
    assert screened(text)[0] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'["\ud83d\ude00", "\ud83d", "\u00e9"]', ["\U0001f600", "\ud83d", "\u00e9"]),
        (r'["a\/b\tc"]', ["a/b\tc"]),
        ("[]", []),
        ('""', ""),
    ],
)
def test_escapes_keep_their_meaning(text: str, expected: object) -> None:
    assert json.loads(screened(text, size=1)[0]) == expected


@pytest.mark.parametrize("text", ['{"a": "b', '{"a": "b\\', '{"a": "b\\u00', '{"a": 12', '"\\ud83d\\'])
def test_json_that_breaks_off_goes_out_as_far_as_it_came(text: str) -> None:
    out, screen = screened(text)

    assert out.startswith(text[:4].rstrip("\\"))
    assert screen.withheld == {}


def test_days_are_counted_and_not_masked() -> None:
    _, screen = screened('{"next": "2031-05-06"}')

    assert screen.noted == {"DATE": 1}
