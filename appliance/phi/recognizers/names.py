"""Names of people by the form they are written in: after a title or a label, before a degree, an age or a record number.

Capitals are what these rules go by, so each name is cut at the first word that is a clinical or everyday one
(`ordinary`).  Names in running text are for the name models; ``Dr. X`` and ``Patient: X`` need none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.phi.findings import Finding, Kind
from appliance.phi.recognizers.ordinary import NOT_NAMES
from appliance.phi.recognizers.rule import PatternRule, Rule, exact, pattern

_PARTICLE = r"(?:de|la|las|los|del|della|der|den|van|von|zu|di|da|do|dos|das|du|le|el|al|bin|ibn|bint|abu|ter|ten|y|san|santa|e)"

_CAPITALISED = r"[A-Z](?:[A-Za-z]|['-](?=[A-Za-z])){0,24}\.?"

NAME = rf"{_CAPITALISED}(?:[ ]{{1,2}}(?:{_PARTICLE}[ ]){{0,3}}{_CAPITALISED}){{0,5}}"
"""Capitalised words with particles between; `_cut` ends it at an ordinary word."""

_LAST_FIRST = rf"{_CAPITALISED}(?:[ ]{_CAPITALISED}){{0,2}},[ ]?{_CAPITALISED}(?:[ ]{_CAPITALISED}){{0,2}}"

_TITLES = (
    r"(?i:dr|drs|doctor|mr|mrs|ms|miss|mx|prof|professor|rev|reverend|fr|father|sister|brother|rabbi|imam|nurse|np|rn|sgt|capt|captain|lt"
    r"|col|colonel|major|officer|judge|attorney|hon|sir|madam|dame|lord|lady|sr|sra|srta|dra|herr|frau|mme|mlle|monsieur|dipl)"
)

_LABELS = (
    r"(?:(?:patient|pt|client|customer|member|subscriber|insured|guarantor|policy[ ]?holder|beneficiary|employee|student|resident|user|subject"
    r"|contact|consumer|guest|veteran|inmate|donor|candidate|applicant|claimant|decedent|infant|baby|child)(?:'s)?(?:[ _]?(?:full[ _]?)?name)?"
    r"|(?:full|first|last|middle|given|family|maiden|preferred|legal|birth|display|user|sur|fore|nick|father'?s?|mother'?s?|physician|provider"
    r"|doctor|nurse|contact|emergency|spouse|parent|guardian|caller|recipient|sender|holder|account|card)?[ _-]?names?|alias(?:es)?|aka"
    r"|(?:mother|father|mom|dad|spouse|wife|husband|partner|son|daughter|brother|sister|aunt|uncle|cousin|niece|nephew|grandmother|grandfather"
    r"|parent|guardian|next[ ]of[ ]kin|nok|relative|friend|caregiver|caretaker|proxy|poa|power[ ]of[ ]attorney|surrogate|informant|witness"
    r"|emergency[ ]contact)"
    r"|(?:(?:attending|referring|treating|primary(?:[ ]care)?|ordering|consulting|admitting|discharging|supervising|operating|requesting|covering"
    r"|on-?call|family|personal|prescribing|rendering|billing|assistant|resident)[ ])?(?:physician|provider|doctor|clinician|surgeon|practitioner"
    r"|consultant|attending|prescriber|anesthesiologist|anesthetist|radiologist|pathologist|cardiologist|oncologist|neurologist|psychiatrist"
    r"|psychologist|dentist|pharmacist|therapist|counselor|nurse|midwife|technician|technologist|assistant|scribe|interpreter|resident|fellow|intern"
    r"|specialist|dietitian|nutritionist|hospitalist|intensivist|coordinator|case[ ]manager|social[ ]worker|investigator|author|dictator|reader"
    r"|reviewer|requester|pcp|md|rn|np|pa)(?:[ ](?:of[ ]record|name))?"
    r"|(?:electronically[ ]|digitally[ ])?(?:signed|cosigned|co-signed|authored|dictated|transcribed|reviewed|verified|approved|authenticated|attested"
    r"|prepared|completed|entered|ordered|performed|collected|requested|interpreted|read|reported|recorded|documented|witnessed|administered"
    r"|referred|submitted|seen|examined|evaluated|assessed|supervised)(?:[ ](?:and[ ]\w{4,14}[ ])?by)?|signature|signatory|sign(?:ed)?[ ]?off"
    r"|attention|attn|cc|dear|re|regarding|from|to|sender|recipient|responsible[ ]party|legal[ ]representative|customer|dr|pt)"
)
"""Words that stand before a name with a colon or the like between."""

_SIGN = r"[\"')]{0,2}[ \t]{0,4}(?:[:=|>]|&gt;|=>|->)[ \t]{0,4}[\"'(\[{]{0,2}"

_TITLE_BEFORE = rf"(?:{_TITLES}\b\.?[ ]){{0,2}}"

_DEGREES = (
    r"M\.?D\.?|D\.O\.|DO|R\.?N\.?|N\.?P\.?|P\.?A\.?-?C?|Ph\.?D\.?|D\.?D\.?S\.?|D\.?M\.?D\.?|D\.?V\.?M\.?|D\.?P\.?M\.?|LPN|LVN|BSN|MSN|DNP|APRN|CRNA|CNM|CNP"
    r"|FNP(?:-?BC)?|ARNP|ACNP|LCSW|LMSW|MSW|LMFT|LPC|PsyD|PharmD|RPh|R\.Ph\.|DPT|MPT|OTR|SLP|CCC-SLP|RD|LD|CDE|RT|EMT|MBBS|MBChB|FRCP|FRCS|FACP"
    r"|FACS|FACC|FAAP|MPH|MHA|MBA|MS|MSc|DC|OD|AuD|ND|CMA|Esq\.?|Jr\.?|Sr\.?|III|II|IV"
)

_BEFORE = re.compile(
    rf"(?:,[ ]?|[ ])(?:{_DEGREES})(?![\w/])"
    r"|,?[ ]{1,2}\(?(?:(?i:MRN|DOB|SSN|d\.o\.b|born|date[ ]of[ ]birth|medical[ ]record|patient[ ]id|acct|NPI|DEA|pager)\b|(?i:aged?)[ ]\d)"
    r"|[ ]?,?[ ]\(?(?:(?:is|was)[ ])?(?i:an?[ ])?\d{1,3}[ -]?(?i:year|yr|yo\b|y/o|y\.o|[mf]\b)"
    r"|'s[ ](?:MRN|DOB|SSN|chart|medical|record|date[ ]of[ ]birth|phone|email|address|insurance|husband|wife|mother|father|daughter|son)\b"
    r"|[ ](?:<|\()[\w.+-]{1,64}@",
    re.VERBOSE,
)
"""What follows a name at once."""

_NAME_AT_END = re.compile(rf"(?<![\w'.-])(?:{_LAST_FIRST}|{NAME})\Z", re.VERBOSE)

_WINDOW = 60

_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*\.?")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesAfter:
    """Find the name that follows what the expression begins with, up to the first ordinary word."""

    name: str
    pattern: re.Pattern[str]
    """Has a group ``value``."""

    score: float
    fewest_words: int = 1

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each name of enough words."""
        for match in self.pattern.finditer(text):
            start, end = _cut(text, *match.span("value"))
            if end > start and len(_WORD.findall(text, start, end)) >= self.fewest_words:
                yield Finding(kind=Kind.NAME, start=start, end=end, score=self.score, recognizer=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesBefore:
    """Find the name that stands before a degree, an age or a record number."""

    name: str = "name-before"

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each name of two words, or of one before a comma and a degree."""
        for match in _BEFORE.finditer(text):
            floor = max(text.rfind("\n", 0, match.start()) + 1, match.start() - _WINDOW)
            name = _NAME_AT_END.search(text, floor, match.start())
            if name is None:
                continue
            start = _start_after_ordinary(text, name.start(), name.end())
            if start < name.end() and len(_WORD.findall(text, start, name.end())) > 1:
                yield Finding(kind=Kind.NAME, start=start, end=name.end(), score=0.86, recognizer=self.name)


def _cut(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span up to the first ordinary word; nothing where the first word is one."""
    last = start
    for word in _WORD.finditer(text, start, end):
        if _is_ordinary(word[0]):
            break
        last = word.end()
    return start, len(text[:last].rstrip("-")) if last > start else start


def _start_after_ordinary(text: str, start: int, end: int) -> int:
    """Return where the words after the last ordinary one begin."""
    for word in reversed(list(_WORD.finditer(text, start, end))):
        if _is_ordinary(word[0]):
            return (
                end
                if word.end() >= end
                else word.end() + len(text[word.end() : end]) - len(text[word.end() : end].lstrip(" ,"))
            )
    return start


def _is_ordinary(word: str) -> bool:
    return word.rstrip(".").lower().removesuffix("'s") in NOT_NAMES and len(word.rstrip(".")) > 1


def _is_mostly_latin(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return sum(each.isalpha() and each.isascii() for each in text) * 2 > letters


_OTHER_SCRIPT = re.compile(
    r"(?<!\w)[\u0370-\u03ff\u0400-\u052f\u0530-\u06ff\u0900-\u0dff\u0e00-\u0eff\u10a0-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2,30}"
    r"(?:[ \u00b7.-][\u0370-\u03ff\u0400-\u052f\u0530-\u06ff\u0900-\u0dff\u0e00-\u0eff\u10a0-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{1,30}){0,4}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesInOtherScripts:
    """Find words of another script in a line that is otherwise Latin: in a clinical text they are names or places."""

    name: str = "name-in-other-script"

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each run of such words."""
        if text.isascii():
            return
        for match in _OTHER_SCRIPT.finditer(text):
            first, last = text.rfind("\n", 0, match.start()) + 1, text.find("\n", match.end())
            line = text[max(first, match.start() - 300) : min(last if last >= 0 else len(text), match.end() + 300)]
            if _is_mostly_latin(line):
                yield Finding(kind=Kind.NAME, start=match.start(), end=match.end(), score=0.75, recognizer=self.name)


RULES: tuple[Rule, ...] = (
    NamesAfter(name="name-after-title", pattern=exact(rf"(?<!\w){_TITLES}\b\.?[ ]{{1,2}}(?P<value>{NAME})"), score=0.9),
    NamesAfter(
        name="name-labelled",
        pattern=exact(rf"(?<![A-Za-z])(?i:{_LABELS}){_SIGN}{_TITLE_BEFORE}(?P<value>(?:{_LAST_FIRST}|{NAME}))"),
        score=0.91,
    ),
    NamesAfter(
        name="name-after-role",
        pattern=exact(
            r"\b(?i:patient|pt|client|customer|employee|member|provider|physician|surgeon|nurse|therapist|pharmacist|resident|by|user"
            rf"|mother|father|wife|husband|daughter|son|brother|sister|spouse|partner|guardian|caregiver)[ ](?P<value>{NAME})"
        ),
        score=0.8,
        fewest_words=2,
    ),
    NamesAfter(
        name="name-introduced",
        pattern=exact(
            rf"\b(?i:named|name[ ]is|name[ ]was|called|known[ ]as|aka|a\.k\.a\.|dear|hello|hi|sincerely,?|regards,?|signed,?|thank[ ]you,?"
            rf"|on[ ]behalf[ ]of|care[ ]of|c/o|belongs?[ ]to|attn)[ \n]{{1,2}}{_TITLE_BEFORE}(?P<value>{NAME})"
        ),
        score=0.8,
    ),
    NamesBefore(),
    NamesInOtherScripts(),
    PatternRule(
        name="name-in-values",
        kind=Kind.NAME,
        pattern=pattern(rf"\bvalues?[ ]?\([ ]?(?:\d{{1,12}},[ ]?)?['\"](?P<value>(?-i:{NAME}))['\"]"),
        score=0.9,
        signs=("alue", "ALUE"),
    ),
    PatternRule(
        name="name-last-first",
        kind=Kind.NAME,
        pattern=exact(
            r"(?<![\w-])(?P<value>[A-Z][A-Z'-]{1,24},[ ]?[A-Z][A-Z'-]{1,24}(?:[ ][A-Z]\.?)?)(?=[ ,;]{1,4}\(?(?:DOB|MRN|SSN|ID\b|Age|AGE|M\b|F\b|\d))"
        ),
        score=0.85,
        signs=(",",),
    ),
    PatternRule(
        name="name-starred",
        kind=Kind.NAME,
        pattern=exact(
            r"(?<!\w)(?P<value>[A-Z][a-z]?(?:\*{2,20}|_{3,20})(?:[ ][A-Z][a-z]?(?:\*{2,20}|_{3,20})){0,3})(?!\w)"
        ),
        score=0.8,
        signs=("**", "___"),
    ),
)
"""Rules for names."""
