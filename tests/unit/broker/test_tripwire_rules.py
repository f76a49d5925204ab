"""What has the shape of an identifier stops a text; what clinical text is made of passes."""

import json

import pytest

from appliance.broker.tripwire import Tripwire, TripwireError
from appliance.phi.findings import Kind
from tests.support.tripwires import keyed


def _counts(text: str, *, issued: tuple[str, ...] = ()) -> dict[str, int]:
    try:
        Tripwire(keyed(issued=issued)).check(text.encode())
    except TripwireError as error:
        return error.counts
    return {}


IDENTIFIERS = [
    (Kind.SSN, "SSN 219-09-9999"),
    (Kind.SSN, "his social security number is 219099999"),
    (Kind.SSN, "SSN ends in 9999."),
    (Kind.SSN, "on file as xxx-xx-9999"),
    (Kind.PHONE, "reach her at (312) 867-5309 after five"),
    (Kind.PHONE, "312.867.5309"),
    (Kind.PHONE, "+44 20 7946 0958"),
    (Kind.PHONE, "phone: 867-5309"),
    (Kind.EMAIL, "mail wv@clinic.example.com today"),
    (Kind.EMAIL, "wilma (at) clinic (dot) com"),
    (Kind.URL, "see https://portal.example.com/patients/7"),
    (Kind.URL, "at www.vanterpool-family.net"),
    (Kind.URL, "https://nih.gov.evil.example/x"),
    (Kind.IP, "from 10.23.4.17 at night"),
    (Kind.IP, "from fe80::1ff:fe23:4567:890a at night"),
    (Kind.DEVICE, "monitor 00:1A:2B:3C:4D:5E"),
    (Kind.DEVICE, "monitor 00-1A-2B-3C-4D-5E"),
    (Kind.HEALTH_PLAN, "MBI 1EG4-TE5-MK73"),
    (Kind.HEALTH_PLAN, "beneficiary 1eg4te5mk73"),
    (Kind.HEALTH_PLAN, "member ID: XQH-88123"),
    (Kind.LICENSE, "NPI 1234567893"),
    (Kind.LICENSE, "prescriber AB1234563"),
    (Kind.MRN, "MRN: 00412"),
    (Kind.MRN, '{"mrn": "A7-4412"}'),
    (Kind.MRN, "medical record number is 44-12-09"),
    (Kind.ACCOUNT, "acct # 778812"),
    (Kind.ACCOUNT, "card 4111 1111 1111 1111"),
    (Kind.ACCOUNT, "GB82WEST12345698765432"),
    (Kind.VEHICLE, "1M8GDM9AXKP042788"),
    (Kind.VEHICLE, "VIN 5YJSA1DN0DF"),
    (Kind.OTHER_ID, "passport X8812773"),
    (Kind.OTHER_ID, "study id 20-4471"),
    (Kind.OTHER_ID, "known here as 8837261"),
    (Kind.OTHER_ID, "specimen S-8837261 was lost"),
    (Kind.DATE, "seen on 2/29/1948"),
    (Kind.DATE, "seen on 29.2.1948."),
    (Kind.DATE, "seen on 3/1/21."),
    (Kind.DATE, "1948-02-29T10:00:00Z"),
    (Kind.DATE, "on February 29th, 1948"),
    (Kind.DATE, "on 29 Feb 1948"),
    (Kind.AGE, "a 93-year-old woman"),
    (Kind.AGE, "a 101 yo man"),
    (Kind.AGE, '{"age": 94}'),
    (Kind.LOCATION, "Springfield 62704-1234"),
    (Kind.LOCATION, "Springfield, IL 62704"),
    (Kind.LOCATION, "lives at 1120 North Maple Grove Avenue."),
    (Kind.LOCATION, "P.O. Box 771"),
    (Kind.NAME, "referred by Dr. Vanterpool"),
    (Kind.NAME, "DR. VANTERPOOL"),
    (Kind.NAME, "Mrs O'Hara called"),
    (Kind.NAME, "so mrs . o'hara , how are you"),
    (Kind.NAME, "Dr . Vanterpool said"),
    (Kind.NAME, "W. Vanterpool, MD"),
    (Kind.NAME, "Patient name: Wilhelmina V."),
    (Kind.NAME, "Electronically signed by Vanterpool"),
]


@pytest.mark.parametrize(("kind", "text"), IDENTIFIERS, ids=[f"{kind}: {text[:30]}" for kind, text in IDENTIFIERS])
def test_an_identifier_of_this_shape_stops_the_text(kind: Kind, text: str) -> None:
    assert kind.value in _counts(text)


CLINICAL = [
    "BP 120/80, HR 72, T 98.6 F, SpO2 97% on 2 L, pain 5/10, strength 5/5 throughout.",
    "WBC 12,500/uL; platelets 1500000; troponin 0.04; creatinine 1.2; HbA1c 7.1 %; INR 2-3.",
    "Penicillin G 2400000 units IM once; viral load 1048576 copies/mL; steps 1234567 steps.",
    "Metoprolol 25 mg 1-2 tabs q4-6h prn; MS Contin 15 mg; MR brain; Dr. consult; PT/OT.",
    "A 67-year-old man, aged 89, over 65; ages 65-90; 90+ years; age 90 or older; 98% of them.",
    "L4-L5, T12, C5-6, 12-lead ECG, stage IIIB, G2P1001, 1/2/3 grading, 10/10.",
    "ICD-10 E11.65, CPT 99213, LOINC 8480-6, SNOMED 314529007, RxNorm code 1049221, NCT01234567.",
    "Admitted in March for two weeks, follow-up in 6 months; diagnosed in 2019.",
    "Seen by [NAME-1] (MRN: [MRN-1]) on [DATE-12]; phone [PHONE-3].",
    '{"system": "http://snomed.info/sct", "code": "73211009", "display": "Diabetes mellitus"}',
    '{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "1049221"}',
    "Account of events: 4 falls. Medical record reviewed 2019. Group B strep. Policy discussed.",
    "Version 1.2.3, section 3.1.2.400, ratio 1:2:3, time 10:22:11, OID 2.16.840.1.113883.",
    "Prof. and Mrs. were not named; the Dr. said so; Ms. Patient; Dr. Monday; Mr. M.",
    "Other: Study Key RN-08 and Trial Arm DO-3; see https://loinc.org/8480-6/?x=1#y or www.nih.gov/health.",
    "the dr. and mr. and mrs. came; the dr said so.",
    "2 Small Way outs; 12 Oak street; PO intake 600; IN 5 days; OR 2 tabs.",
]


@pytest.mark.parametrize("text", CLINICAL)
def test_clinical_text_passes(text: str) -> None:
    assert _counts(text) == {}
    assert _counts(json.dumps({"messages": [{"role": "user", "content": text}]})) == {}


ISSUED = [
    ("Mark Ellis", "Dr. Mark Ellis saw Mr. Ellis's scan; M. Ellis, MD; Dr. Ellis Cardiology; Mr. Ellis Monday"),
    ("(555) 555-0142", "call (555) 555-0142 or 555-0142; phone 555-0142"),
    ("2019-03-04T10:22:11-05:00", "2019-03-04T10:22:11-05:00, that is 2019-03-04"),
    ("March 4, 2019", "on March 4, 2019."),
    ("900-12-3456", "SSN 900-12-3456, last four SSN 3456"),
    ("ZQ-10442", "MRN: ZQ-10442"),
    ("412 Alder Street, Millfield, OH 00002", "412 Alder Street, Millfield, OH 00002"),
    ("visitor7@example.org", "mail visitor7@example.org"),
    ("https://example.org/r/7", "see https://example.org/r/7."),
    ("https://example.org/r/7", "https://example.org/r/7?visit=3&view=all or https://example.org/r/7#top"),
    ("192.0.2.14", "from 192.0.2.14"),
]


@pytest.mark.parametrize(("surrogate", "text"), ISSUED, ids=[surrogate for surrogate, _ in ISSUED])
def test_a_surrogate_of_the_exchange_passes_whole_and_in_part(surrogate: str, text: str) -> None:
    assert _counts(text, issued=(surrogate,)) == {}
    assert _counts(text, issued=("Other Surrogate", "17")) != {}


def test_a_name_beside_a_surrogate_is_seen() -> None:
    assert _counts("Dr. Mark Vanterpool", issued=("Mark Ellis",)) == {"NAME": 1}


def test_a_date_made_of_two_surrogates_is_no_surrogate() -> None:
    assert _counts("on 03/20/2019", issued=("03/14/2019", "05/20/1980")) == {"DATE": 1}


def test_of_two_shapes_for_one_value_one_is_counted() -> None:
    assert _counts("passport number 883726154 and NPI 1234567893") == {"OTHER_ID": 1, "LICENSE": 1} | {}


def test_another_month_with_the_day_and_year_of_a_surrogate_is_seen() -> None:
    assert _counts("on April 14, 2019", issued=("March 14, 2019",)) == {"DATE": 1}


def test_digits_of_a_surrogate_behind_another_label_pass() -> None:
    assert _counts("MRN: ZZ-10442", issued=("10442",)) == {}
