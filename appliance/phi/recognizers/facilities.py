# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Hospitals, clinics and the like by the form of their name: a proper word before a word such as *Hospital*.

Words that only say what a place does (*Pain Clinic*, *Community Hospital*) name no place and stay.  Towns and names
without such a word are for the name models and the site's own list.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appliance.phi.findings import Finding, Kind
from appliance.phi.recognizers.ordinary import NOT_NAMES
from appliance.phi.recognizers.rule import PatternRule, Rule, exact, words

_STRONG = (
    "Hospital|Hospitals|Hosp|Clinic|Clinics|Infirmary|Sanatorium|Sanitarium|Hospice|Living|Rehab|Rehabilitation|Polyclinic"
    "|Pharmacy|Physicians|VAMC|Presbyterian|Methodist|Baptist|Lutheran|Adventist|University|Prison|Jail|Barracks|Surgicenter"
    "|Hospitalists|Surgicentre|Hospices|Pharmacies"
)
"""Words that end the name of a place of care, or of a place where patients live, learn or are held."""

_WEAK = (
    "Health|Healthcare|Labs|Lab|Laboratory|Laboratories|Imaging|VA|Memorial|General|Children's|Women's|Cardiology|Oncology"
    "|Radiology|Pediatrics|Orthopedics|Orthopaedics|Dermatology|Institute|Manor|Dental|Dentistry|Diagnostics|College|Academy"
    "|Center|Centre|Ctr|Cntr|Med|Shelter|Medicine|School|Facility|Institution|System"
)
"""Words that stand in headings too: two words must come before, one of them proper."""

_ENDS = (
    "Group|Associates|Unit|Campus|Pavilion|Plaza|Office|Offices|Complex|Practice|Arts|Services|Partners|Alliance|Care|Plan|Home"
    "|Foundation|Department"
)
"""Words that end such a name only after a word of care."""

_CARE = words(
    """Medical Med Health Healthcare Surgery Surgical Cancer Heart Dialysis Imaging Birth Trauma Burn Wellness Treatment Recovery
    Eye Spine Stroke Transplant Oncology Cardiology Diagnostic Research Fertility Sleep Vascular Breast Kidney Veterans Wound
    Pain VA Nursing Care Rehab Rehabilitation Hospice Urgent Family Internal Primary Dental Pediatric Senior Assisted"""
)

_SMALL = "hospital|hospitals|clinic|clinics|medical[ ]center|health[ ]center|facility|campus|office|offices|branch|location|pharmacy"
"""The same in small letters, where a proper word comes right before."""

_MORE = rf"(?:[ ](?:{_STRONG}|{_WEAK}|{_ENDS}|Medical|Med|Cntr|Outpatient|Emergency|{_SMALL})\b\.?){{0,3}}"

_NO_TOWN = (
    r"(?!(?:Dr|Mr|Mrs|Ms|Prof|Patients?|Pts?|The|She|He|His|Her|They|We|It|On|In|At|And|But|With|For|From|To|Who|By|Under|After|Before"
    r"|Last|Seen|Had|Has|Was|Is|Adults?|Children|Women|Men|Older|Elderly|Pregnan\w+|Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?|Spring|Summer|Fall|Winter)\b)"
)

_TOWN_AFTER = (
    rf"(?:(?:,[ ]|[ ](?:in|of|at)[ ](?:the[ ])?){_NO_TOWN}[A-Z][a-z'-]{{2,20}}(?:[ ]{_NO_TOWN}[A-Z][a-z'-]{{2,20}}){{0,2}}(?![\w'])"
    r"(?:,[ ]?[A-Z]{2}\b)?)?"
)
"""``, Baltimore``, ``in Rochester, MN``."""

_NAME_WORD = r"(?:(?:St|Mt|Ft)\.|[A-Z]\.|[A-Z][A-Za-z'-]{0,24})"

_GENERIC = words(
    """The A An Our This That Any Local Community Outpatient Inpatient Primary Care Emergency Urgent Pain Anticoagulation
    Coumadin Warfarin Cardiology Oncology Pediatric Pediatrics Surgery Surgical Medical Medicine General Internal Family
    Women's Children's Mental Behavioral Public Home Heart Failure Diabetes Diabetic Wound Sleep Memory Foot Eye Ear Hand
    Spine Stroke Cancer Breast Renal Kidney Dialysis Transplant Fertility Prenatal Obstetric Travel Walk-In Walk-in Specialty
    Tertiary Academic Teaching District Regional Rural Urban City County State National Federal Private Acute Long-Term
    Long-term Skilled Nursing Assisted Senior Living Rehab Rehabilitation Physical Occupational Therapy Radiology Imaging
    Research Clinical Trauma Burn Intensive Critical Unit Dental Orthopedic Orthopaedic Neurology Neurosurgery Gastroenterology
    Endocrinology Pulmonary Rheumatology Dermatology Urology Gynecology Psychiatry Psychiatric Nephrology Hematology Infectious
    Disease Vascular Allergy Asthma Follow-up Follow-Up Followup Veterans Health Wellness Referral Same In At To From For
    And Of With On Is Was No Yes Plan Per Via Admission Admitted Discharge Discharged Hospital Clinic Clinics Center Past Occupation Figure Table Off Campus Comprehensive
    Social Reproductive Sexual Musculoskeletal Preventive Preventative Preventive Global World Bone Oral Brain Lung Liver Skin
    Under Increase Consider Continue Start Review Mass Chest Digestive Gut Hormone Patient Population Planetary Maternal
    Quality Cardiovascular Environmental Good Poor Current Complete Current Overall Reports Report Gender Mobile"""
)
"""Words that say what a place does and not which it is."""

_BRANDS = (
    r"Mayo[ ]Clinic", r"Cleveland[ ]Clinic", r"Johns?[ ]Hopkins", r"Mass(?:achusetts)?[ ]General", r"MGH", r"Brigham(?:[ ](?:and|&)[ ]Women's)?",
    r"Cedars?[- ]Sinai", r"Mount[ ]Sinai", r"Mt\.?[ ]Sinai", r"Kaiser(?:[ ]Permanente)?", r"M\.?D\.?[ ]Anderson", r"Memorial[ ]Sloan[- ]Kettering",
    r"Sloan[- ]Kettering", r"UCLA", r"UCSF", r"UCSD", r"NYU(?:[ ]Langone)?", r"UPMC", r"Stanford", r"Duke", r"Emory", r"Vanderbilt",
    r"Northwestern[ ]Memorial", r"Beth[ ]Israel(?:[ ]Deaconess)?", r"Dana[- ]Farber", r"Tufts", r"Yale[- ]New[ ]Haven", r"Penn[ ]Medicine",
    r"Geisinger", r"Intermountain", r"Ochsner", r"Scripps", r"Sutter(?:[ ]Health)?", r"Banner(?:[ ](?:Health|University|[A-Z][a-z]{3,15}))?", r"Mercy[ ]Health", r"Ascension",
    r"Henry[ ]Ford", r"Houston[ ]Methodist", r"Baylor(?:[ ]Scott[ ](?:and|&)[ ]White)?", r"Parkland", r"Bellevue", r"Montefiore", r"Lenox[ ]Hill",
    r"Walter[ ]Reed", r"Shriners", r"Barnes[- ]Jewish", r"Rush[ ]University", r"Cook[ ]County", r"Grady[ ]Memorial", r"Jefferson[ ](?:Health|University)",
    r"Hackensack(?:[ ]Meridian)?", r"New[ ]?York[- ]Presbyterian", r"Atrium[ ]Health", r"AdventHealth", r"CommonSpirit", r"HCA",
    r"Quest[ ]Diagnostics", r"LabCorp", r"Walgreens", r"CVS", r"Rite[ ]Aid", r"Walmart", r"Costco", r"DaVita", r"Fresenius", r"Harborview",
    r"Loma[ ]Linda", r"Swedish[ ](?:Medical|Hospital)", r"City[ ]of[ ]Hope", r"Roswell[ ]Park", r"Moffitt", r"Fred[ ]Hutch(?:inson)?",
)  # fmt: skip
"""Places of care that are named without a word of `_HEADS`; the larger ones of the United States."""

_HEAD = re.compile(rf"(?:{_STRONG}|{_WEAK}|{_ENDS})(?![\w-])")
_NAME_BEFORE = re.compile(
    rf"(?:{_NAME_WORD}(?:,[ ]|[ ](?:(?:of|and|&|for|the|at|de|del)[ ]){{0,2}}|-)){{1,5}}\Z", re.VERBOSE
)
_NAME_AFTER = re.compile(rf"[ ](?:of|at|for)[ ](?:the[ ])?{_NAME_WORD}(?:[ ]{_NAME_WORD}){{0,2}}", re.VERBOSE)

_NAME_PARTS = re.compile(r"[A-Za-z][A-Za-z'.]*")

_PLAIN = words(
    "City General Memorial County University Regional Central Metro National District Veterans Children's Women's"
)

_TAIL = re.compile(_MORE + _TOWN_AFTER, re.VERBOSE)

_IN_TOWN = re.compile("[ ]in[ ](?:the[ ])?[A-Z]")

_IN_TOWNS = words(
    "Hospital Clinic Center Centre Institute Infirmary Hospice Rehab Rehabilitation Pharmacy VA VAMC University"
)
"""Words of places: *Cancer Center in Tampa* is one although no word of its name is proper."""

_ARTICLES = words("The A An Our This That Any In At To From For And Of With On Is Was No Yes Plan Per Via")

_STRONG_WORDS, _WEAK_WORDS = frozenset(_STRONG.split("|")), frozenset(_WEAK.split("|"))

_NO_CENTRES = words("PBMC PBMCs BMC SMC CMC MMC DMC")
"""Cells and other things that are abbreviated alike."""

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
            if text[head.start() - 1 : head.start()] not in {" ", "-"}:
                continue
            nearest = max(reached, head.start() - _WINDOW, 0)
            floor = max(nearest, text.rfind("\n", nearest, head.start()) + 1)
            tail = _TAIL.match(text, head.end())
            has_town = tail is not None and head[0] in _IN_TOWNS and _IN_TOWN.search(tail[0]) is not None
            start = _proper_start(text, floor, head, has_town=has_town)
            if start is not None and tail is not None:
                reached = tail.end()
                yield Finding(kind=Kind.LOCATION, start=start, end=reached, score=0.88, recognizer=self.name)


def _proper_start(text: str, floor: int, head: re.Match[str], *, has_town: bool) -> int | None:
    """Return where the name begins; None if no word of it is proper and no town follows that makes it one."""
    before = _NAME_BEFORE.search(text, floor, head.start())
    if before is None:
        return None
    capitalised = [word for word in _NAME_PARTS.finditer(before[0]) if word[0][0].isupper()]
    named = _without_generic(capitalised, text=text, base=before.start(), head=head)
    if named and _is_enough(named, head[0]):
        return before.start() + named[0].start()
    first = next((word for word in capitalised if word[0] not in _ARTICLES), None) if has_town else None
    return before.start() + first.start() if first else None


def _without_generic(
    named: Sequence[re.Match[str]], *, text: str, base: int, head: re.Match[str]
) -> Sequence[re.Match[str]]:
    """Return the words from the first that says more than what a place does; none if no word does."""
    for index, word in enumerate(named):
        if word[0] not in _GENERIC or _is_plain_name(text, base + word.start(), head):
            return named[index:]
    return []


def _is_plain_name(text: str, place: int, head: re.Match[str]) -> bool:
    """Say whether this is a name such as *City Hospital*: general words that a preposition makes a place."""
    is_name = text[place : head.start()].rstrip() in _PLAIN and head[0] in _STRONG_WORDS
    return is_name and text[:place].endswith(("at ", "to ", "from ", "in ", "by "))


def _is_enough(named: Sequence[re.Match[str]], head: str) -> bool:
    """Say whether these words before the head make a name with it."""
    if head in _STRONG_WORDS:
        return True
    if head in _WEAK_WORDS:
        return len(named) > 1 or named[0][0].isupper() or named[0][0].endswith("'s")
    return named[-1][0] in _CARE


def _at_word(expression: str) -> str:
    """Return the expression for the beginning of a word, still with its first letter first, which is quick to look for."""
    return rf"{expression[0]}(?<![\w-].){expression[1:]}"


def _is_proper(value: str) -> bool:
    """Say whether a word names a place and no disease, drug or task."""
    named = [word for word in value.split() if word[0].isupper()]
    return any(word not in _GENERIC and word.lower().removesuffix("'s") not in NOT_NAMES for word in named)


RULES: tuple[Rule, ...] = (
    Facilities(),
    PatternRule(
        name="facility-by-brand",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"(?P<value>(?:{'|'.join(map(_at_word, _BRANDS))}){_MORE}(?:[ ]?\#[ ]?\d{{2,6}})?{_TOWN_AFTER})(?!\w)"
        ),
        score=0.86,
    ),
    PatternRule(
        name="saint",
        kind=Kind.LOCATION,
        pattern=exact(
            r"(?<![\w-])(?P<value>(?:St\.?|Saint|Mt\.?|Mount|Our[ ]Lady[ ]of|Good[ ]Samaritan|Good[ ]Shepherd|Sacred)[ ](?!(?:John's[ ]Wort|Vitus|Anthony's[ ]Fire|Jude[ ]valve|Louis[ ]encephalitis))"
            rf"[A-Z][a-z]{{2,20}}(?:'s?)?{_MORE}{_TOWN_AFTER})(?![\w])"
        ),
        score=0.84,
        signs=("St", "Mt", "Mount", "Saint", "Our Lady", "Sacred", "Good "),
    ),
    PatternRule(
        name="university-of",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"\b(?P<value>(?:University|Univ\.?|College|VNA|Visiting[ ]Nurses?|Hospital|Children's[ ]Hospital|Institute)[ ]of[ ](?:the[ ])?{_NAME_WORD}(?:[ ](?:at[ ])?{_NAME_WORD}){{0,2}}{_MORE}{_TOWN_AFTER})(?!\w)"
        ),
        score=0.87,
        signs=(" of ",),
    ),
    PatternRule(
        name="childrens-hospital",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"\b(?P<value>(?:Children's|Women's|Veterans(?:'|[ ]Affairs)?)[ ](?:Hospital|Medical[ ]Center|of(?=[ ][A-Z])){_TOWN_AFTER}(?:[ ]{_NO_TOWN}[A-Z][a-z]{{2,20}}){{0,2}})(?!\w)"
        ),
        score=0.85,
        signs=("Children's", "Women's", "Veterans"),
    ),
    PatternRule(
        name="facility-in-small-letters",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"\b(?:at|from|to|in|our|the|of|by|via|visited|near)[ ](?P<value>{_NO_TOWN}[A-Z][a-z][A-Za-z'.-]{{1,24}}(?:[ ][A-Z][A-Za-z'-]{{1,24}}){{0,2}}[ ](?:{_SMALL}))\b"
        ),
        score=0.8,
        check=_is_proper,
        gate=exact(rf"[A-Z][a-z'-]{{2,24}}[ ](?:{_SMALL})\b"),
    ),
    PatternRule(
        name="veterans-in-town",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"\b(?P<value>(?:VA|VAMC|Veterans[ ]Affairs)(?:[ ](?:clinic|hospital|Clinic|Hospital|CBOC))?[ ](?:in|of|at)[ ]{_NO_TOWN}[A-Z][a-z'-]{{2,20}}(?:[ ]{_NO_TOWN}[A-Z][a-z'-]{{2,20}}){{0,2}})(?!\w)"
        ),
        score=0.85,
        signs=("VA", "Veterans Affairs"),
    ),
    PatternRule(
        name="medical-center-by-letters",
        kind=Kind.LOCATION,
        pattern=exact(r"\b(?P<value>(?:[A-Z]{2,4}MC|[A-Z]{2,4}[ ]Med(?:ical)?))(?![\w])"),
        score=0.7,
        check=lambda value: value not in _NO_CENTRES,
        signs=("MC", "Med"),
    ),
)
"""Rules for places of care."""
