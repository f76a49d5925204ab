"""Forms that only the label or the words beside them make identifiers, and the same forms where they are none."""

import pytest

from appliance.phi.rules import find


def found(text: str) -> list[tuple[str, str]]:
    """Return kind and value of each finding."""
    return [(each.kind.value, text[each.start : each.end]) for each in find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("mrn# 4710497 c/o chest pain", "MRN", "4710497"),
        ("MR #14021024 f/u CHF", "MRN", "14021024"),
        ("Med Rec # 53-93-11 t/b Dr. Abdi", "MRN", "53-93-11"),
        ("MRN: 4710497 F 67", "MRN", "4710497"),
        ("plate ZUE 9748; device", "VEHICLE", "ZUE 9748"),
        ("car w/ tag 156 UHL found", "VEHICLE", "156 UHL"),
        ("Vehicle: NU 77405 |", "VEHICLE", "NU 77405"),
        ("last four 1233.", "SSN", "1233"),
        ("social security number ending in 4821", "SSN", "4821"),
        ("card ending 5875", "ACCOUNT", "5875"),
        ("Rx BIN 610014 PCN MEDDPRIME", "HEALTH_PLAN", "MEDDPRIME"),
        ("Rx BIN 610014 PCN MEDDPRIME", "HEALTH_PLAN", "610014"),
        ("Group PRG590.", "HEALTH_PLAN", "PRG590"),
        ("Medicaid H32491453 secondary", "HEALTH_PLAN", "H32491453"),
        ("Dexcom transmitter 8N4K2P.", "DEVICE", "8N4K2P"),
        ("LOT Z82427, SN 509708P", "DEVICE", "Z82427"),
        ("by user tkessler04.", "OTHER_ID", "tkessler04"),
        ("Jane Roe , M.D. TK73", "OTHER_ID", "TK73"),
        ("Batch : 4417 Index No. QPWF28371", "OTHER_ID", "4417"),
        ("Job #883412", "OTHER_ID", "883412"),
        ("Ambulance run # 24-009918", "OTHER_ID", "24-009918"),
        ("Acc #: B32-16126", "OTHER_ID", "B32-16126"),
        ("Record shows jsmith42. ", "OTHER_ID", "jsmith42"),
        ("Spoke with A ((540) 707-6055)", "PHONE", "(540) 707-6055"),
        ("daughter (372-117-8155 ext. 166)", "PHONE", "372-117-8155 ext. 166"),
        ("Mother died at 97; father at 72", "AGE", "97"),
        ("Brother, 91, has COPD", "AGE", "91"),
        ("a woman in her nineties", "AGE", "nineties"),
        ("last visit last July w/ LDL", "DATE", "last July"),
        ("surgery in March at home", "DATE", "March"),
        ("colonoscopy 3/14, EGD 11/02", "DATE", "3/14"),
        ("CT abd 4/17: no free air", "DATE", "4/17"),
        ("047 Old Mill Avenue, Fort Wayne", "LOCATION", "047 Old Mill Avenue, Fort Wayne"),
        ("662 County Road 12 Blvd #984 now", "LOCATION", "662 County Road 12 Blvd #984"),
        ("448 Camino del Sol Pike; EMS", "LOCATION", "448 Camino del Sol Pike"),
        (
            "1807 Turkey Hill Ave, Unit 3D\nPeoria, Kansas 93885",
            "LOCATION",
            "1807 Turkey Hill Ave, Unit 3D\nPeoria, Kansas 93885",
        ),
        (
            "is 86 Kiannonkatu 98\n Suite 464\n OULU\n\n Finland 80896",
            "LOCATION",
            "86 Kiannonkatu 98\n Suite 464\n OULU\n\n Finland 80896",
        ),
        (
            "> 91215 Harjukuja 54\n> Suite 318\n> Kerava\n> Finland 38524",
            "LOCATION",
            "91215 Harjukuja 54\n> Suite 318\n> Kerava\n> Finland 38524",
        ),
        ("at 5638 Aasa 43\nHumilimont, NI 78618", "LOCATION", "5638 Aasa 43\nHumilimont, NI 78618"),
        ("to PSC 4355, Box 4187\nAPO AP 28906", "LOCATION", "PSC 4355, Box 4187\nAPO AP 28906"),
        ("seen at our 5th avenue clinic, needs", "LOCATION", "5th avenue clinic"),
        ("at Cancer Center in New York, April", "LOCATION", "Cancer Center in New York"),
        ("to Memorial Hospital in Atlanta", "LOCATION", "Memorial Hospital in Atlanta"),
        ("the VA in Duluth", "LOCATION", "VA in Duluth"),
        ("from Children's of Alabama on", "LOCATION", "Children's of Alabama"),
        ("Walgreens #04411 on", "LOCATION", "Walgreens #04411"),
        ("PATIENT NAME\nNakamura, Ramesh\nMEDICAL RECORD", "NAME", "Nakamura, Ramesh"),
    ],
)
def test_an_everyday_form_beside_its_label_is_found(text: str, kind: str, value: str) -> None:
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "plate 6-hole and screws 3.5 mm; plate fixation",
        "pain 7/10, strength 5/5, murmur 2/6, nodes 3/14, MMSE 8/30",
        "12/14 nodes; Lotrel 5/20 daily; amlodipine/benazepril 5/20 mg",
        "received 1/2 tablet on the way",
        "the last four 2-week cycles; last 4 hours",
        "O2 sat 94%, weight 94 lbs, CVP 9-12, died at 72",
        "platelets 150000 c/o bleeding; dose 500 g/day; 10 h, 5 f/u visits",
        "a threshold of 0.75 V @ 0.4 ms",
        "NDC 0071-0155-23",
        "the patient may march; in the sept ward",
        "2nd st depression",
    ],
)
def test_the_same_form_elsewhere_is_left_alone(text: str) -> None:
    assert found(text) == []
