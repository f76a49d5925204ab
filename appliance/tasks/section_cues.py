"""Words that point to the 20 section headers of MTS-Dialog, and the headers that a passage's words point to.

They are a hint in the prompt, best first; the model decides among all headers.  A small model mostly follows the
hint, a large one needs it little.  The words were written by hand after reading the training set of MTS-Dialog
(Ben Abacha et al., EACL 2023, CC BY 4.0); how well the hint alone does stands in the tests.
"""

from collections import Counter
from collections.abc import Mapping

from appliance.tasks.terms import stem, words

NAME = "section_cues"
"""What `TaskPolicy.finish` says where this module applies."""

MAX_HINTS = 3

_STORY = "GENHX"
_WORDS_A_POINT = 20
_MOST_STORY_POINTS = 6
"""A passage tells the present illness the more likely the longer it is: a point for every twenty different words, at
most six.  Chosen on the training set only."""

_CUES: Mapping[str, str] = {
    "FAM/SOCHX": """
        smoke smoker smoking alcohol drink drinker beer wine illicit tobacco cigarette cigar pack married divorced
        single widow husband wife children kid sibling brother sister mother father mom dad parent grandmother
        grandfather family occupation retired job work live recreational marijuana noncontributory son daughter died
    """,
    "GENHX": """
        old year-old month week yesterday ago start started began presented worse worsening since developed last
        injury accident fell bring brought
    """,
    "PASTMEDICALHX": """
        medical past condition diagnosed hypertension diabetes cholesterol hyperlipidemia asthma history hospitalized
        hospitalization fibrillation arthritis copd significant
    """,
    "CC": "bring brings complaint chief complaining seems today why reason help",
    "PASTSURGICAL": """
        surgery surgical operation appendectomy hysterectomy cholecystectomy tonsillectomy removed removal appendix
        gallbladder tonsil cesarean section replacement ligation bypass oophorectomy mastectomy operated surgeon
    """,
    "ALLERGY": "allergy allergic allergen penicillin sulfa latex hive anaphylaxis peanut reaction nkda",
    "ROS": """
        negative positive nausea vomiting fever chill cough chest breath shortness headache dizziness diarrhea
        constipation palpitation urination vision hearing swelling rash weight sweat appetite numbness bleeding stool
        otherwise system constitutional respiratory neurologic
    """,
    "MEDICATIONS": """
        medication medicine mg milligram tablet pill dose daily twice prescription prescribed aspirin lipitor ibuprofen
        tylenol inhaler multivitamin vitamin pharmacy refill prn lisinopril metformin taking take medicate
    """,
    "ASSESSMENT": "likely secondary etiology think suspect resolved probably assessment impression stable consistent",
    "EXAM": """
        exam examine examination tenderness tender auscultation palpation bilaterally symmetric supple neck heart lung
        murmur distress alert oriented adenopathy mass inspection normal soft reflex look lift push
    """,
    "DIAGNOSIS": "diagnosis diagnose diagnostic confirmed suffering suspect have condition",
    "DISPOSITION": "discharge discharged home stable disposition transferred admitted condition go going ready leave",
    "PLAN": "follow plan continue restrict diet activity schedule recommend instructed return contact start refer",
    "EDCOURSE": "emergency er ed given gave feeling better improved antibiotic fluid iv room course reported",
    "IMMUNIZATIONS": "vaccine vaccination vaccinated immunization immunize tetanus flu shot date booster influenza",
    "IMAGING": "ray x-ray xray ct mri ultrasound scan imaging film radiograph show echo",
    "GYNHX": "gravida para pregnant pregnancy menstrual menstruation period abortion miscarriage pap smear birth",
    "PROCEDURES": "procedure procedures biopsy catheterization endoscopy colonoscopy intubation",
    "OTHER_HISTORY": "",
    "LABS": "lab labs laboratory bloodwork result report hemoglobin glucose creatinine wbc platelet sodium potassium",
}

_STRONG = frozenset(
    """
    allergy allergic vaccine vaccination immunization surgery appendectomy hysterectomy cholecystectomy tonsillectomy
    gravida menstrual pap mri ct xray ultrasound procedure diagnosis discharge discharged smoke smoking alcohol
    tobacco family married medication lab bloodwork tetanus illicit mg exam examine er emergency
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words that say more than others which header is meant."""

_STRONG_WEIGHT = 3.0
_REPEAT_BONUS = 0.3
"""A word that stands twice says a little more, up to three times."""


def hints(text: str) -> tuple[str, ...]:
    """Return at most `MAX_HINTS` headers that the words of a passage point to, the best first."""
    counts = Counter(word.stem for word in words(text))
    scores = {header: _score(counts, cues) for header, cues in _stems().items()}
    scores[_STORY] += min(_MOST_STORY_POINTS, len(counts) / _WORDS_A_POINT)
    best = sorted(scores, key=lambda header: -scores[header])[:MAX_HINTS]
    return tuple(header for header in best if scores[header] > 0)


def question(text: str) -> str:
    """Return the hint as it stands in the prompt."""
    first, *others = hints(text) or ("OTHER_HISTORY",)
    others_said = f", then {' or '.join(others)}" if others else ""
    return f'By its words: {{"section": "{first}"}}{others_said}. Decide from the passage.'


def _score(counts: Mapping[str, int], cues: Mapping[str, float]) -> float:
    return sum(weight * (1 + _REPEAT_BONUS * min(2, counts[cue] - 1)) for cue, weight in cues.items() if cue in counts)


def _stems() -> dict[str, dict[str, float]]:
    """Return each header's cues with their weights: less for a word that points to several headers."""
    cues = {header: {stem(word) for word in listed.split()} for header, listed in _CUES.items()}
    strong = {stem(word) for word in _STRONG}
    shared = Counter(cue for header_cues in cues.values() for cue in header_cues)
    return {
        header: {cue: (_STRONG_WEIGHT if cue in strong else 1.0) / shared[cue] for cue in sorted(header_cues)}
        for header, header_cues in cues.items()
    }
