import pytest

from appliance.clinical_text import ClinicalText
from appliance.phi.findings import Finding, Kind, without_overlaps
from appliance.phi.rules import find, inspect


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("SSN 123-45-6789", "SSN", "123-45-6789"),
        ("123 45 6789 on file", "SSN", "123 45 6789"),
        ("social security number 123456789", "SSN", "123456789"),
        ("call (617) 555-0123", "PHONE", "(617) 555-0123"),
        ("617-555-0123 ext. 12 rings", "PHONE", "617-555-0123 ext. 12"),
        ("+1 617.555.0123", "PHONE", "+1 617.555.0123"),
        ("phone: 555-0123", "PHONE", "555-0123"),
        ("+44 20 7946 0958", "PHONE", "+44 20 7946 0958"),
        ("fax 617-555-0199", "FAX", "617-555-0199"),
        ("write to jo.doe+x@mail.example.org.", "EMAIL", "jo.doe+x@mail.example.org"),
        ("see https://example.org/a?b=c for it", "URL", "https://example.org/a?b=c"),
        ("see www.example.org now", "URL", "www.example.org"),
        ("from 192.168.1.20 today", "IP", "192.168.1.20"),
        ("host fe80::1ff:fe23:4567:890a up", "IP", "fe80::1ff:fe23:4567:890a"),
        ("MRN: 00123456", "MRN", "00123456"),
        ("MRN#A-12345", "MRN", "A-12345"),
        ("medical record number is 8841201", "MRN", "8841201"),
        ("acct # 99-12345", "ACCOUNT", "99-12345"),
        ("Member ID: XYZ123456789", "HEALTH_PLAN", "XYZ123456789"),
        ("Medicare number 1EG4-TE5-MK73", "HEALTH_PLAN", "1EG4-TE5-MK73"),
        ("DEA AB1234563", "LICENSE", "AB1234563"),
        ("driver's license no. S1234567", "LICENSE", "S1234567"),
        ("pacemaker serial number PJN123456", "DEVICE", "PJN123456"),
        ("VIN 1HGCM82633A004352", "VEHICLE", "1HGCM82633A004352"),
        ("seen 2026-03-04 here", "DATE", "2026-03-04"),
        ("seen 3/4/2026 here", "DATE", "3/4/2026"),
        ("on March 3, 2026 she", "DATE", "March 3, 2026"),
        ("on 3rd of March she", "DATE", "3rd of March"),
        ("a 92-year-old woman", "AGE", "92"),
        ("age: 101", "AGE", "101"),
        ("Boston, MA 02139", "LOCATION", "Boston, MA 02139"),
        ("zip code 02139-1234", "LOCATION", "02139-1234"),
        ("MRN\uff1a \uff11\uff12\uff13\uff14\uff15\uff16\uff17", "MRN", "\uff11\uff12\uff13\uff14\uff15\uff16\uff17"),
        ("call 617\u2011555\u20110123", "PHONE", "617\u2011555\u20110123"),
    ],
)
def test_an_identifier_is_found_where_it_stands(text: str, kind: str, value: str) -> None:
    found = [(finding.kind.value, text[finding.start : finding.end]) for finding in find(text)]

    assert found == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "BP 120/80, pulse 72, temperature 37.2, SpO2 96%",
        "Na 140, K 4.1, Cl 102, creatinine 1.1",
        "metformin 500 mg twice daily, insulin 10 units",
        "E11.9 and I10 and S52.302A",
        "a 64-year-old man, aged 89, born in 1961",
        "MRSA2 positive, chart 120/80, policy 2020",
        "ratio 3:45:12 at 12:30:45",
        "000-12-3456 is never issued",
        "version 999.1.1.1",
        "may 5 mg be enough",
    ],
)
def test_clinical_numbers_are_no_identifiers(text: str) -> None:
    assert [finding for finding in find(text) if finding.kind is not Kind.DATE] == []


def test_findings_are_counted_by_kind_and_hold_no_text() -> None:
    findings = inspect([ClinicalText("SSN 123-45-6789, a@b.org"), ClinicalText("c@d.org"), ClinicalText("")])

    assert findings.counts() == {"EMAIL": 2, "SSN": 1}
    assert "b.org" not in repr(findings)
    assert len(findings.texts) == 3


def test_overlapping_findings_become_one_over_all_of_the_longest_ones_kind() -> None:
    def finding(start: int, end: int, kind: Kind) -> Finding:
        return Finding(kind=kind, start=start, end=end, score=0.9, recognizer="test")

    street, code, touching = finding(0, 9, Kind.LOCATION), finding(7, 12, Kind.MRN), finding(12, 14, Kind.PHONE)

    kept = without_overlaps([code, touching, street])

    assert [(each.start, each.end, each.kind) for each in kept] == [(0, 12, Kind.LOCATION), (12, 14, Kind.PHONE)]


def test_a_kind_is_readable() -> None:
    assert Kind.HEALTH_PLAN.words() == "health plan"
