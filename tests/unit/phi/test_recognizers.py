# ruff: noqa: E501 - tables of short cases
import pytest

from appliance.phi.recognizers import ALL, LABELS, STATES
from appliance.phi.rules import find


def found(text: str) -> list[tuple[str, str]]:
    return [(each.kind.value, text[each.start : each.end]) for each in find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("MRN133202", "MRN", "133202"),
        ("MRN: MRN-1015952", "MRN", "1015952"),
        ("Hospital No. 77-1234-X", "MRN", "77-1234-X"),
        ("Unit record number: 998877", "MRN", "998877"),
        ("chart # 445566", "MRN", "445566"),
        ("patientId: 8841201", "MRN", "8841201"),
        ('"medical_record_number": "A8841201"', "MRN", "A8841201"),
        ("<mrn>00412</mrn>", "MRN", "00412"),
        ("| MRN | 00412 |", "MRN", "00412"),
        ("MRN:\n  5512345", "MRN", "5512345"),
        ("Medical Record Number (MRN) on file: O0l2S4", "MRN", "O0l2S4"),
        ("MRN 123 456 789", "MRN", "123 456 789"),
        ("HPBN503731", "HEALTH_PLAN", "HPBN503731"),
        ("Insurance: INS-743701954", "HEALTH_PLAN", "INS-743701954"),
        ("Aetna #W1234567", "HEALTH_PLAN", "W1234567"),
        ("group no. 00451234", "HEALTH_PLAN", "00451234"),
        ("1EG4-TE5-MK73 on card", "HEALTH_PLAN", "1EG4-TE5-MK73"),
        ("MBI 1EG4 TE5 MK73", "HEALTH_PLAN", "1EG4 TE5 MK73"),
        ("ACCT41599-7", "ACCOUNT", "41599-7"),
        ("Guarantor account: 8812-11", "ACCOUNT", "8812-11"),
        ("claim number CLM-2231-9", "ACCOUNT", "CLM-2231-9"),
        ("card 4111 1111 1111 1111 charged", "ACCOUNT", "4111 1111 1111 1111"),
        ("pay 4111111111111111", "ACCOUNT", "4111111111111111"),
        ("to DE89 3704 0044 0532 0130 00", "ACCOUNT", "DE89 3704 0044 0532 0130 00"),
        ("NPI: 1234567893", "LICENSE", "1234567893"),
        ("written by 1234567893", "LICENSE", "1234567893"),
        ("DEA: MR4200255", "LICENSE", "MR4200255"),
        ("prescriber AB1234563 signs", "LICENSE", "AB1234563"),
        ("Driver WI-4811786", "LICENSE", "WI-4811786"),
        ("state medical license A-55123", "LICENSE", "A-55123"),
        ("Pacemaker SN 80395-EF", "DEVICE", "80395-EF"),
        ("UDI (01)00844588003288(17)141120(21)1234", "DEVICE", "(01)00844588003288(17)141120(21)1234"),
        ("at 00:1B:44:11:3A:B7", "DEVICE", "00:1B:44:11:3A:B7"),
        ("IMEI 490154203237518", "DEVICE", "490154203237518"),
        ("Plate OH-1126", "VEHICLE", "OH-1126"),
        ("Serial VIN275580XYZ", "VEHICLE", "VIN275580XYZ"),
        ("drove 1HGCM82633A004352 here", "VEHICLE", "1HGCM82633A004352"),
        ("SSN ending in 6789", "SSN", "6789"),
        ("XXX-XX-6789", "SSN", "XXX-XX-6789"),
        ("SSN 833-64-209l", "SSN", "833-64-209l"),
        ("id 8O3-64-2O91 x", "SSN", "8O3-64-2O91"),
        ("Fingerprint ID 2074", "BIOMETRIC", "2074"),
        ("retinal scan #RS-9921", "BIOMETRIC", "RS-9921"),
        ("Full-face photo IMG_9108.jpg", "PHOTO", "IMG_9108.jpg"),
        ("Study Key SK-4134-X", "OTHER_ID", "SK-4134-X"),
        ("passport P12345678", "OTHER_ID", "P12345678"),
        ("badge EMP-12345", "OTHER_ID", "EMP-12345"),
        ("see 550e8400-e29b-41d4-a716-446655440000", "OTHER_ID", "550e8400-e29b-41d4-a716-446655440000"),
        ("row|10319995|", "OTHER_ID", "10319995"),
        ("ask @jo_doe now", "OTHER_ID", "@jo_doe"),
        ("wrote AB1234563 there", "LICENSE", "AB1234563"),
        ("row AB1234567 there", "OTHER_ID", "AB1234567"),
        ("shows GB48ABCD60169708 there", "ACCOUNT", "GB48ABCD60169708"),
        ("shows D123-4567-8901 there", "OTHER_ID", "D123-4567-8901"),
        ("shows 5551234567890 there", "OTHER_ID", "5551234567890"),
        ("shows 6175550123 there", "PHONE", "6175550123"),
        ("shows 378282246310005 there", "ACCOUNT", "378282246310005"),
        ("logged in as lisa.gutierrez53.", "OTHER_ID", "lisa.gutierrez53"),
    ],
)
def test_a_number_of_a_person_is_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text)


def test_numbers_in_a_list_share_their_label() -> None:
    assert found("MRNs 551234, 551235 and 551236") == [("MRN", "551234"), ("MRN", "551235"), ("MRN", "551236")]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Phone (552) 589-7722", "PHONE", "(552) 589-7722"),
        ("+1 (952) 664-1376 x12", "PHONE", "+1 (952) 664-1376 x12"),
        ("0044 20 7946 0958", "PHONE", "0044 20 7946 0958"),
        ("reach me at 07700 900 123", "PHONE", "07700 900 123"),
        ("60-56-85-91 office", "PHONE", "60-56-85-91"),
        ("pager 45123", "PHONE", "45123"),
        ("1-800-FLOWERS", "PHONE", "1-800-FLOWERS"),
        ("555l234567 or 617-S55-0123 ok", "PHONE", "617-S55-0123"),
        ("Fax: (465) 603-5662", "FAX", "(465) 603-5662"),
        ("jo@x.org", "EMAIL", "jo@x.org"),
        ("jo [at] mail [dot] org", "EMAIL", "jo [at] mail [dot] org"),
        ("john dot doe at gmail dot com", "EMAIL", "john dot doe at gmail dot com"),
        ("ftp://files.example.org/a", "URL", "ftp://files.example.org/a"),
        ("portal.example.org/patient/83463.", "URL", "portal.example.org/patient/83463"),
        ("on mychart.hospital.org today", "URL", "mychart.hospital.org"),
        ("IP 192.168.11.144", "IP", "192.168.11.144"),
        ("2001:db8::1", "IP", "2001:db8::1"),
    ],
)
def test_a_way_to_reach_a_person_is_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-10", "2025-01-21T10:20:30Z", "2024/1/5", "1/2/24", "01-02-1950", "1.2.1950", "03/2021", "2021-03", "19500102",
        "March 3, 2026", "Mar 3rd '26", "March 2021", "3 March", "the 3rd of March", "4-Mar-21", "04MAR2021", "Feb 14-16, 2021",
        "Monday, March 3", "March third", "the twenty-first of May", "12 de marzo de 2021", "5. Oktober 2020", "2021-Mar-04",
    ],
)  # fmt: skip
def test_a_day_is_found_in_every_written_form(value: str) -> None:
    text = f"Seen again {value}, then home."

    assert [(kind, part.strip(" ,")) for kind, part in found(text)] == [("DATE", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [("DOB 010250", "010250"), ("born 1 2 1950", "1 2 1950"), ("admitted on 3/4", "3/4"), ("from 3/4-3/9", "3/4-3/9")],
)
def test_a_short_day_is_found_beside_its_word(text: str, value: str) -> None:
    assert found(text) == [("DATE", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a 92-year-old man", "92"),
        ("Age: 98+", "98+"),
        ("ninety-two year old", "ninety-two"),
        ("a 93F with cough", "93"),
        ("a 95 y/o male", "95"),
        ("her 94th birthday", "94th"),
        ("a nonagenarian", "nonagenarian"),
    ],
)
def test_an_age_over_89_is_found(text: str, value: str) -> None:
    assert found(text) == [("AGE", value)]


@pytest.mark.parametrize(
    "text",
    [
        "a 64-year-old man aged 89, later 90 or older",
        "may be 98 F or 104F, pulse 92, SpO2 96%",
        "seen today, two weeks ago, in 2021, last Monday",
        "pain 7/10, strength 5/5, BP 120/80, vision 20/40",
        "Take 500 mg twice daily for 10 days; insulin 10 units",
        "ICD-10 code: E11.65, CPT code 99213, LOINC 4548-4, SNOMED CT 44054006, NDC 0002-8215-01",
        "platelets 150000, WBC 11000, ferritin 1234",
        "COVID-19, HER-2, CA-125, IL-6, HLA-B27, BMS-986165, NCT01234567",
        "patient is 1500 ml positive; plan: 2000 kcal diet",
        "group 2 of 3, chart reviewed, policy 2020, record high of 1999",
        "glucose mg/dL 123, HbA1c 7.2, eGFR 58",
        "MMSE 18, MELD score of 25, Gleason 7, GCS 15, BMI 34.5",
        "T2DM, G5P5, C5-C6, L4/5, V1-V6, 12-lead",
        "Patient: Denies chest pain. Assessment: Stable.",
        "the Emergency Department, a community clinic, Pain Clinic, Primary Care Clinic",
        "St. John's Wort and ST elevation; 2 st depression",
        "QRS 110 ms. Activated carbon given",
        "Mother: Non-Hodgkin's lymphoma. Father: Prostate cancer",
        "ratio 3:45:12 at 12:30:45; version 999.1.1.1",
        "may 5 mg be enough? march 10 times",
        "Parkinson's disease, Crohn disease, Foley catheter, Wilson disease",
        "model number 12345678, room number 4512",
        "\u7535\u8bdd \u53f7\u7801 ok",
        "I've been seen by Don't Know, record B12 and chart T2DM",
        "XR knee, CT chest; TX plan, PA view, OR booked, in ME",
    ],
)
def test_clinical_text_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "value",
    [
        "5083 Christina Cliff Apt. 163, Lake Johnview, RI 64766",
        "12 N. Main St., Springfield",
        "3189 Cherry Ln, Arlington, AK 59607",
        "PO Box 123, Boston, MA 02139",
        "PSC 3294, Box 9168, APO AA 61487",
        "Boston, Massachusetts",
        "Kansas City, MO",
        "213 Pilekrogen 53 Apt. 263, Grand-Leez, Belgium 18431",
        "SW1A 1AA",
        "Orange County",
        "44.9778 N, 93.2650 W",
        "Wheeler-Wheeler Hospital",
        "Valentine, Bush and Jones Hospital",
        "UCLA Medical Center",
        "St. Mary's Hospital",
        "Mt. Sinai",
        "Johns Hopkins Hospital, Baltimore",
        "University of Chicago Medical Center",
        "Children's Hospital of Boston",
        "City Hospital",
        "Jefferson Memorial Hospital",
        "Chicago clinic",
        "Kennedy Family Practice",
        "Dallas facility",
    ],
)
def test_a_small_place_is_found_as_a_whole(value: str) -> None:
    assert found(f"He was seen at {value} again.") == [("LOCATION", value)]


def test_days_far_apart_are_both_found() -> None:
    text = "March 3, 2026 " + "and the patient was well " * 8 + "May 4, 2026"

    assert found(text) == [("DATE", "March 3, 2026"), ("DATE", "May 4, 2026")]


def test_a_labelled_address_is_found_to_its_end() -> None:
    assert found("Address: Hauptweg 7, 3. Stock, Kleinstadt; allergic") == [
        ("LOCATION", "Hauptweg 7, 3. Stock, Kleinstadt")
    ]


def test_a_town_is_found_where_someone_lives() -> None:
    assert found("He lives in Sacaton with his sister") == [("LOCATION", "Sacaton")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Dr. John Smith saw", "John Smith"),
        ("spoke to Mrs. O'Brien-Lee today", "O'Brien-Lee"),
        ("Patient: Linda Short (Age: 40)", "Linda Short"),
        ("Patient: Patrick Beck DDS (Age", "Patrick Beck DDS"),
        ("PATIENT NAME: SMITH, JOHN A", "SMITH, JOHN A"),
        ('{"patient_name": "Melissa Torres"}', "Melissa Torres"),
        ("/profile?name=Susan Harris&x=1", "Susan Harris"),
        ("<name>Ana Lee</name>", "Ana Lee"),
        ("Electronically signed by: Kim Lee", "Kim Lee"),
        ("Sincerely,\nRuth Sanchez", "Ruth Sanchez"),
        ("seen by Betty Ross, PA-C", "Betty Ross"),
        ("Ruth Sanchez, MD dictated", "Ruth Sanchez"),
        ("Anna Mitchell is a 44-year-old", "Anna Mitchell"),
        ("John Smith (MRN: 123456)", "John Smith"),
        ("Patient Johann Sebastian von Hohenberg was", "Johann Sebastian von Hohenberg"),
        ("hi dr. hernandez , good", "hernandez"),
        ("VALUES ('Patricia Johnson', 1)", "Patricia Johnson"),
        ("record: A***** L****, born", "A***** L****"),
        ("forward it to \u7fd4\u592a \u5409\u7530 at once", "\u7fd4\u592a \u5409\u7530"),
        ("PID|1||55^^^H||SMITH^JOHN^A||", "SMITH^JOHN^A"),
        ("a letter: Dear Okafor,", "Okafor"),
        ("a woman named Okafor came", "Okafor"),
        ("his name is Emeka Okafor and", "Emeka Okafor"),
        ("with dr. Smith now", "Smith"),
        ("reviewed by Dr. A. today", "A"),
        ("Smith, John RN, then", "Smith, John"),
        ("Linda Scott RN called", "Linda Scott RN"),
    ],
)
def test_a_name_is_found_by_what_stands_beside_it(text: str, value: str) -> None:
    assert ("NAME", value) in found(text)


def test_a_hospital_message_is_found_field_by_field() -> None:
    text = "PID|1||123456^^^H^MR||SMITH^JOHN||19500101|M|||12 MAIN ST^^BOSTON^MA^02139"

    assert found(text) == [
        ("MRN", "123456"),
        ("NAME", "SMITH^JOHN"),
        ("DATE", "19500101"),
        ("LOCATION", "12 MAIN ST^^BOSTON^MA^02139"),
    ]


def test_every_rule_has_its_own_name() -> None:
    names = [rule.name for rule in ALL]

    assert len(names) == len(set(names))


def test_labels_are_plain_words_and_states_two_letters() -> None:
    assert {"mrn", "ssn", "npi", "subscriber", "fingerprint", "passport", "is", "number"} <= LABELS
    assert all(word == word.lower() for word in LABELS)
    assert all(len(state) == 2 for state in STATES)
