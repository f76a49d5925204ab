"""Hospitals, clinics and the like by the form of their name: a proper word before a word such as *Hospital*.

Words that only say what a place does (*Pain Clinic*, *Community Hospital*) name no place and stay.  Towns and names
without such a word are for the name models and the site's own list.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.phi.findings import Finding, Kind
from appliance.phi.recognizers.rule import PatternRule, Rule, exact, words

_HEADS = (
    r"Hospitals?|Hosp\.?|Medical[ ](?:Center|Centre|Group|Clinic|College|School|Associates|Campus|Pavilion|Plaza|Offices?|Complex|Practice|Arts)"
    r"|Med[ ](?:Center|Ctr|Group)|Clinics?|Health(?:care)?[ ](?:System|Center|Centre|Network|Services|Clinic|Partners|Alliance|Campus|Group|Care|Plan)"
    r"|Healthcare|Health|Infirmary|Sanatorium|Hospice|Nursing[ ](?:Home|Center|Facility)|Care[ ](?:Center|Centre|Home|Facility)"
    r"|(?:Assisted|Senior)[ ]Living|Rehab(?:ilitation)?(?:[ ](?:Center|Hospital|Institute|Facility))?|Urgent[ ]Care"
    r"|(?:Surgery|Surgical|Cancer|Heart|Dialysis|Imaging|Birth|Trauma|Burn|Wellness|Treatment|Recovery|Eye|Spine|Stroke|Transplant"
    r"|Oncology|Cardiology|Diagnostic|Research|Fertility|Sleep|Vascular|Breast|Kidney|Veterans|Wound|Pain|Behavioral[ ]Health"
    r"|Mental[ ]Health|Community[ ]Health|VA)[ ](?:Center|Centre|Institute|Clinic|Hospital|Group|Associates|Unit)"
    r"|Institute|Polyclinic|Pharmacy|Laborator(?:y|ies)|Labs?|Diagnostics|Physicians(?:[ ]Group)?|Family[ ](?:Medicine|Practice|Health)"
    r"|(?:Internal|Sports)[ ]Medicine|Pediatrics|Orthop(?:a)?edics|Dermatology|Cardiology|Oncology|Radiology|Imaging|Dental|Dentistry"
    r"|VAMC|VA|Manor|Memorial|General|Children's|Women's|Presbyterian|Methodist|Baptist|Lutheran|Adventist|University|College|Academy"
    r"|(?:Elementary|Middle|High)[ ]School|Correctional[ ](?:Facility|Institution)|Prison|Jail|Barracks|Shelter|Surgicenter|Cent(?:er|re)"
)
"""Words that end the name of a place of care, and of places where patients live, learn or are held."""

_NAME_WORD = r"[A-Z][A-Za-z'.-]{0,24}"

_GENERIC = words(
    """The A An Our This That Any Local Community Outpatient Inpatient Primary Care Emergency Urgent Pain Anticoagulation
    Coumadin Warfarin Cardiology Oncology Pediatric Pediatrics Surgery Surgical Medical Medicine General Internal Family
    Women's Children's Mental Behavioral Public Home Heart Failure Diabetes Diabetic Wound Sleep Memory Foot Eye Ear Hand
    Spine Stroke Cancer Breast Renal Kidney Dialysis Transplant Fertility Prenatal Obstetric Travel Walk-In Walk-in Specialty
    Tertiary Academic Teaching District Regional Rural Urban City County State National Federal Private Acute Long-Term
    Long-term Skilled Nursing Assisted Senior Living Rehab Rehabilitation Physical Occupational Therapy Radiology Imaging
    Research Clinical Trauma Burn Intensive Critical Unit Dental Orthopedic Orthopaedic Neurology Neurosurgery Gastroenterology
    Endocrinology Pulmonary Rheumatology Dermatology Urology Gynecology Psychiatry Psychiatric Nephrology Hematology Infectious
    Disease Vascular Allergy Asthma Follow-up Follow-Up Followup Day Night Veterans Health Wellness Referral Same In At To From For
    And Of With On Is Was No Yes Plan Per Via Admission Admitted Discharge Discharged Hospital Clinic Center Past Occupation
    Social Reproductive Sexual Musculoskeletal Preventive Preventative Preventive Global World Bone Oral Brain Lung Liver Skin
    Under Increase Consider Continue Start Review Mass Chest Digestive Gut Hormone Patient Population Planetary Maternal
    Quality Cardiovascular Environmental Good Poor Current Complete Current Overall Reports Report Gender Mobile"""
)
"""Words that say what a place does and not which it is."""

_HEADS_ALONE_TOO_WEAK = words(
    "Health Healthcare Labs Lab Laboratory Laboratories Imaging VA Memorial General Children's Women's Cardiology Oncology"
    " Radiology Pediatrics Orthopedics Dermatology Institute Manor Dental Diagnostics College Academy Center Centre Shelter"
)
"""Heads that need a name of two words or a rarer form, as they stand in headings too."""

_SAINT_HEAD_OR_END = r"(?:'s|s'|s)?"

_BRANDS = (
    r"Mayo[ ]Clinic|Cleveland[ ]Clinic|Johns?[ ]Hopkins|Mass(?:achusetts)?[ ]General|MGH|Brigham(?:[ ](?:and|&)[ ]Women's)?|Cedars?[- ]Sinai"
    r"|(?:Mount|Mt\.?)[ ]Sinai|Kaiser(?:[ ]Permanente)?|M\.?D\.?[ ]Anderson|(?:Memorial[ ])?Sloan[- ]Kettering|UCLA|UCSF|UCSD|NYU(?:[ ]Langone)?"
    r"|UPMC|Stanford|Duke|Emory|Vanderbilt|Northwestern[ ]Memorial|Beth[ ]Israel(?:[ ]Deaconess)?|Dana[- ]Farber|Tufts|Yale[- ]New[ ]Haven"
    r"|Penn[ ]Medicine|Geisinger|Intermountain|Ochsner|Scripps|Sutter(?:[ ]Health)?|Banner(?:[ ]Health)?|Mercy[ ]Health|Ascension|Providence(?=[ ](?:Health|St))"
    r"|Henry[ ]Ford|Houston[ ]Methodist|Baylor(?:[ ]Scott[ ](?:and|&)[ ]White)?|Parkland|Bellevue|Montefiore|Lenox[ ]Hill|Walter[ ]Reed"
    r"|St\.?[ ]Jude|Shriners|Barnes[- ]Jewish|Rush[ ]University|Cook[ ]County|Grady[ ]Memorial|Jefferson[ ](?:Health|University)"
    r"|Hackensack(?:[ ]Meridian)?|NewYork-Presbyterian|New[ ]York[- ]Presbyterian|Atrium[ ]Health|AdventHealth|CommonSpirit|HCA"
    r"|Quest[ ]Diagnostics|LabCorp|Walgreens|CVS|Rite[ ]Aid|Walmart[ ]Pharmacy|Costco[ ]Pharmacy|DaVita|Fresenius"
)
"""Places of care that are named without a word of `_HEADS`; the larger ones of the United States."""

_HEAD = re.compile(rf"(?<![\w-])(?:{_HEADS})(?![\w-])", re.VERBOSE)
_NAME_BEFORE = re.compile(
    rf"(?:{_NAME_WORD}(?:,[ ]|[ ](?:(?:of|and|&|for|the|at|de|del)[ ]){{0,2}}|-)){{1,5}}\Z", re.VERBOSE
)
_NAME_AFTER = re.compile(rf"[ ](?:of|at|for)[ ](?:the[ ])?{_NAME_WORD}(?:[ ]{_NAME_WORD}){{0,2}}", re.VERBOSE)

_WINDOW = 80
"""Characters before the head that a name may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facilities:
    """Find names that end in a word for a place of care."""

    name: str = "facility"

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each proper name before such a word."""
        reached = 0
        for head in _HEAD.finditer(text):
            floor = max(reached, head.start() - _WINDOW, text.rfind("\n", 0, head.start()) + 1)
            start = _proper_start(text, floor, head)
            if start is None:
                continue
            reached = head.end()
            yield Finding(kind=Kind.LOCATION, start=start, end=reached, score=0.88, recognizer=self.name)


def _proper_start(text: str, floor: int, head: re.Match[str]) -> int | None:
    """Return where the name begins; None if no word of it is proper."""
    before = _NAME_BEFORE.search(text, floor, head.start())
    if before is None:
        return None
    start = before.start()
    for word in re.finditer(r"[A-Za-z'.-]+", before[0]):
        if word[0] not in _GENERIC or word[0] == "St.":
            start = before.start() + word.start()
            break
    named = [word for word in re.findall(r"[A-Za-z'.]+", text[start : head.start()]) if word[:1].isupper()]
    proper = [word for word in named if word not in _GENERIC]
    if not proper or (head[0] in _HEADS_ALONE_TOO_WEAK and len(named) < 2 and not proper[0].isupper()):  # noqa: PLR2004
        return None
    return start


RULES: tuple[Rule, ...] = (
    Facilities(),
    PatternRule(
        name="facility-by-brand",
        kind=Kind.LOCATION,
        pattern=exact(rf"(?<![\w-])(?P<value>(?:{_BRANDS})(?:[ ](?:{_HEADS}))?)(?![\w])"),
        score=0.86,
    ),
    PatternRule(
        name="saint",
        kind=Kind.LOCATION,
        pattern=exact(
            r"(?<![\w-])(?P<value>(?:St\.?|Saint|Mt\.?|Mount|Our[ ]Lady[ ]of|Good[ ]Samaritan|Sacred)[ ](?!(?:John's[ ]Wort|Vitus|Anthony's[ ]Fire|Jude[ ]valve|Louis[ ]encephalitis))"
            rf"[A-Z][a-z]{{2,20}}(?:'s?)?(?:[ ](?:{_HEADS}))?)(?![\w])"
        ),
        score=0.84,
        signs=("St", "Mt", "Mount", "Saint", "Our Lady", "Sacred", "Good"),
    ),
    PatternRule(
        name="university-of",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"\b(?P<value>(?:University|Univ\.?|College|Hospital|Children's[ ]Hospital|Institute)[ ]of[ ](?:the[ ])?{_NAME_WORD}(?:[ ](?:at[ ])?{_NAME_WORD}){{0,2}}(?:[ ](?:{_HEADS}))?)(?!\w)"
        ),
        score=0.87,
        signs=(" of ",),
    ),
)
"""Rules for places of care."""
