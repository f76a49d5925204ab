# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""The words beside a person's name: titles, labels, roles, kin, degrees and the ways to begin or end a letter."""

import re

from appliance.phi.recognizers.rule import words

PARTICLES = words(
    "de la las los del della der den van von zu di da do dos das du le el al bin ibn bint abu ter ten y san santa e"
)
"""Small words inside names."""

TITLES = words(
    """dr drs doctor mr mrs ms miss mx prof professor rev reverend rabbi imam sgt capt captain lt col colonel judge hon
    sir madam dame lord lady sr sra srta sra dra herr frau mme mlle monsieur dipl atty"""
)

ROLES = words(
    """patient pt client customer employee member provider physician surgeon nurse therapist pharmacist resident user
    mother father wife husband daughter son brother sister spouse partner guardian caregiver attending rn np pa md
    consultant cardiologist oncologist neurologist psychiatrist dentist midwife officer attorney friend neighbor aunt uncle
    grandmother grandfather veteran inmate student teacher coach employer supervisor contact by"""
)
"""Words before a name of two parts at least; one capitalised word after them is mostly none."""

INTRODUCERS = words("named called dear hello hi sincerely regards signed aka attn cc c/o")

DEGREES = words(
    """md do rn np pa pa-c pac phd dds dmd dvm dpm lpn lvn bsn msn dnp aprn crna cnm cnp fnp fnp-c fnp-bc arnp acnp lcsw lmsw
    msw lmft lpc psyd pharmd rph dpt mpt otr slp ccc-slp rd cde rt emt mbbs mbchb frcp frcs facp facs facc faap mph mha esq
    m.d d.o r.n n.p p.a ph.d od aud cma jr ii iii iv"""
)
"""Without their last dot."""

_PERSON = (
    r"(?:patient|pt|client|customer|member|subscriber|insured|guarantor|policy[ ]?holder|beneficiary|employee|student"
    r"|resident|user|subject|contact|consumer|guest|veteran|inmate|donor|candidate|applicant|claimant|decedent|infant|baby"
    r"|child)(?:'s)?(?:[ _-]?(?:full[ _-]?)?name)?"
)

_NAMES = (
    r"(?:full|first|last|middle|given|family|maiden|preferred|legal|birth|display|user|sur|fore|nick|father'?s?|mother'?s?"
    r"|physician|provider|doctor|nurse|contact|emergency|spouse|parent|guardian|caller|recipient|sender|holder|account|card"
    r"|f|l)?[ _-]?names?|alias(?:es)?|aka"
)

_CLINICIAN = (
    r"(?:(?:attending|referring|treating|primary(?:[ ]care)?|ordering|consulting|admitting|discharging|supervising|operating"
    r"|requesting|covering|on-?call|family|personal|prescribing|rendering|billing|assistant|resident)[ ])?"
    r"(?:physician|provider|doctor|clinician|surgeon|practitioner|consultant|attending|prescriber|anesthesiologist"
    r"|anesthetist|radiologist|pathologist|cardiologist|oncologist|neurologist|psychiatrist|psychologist|dentist"
    r"|pharmacist|therapist|counselor|nurse|midwife|technician|technologist|assistant|scribe|interpreter|resident|fellow"
    r"|intern|specialist|dietitian|nutritionist|hospitalist|intensivist|coordinator|case[ ]manager|social[ ]worker"
    r"|investigator|author|dictator|reader|reviewer|requester|pcp|md|rn|np|pa)(?:[ ](?:of[ ]record|name))?"
)

_ACTS = (
    r"(?:electronically[ ]|digitally[ ])?(?:signed|cosigned|co-signed|authored|dictated|transcribed|reviewed|verified"
    r"|approved|authenticated|attested|prepared|completed|entered|ordered|performed|collected|requested|interpreted|read"
    r"|reported|recorded|documented|witnessed|administered|referred|submitted|seen|examined|evaluated|assessed|supervised)"
    r"(?:[ ](?:and[ ]\w{4,14}[ ])?by)?|signature|signatory|sign(?:ed)?[ ]?off"
)

_LETTER = (
    r"attention|attn|cc|dear|sender|recipient|responsible[ ]party|legal[ ]representative|next[ ]of[ ]kin|nok|emergency[ ]contact"
    r"|power[ ]of[ ]attorney|poa|health[ ]care[ ]proxy|healthcare[ ]proxy|proxy|informant|witness|caregiver|caretaker"
)

_KIN = (
    r"mother|father|mom|dad|spouse|wife|husband|partner|son|daughter|brother|sister|aunt|uncle|cousin|niece|nephew"
    r"|grandmother|grandfather|parent|guardian|relative|friend|(?:[a-z]{1,12}[ ])?(?:record|profile)|re|regarding|from|to|by"
)

LABEL = re.compile(
    rf"(?<![A-Za-z])(?:{_PERSON}|{_NAMES}|{_CLINICIAN}|{_ACTS}|{_LETTER})[\"')\]]{{0,2}}[ \t]{{0,4}}\Z",
    re.IGNORECASE | re.VERBOSE,
)
"""A label before a colon or the like, after which one word is a name."""

KIN_LABEL = re.compile(rf"(?<![A-Za-z])(?:{_KIN})[\"')\]]{{0,2}}[ \t]{{0,4}}\Z", re.IGNORECASE | re.VERBOSE)
"""A label after which a diagnosis is as likely: a name needs two words there."""

_ENDS = frozenset(re.findall("[a-z]{2,}", LABEL.pattern + KIN_LABEL.pattern))
"""Words that a label can end with, and some that it cannot: a quick look before the long expressions."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def can_end_label(before: str) -> bool:
    """Say whether the last word here can be the end of a label; False means that no label stands here."""
    bare = before.rstrip("\"')] \t")
    word = bare[len(bare.rstrip(_LETTERS)) :].lower()
    return word in _ENDS or word.removesuffix("s") in _ENDS or word.endswith(("name", "names", "aliases", "off"))


VALEDICTION = re.compile(
    r"(?:sincerely|regards|respectfully|signed|thanks?|thank[ ]you|cordially|truly|best|dictated[ ]by|signature)[,.:]?\s{0,3}\Z",
    re.IGNORECASE | re.VERBOSE,
)

_DEGREES_AS_WRITTEN = "|".join(
    [
        re.escape(degree.upper())
        for degree in sorted(DEGREES - words("do ii iii iv rt rd od"), key=lambda each: (-len(each), each))
    ]
    + ["PhD", "PsyD", "PharmD", "RPh", "Esq", "Jr", "Sr"]
)
"""Degrees that make a name of the words before a comma; those that are also words or numbers are left out."""

AFTER = re.compile(
    rf"(?:,[ ]{{1,2}}(?:{_DEGREES_AS_WRITTEN})(?![A-Za-z])|"
    r",?[ ]{1,2}\(?(?:(?i:MRN|DOB|SSN|d\.o\.b|born|date[ ]of[ ]birth|medical[ ]record|patient[ ]id|acct|NPI|DEA|pager)\b"
    r"|(?i:aged?)[ ]\d)"
    r"|[ ]?,?[ ]\(?(?:(?:is|was)[ ])?(?i:an?[ ])?\d{1,3}[ -]?(?i:year|yr|yo\b|y/o|y\.o|[mf]\b)"
    r"|(?:'s)?[ ](?:MRN|DOB|SSN|chart|medical[ ]record|date[ ]of[ ]birth)\b"
    r"|[ ](?:<|\()[\w.+-]{1,64}@)",
    re.VERBOSE,
)
"""What follows a name at once: a record number, a birth date, an age, an e-mail address."""
