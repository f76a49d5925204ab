"""Know words: ordinary ones, clinical ones, and those that people are called by.

The lists only decide what a model is asked about and which clinical words are left alone; that a word is missing here
means that a model judges it.  Sources: SCOWL, ICD-10-CM titles, the FDA's names of substances, the Census Bureau's name
files (`phi.surrogate_values`), and our own `clinical_words.txt`; `LICENCES.md` says what each allows, and
`.ci/guard_words.py` writes the other lists.
"""

import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from appliance.phi.surrogate_values import given_names, surnames

_FOLDER = Path(__file__).parent

_ENDINGS = (
    ("ies", "y"), ("es", ""), ("s", ""), ("ied", "y"), ("ed", ""), ("ed", "e"), ("d", ""), ("ing", ""), ("ing", "e"),
    ("ly", ""), ("er", ""), ("r", ""), ("est", ""), ("ness", ""), ("ally", ""), ("al", ""),
)  # fmt: skip
"""Endings of English words and what stands there in the base form."""

_SHORTEST_STEM = 3

DRUG = re.compile(
    r"\w{2,}(?:mab|nib|pril|prilat|sartan|statin|azole|cillin|mycin|micin|floxacin|cycline|olol|alol|dipine|gliptin|gliflozin"
    r"|glutide|natide|parin|xaban|gatran|setron|vir|caine|azepam|azolam|zolam|oxetine|traline|pramine|triptyline|triptan"
    r"|profen|oxicam|coxib|sone|solone|onide|terol|tropium|phylline|lukast|semide|thiazide|lactone|zosin|dronate|tidine|prazole"
    r"|formin|glitazone|glinide|barbital|bital|codone|morphone|fentanil|dopa|peridol|apine|idone|piprazole|zine|amine"
    r"|mustine|platin|rubicin|taxel|bicin|trexate|citabine|limus|leukin|grastim|poetin|cept|ase|kinra|stigmine|curium|curonium"
    r"|oxin|idine|adine|afil|asteride|osin|toin|bamate|pentin|gabalin|racetam|trigine|zepine|zide|amide|urea|fibrate|cef\w*)",
)
"""Ends of generic drug names (WHO INN stems) in lower case."""

DISEASE = re.compile(
    r"\w{2,}(?:itis|osis|oses|emia|aemia|uria|pathy|pathies|ectomy|otomy|ostomy|plasty|scopy|graphy|gram|algia|megaly|penia|philia"
    r"|phobia|plegia|paresis|rrhea|rrhage|sclerosis|stenosis|trophy|oma|omas|itides|therapy|logy|logist|genic|genesis|lysis"
    r"|tension|cardia|cardial|pnea|ptysis|emesis|cyte|cytes|cytic|ectasis|malacia|spasm|phasia|phagia|pepsia|esthesia|iatric|iatry)"
)
"""Ends of the names of diseases, procedures and examinations in lower case."""

_PREFIX = re.compile(
    r"(?:peri|supra|infra|antero|postero|latero|dorsi|dorso|hyper|hypo|micro|macro|intra|inter|trans|non|pre|post|sub|retro"
    r"|nephro|cardio|neuro|gastro|hepato|osteo|broncho|arterio|aorto|veno|hemi|multi|primi|bi|un|re|over|poly|pseudo|thrombo"
    r"|cyto|immuno|radio|chemo|electro|echo|endo|epi|para|thoraco|lumbo|abdomino|cranio|brachio|cervico|talo|sterno|anti)"
    r"(?=(\w{5,}))"
)
"""First parts of words that are put together, and the rest."""

_SUFFIX = re.compile(
    r"\w{4,}(?:flexion|duction|opia|itus|oid|ical|ular|ity|ness|ism|ous|ative|ization|isation|mentation|ectatic|inic|echiae)"
)
"""Ends of words of science, which lower-case names do not have."""

_SHORTEST_TYPO = 6
"""Shorter words with a letter too many are too often another word."""


class Look(Enum):
    """What a word looks like by itself."""

    ORDINARY = "ordinary"
    """A word of the language; never a name by itself."""

    CLINICAL = "clinical"
    """A drug, disease, test or their abbreviation; never a name by itself."""

    EPONYM = "eponym"
    """A surname that a disease, sign or device is called by: a name unless the words beside it say otherwise."""

    INITIAL = "initial"
    """One capital letter: a part of a name beside one."""

    FOREIGN = "foreign"
    """Letters that are not Latin: in an English text, a name."""

    GIVEN = "given"
    """A given name and nothing else."""

    PERHAPS = "perhaps"
    """A name, and possibly a word too, so a model is asked."""

    ACRONYM = "acronym"
    """A few capitals that we do not know."""

    RARE = "rare"
    """A rare word of the language with a capital: ordinary where a sentence begins, and unknown within one."""

    UNKNOWN = "unknown"
    """Not in any list, so a model is asked."""


ASKED = frozenset({Look.PERHAPS, Look.UNKNOWN, Look.EPONYM})
"""Words that a model judges."""

_LONGEST_ACRONYM = 4

_KEPT, _MOST_KEPT = frozenset({Look.ORDINARY, Look.CLINICAL, Look.RARE}), 30_000
"""What is remembered of words, and of how many at most."""

_PARTS = re.compile(r"[^\W_]+")

_FOREIGN = re.compile(
    r"[\u0370-\u03ff\u1f00-\u1fff]{3,}|[\u0400-\u052f\u0530-\u10ff\u1100-\u1eff\u2e80-\ud7ff\uf900-\ufdff]+"
)
"""Words of scripts that are not Latin; one or two Greek letters are a symbol."""

_SOCIETIES = re.compile(r"[A-Z]{2,4}(?:/[A-Z]{2,4})+")
"""Abbreviations of those who write a guideline together: ``AHA/ASA``."""

_SPLIT = re.compile(r"[-.]")

_POSSESSIVE = re.compile(r"['\u2019]s?$", re.IGNORECASE)


class Lexicon:
    """Hold the lists of words and judge words by them."""

    def __init__(self, extra: frozenset[str] = frozenset()) -> None:
        """Read the lists; `extra` are the site's own ordinary words in lower case."""
        self._given = given_names()
        self._names = self._given | surnames()
        self._ordinary = frozenset((_FOLDER / "ordinary_words.txt").read_text().split())
        self._rare = frozenset((_FOLDER / "rare_words.txt").read_text().split())
        self._lower = frozenset((_FOLDER / "lower_words.txt").read_text().split())
        self._drugs = frozenset((_FOLDER / "drug_names.txt").read_text().split())
        self._everyday = frozenset((_FOLDER / "everyday_names.txt").read_text().split())
        self._only_names = frozenset((_FOLDER / "only_names.txt").read_text().split())
        sections = _sections((_FOLDER / "clinical_words.txt").read_text())
        self.lands = sections["lands"]
        """Countries and states that are nobody's name: no name, but the end of an address."""

        self._never = sections["never"] | self.lands | extra
        self._clinical = sections["clinical"]
        self._eponyms = sections["eponyms"]
        self.diseases = sections["diseases"]
        """Eponyms whose possessive alone means the disease: ``Alzheimer's``."""

        self.heads = sections["heads"]
        """What stands after an eponym: ``disease``, ``catheter``, ``score``."""

        self.facilities = sections["facilities"]
        """Words that a hospital's or practice's name ends in."""

        self.prefixes = sections["prefixes"]
        """First words of towns: ``Fort``, ``Saint``."""

        self._cities = sections["cities"]
        self._systems = sections["systems"]
        self._judged: dict[str, Look] = {}
        """Words that name nobody, judged before: clinical text repeats its words.  A name is never kept here."""

    def look(self, word: str) -> Look:
        """Judge one word as it is written."""
        known = self._judged.get(word)
        if known is not None:
            return known
        look = self._look(word)
        if look in _KEPT and word.isalpha() and len(self._judged) < _MOST_KEPT:
            self._judged[word] = look
        return look

    def _look(self, word: str) -> Look:
        whole = _POSSESSIVE.sub("", word)
        if len(whole) > 1 and whole.lower() in self._never:
            return Look.ORDINARY
        parts = _PARTS.findall(whole)
        if len(parts) > 1 and (whole.lower() in self._clinical or _SOCIETIES.fullmatch(whole)):
            return Look.CLINICAL
        looks = [self._look_at_part(part) for part in parts]
        if Look.PERHAPS in looks and Look.ORDINARY in looks and all(map(self.is_ordinary, map(str.lower, parts))):
            return Look.ORDINARY
        return min(looks, key=_BY_WEIGHT.index, default=Look.ORDINARY)

    def _look_at_part(self, part: str) -> Look:
        lower, is_capital = part.lower(), part[0].isupper()
        if _FOREIGN.fullmatch(part):
            return Look.FOREIGN
        if len(part) == 1:
            return Look.INITIAL if is_capital else Look.ORDINARY
        if not part.isalpha() or lower in self._never:
            return Look.ORDINARY
        if lower in self._eponyms:
            return Look.EPONYM if is_capital else Look.CLINICAL
        if lower in self._clinical and not (lower in self._names and part.istitle()):
            return Look.CLINICAL
        return self._look_by_lists(part, lower, is_capital=is_capital)

    def _look_by_lists(self, part: str, lower: str, *, is_capital: bool) -> Look:
        is_ordinary = self.is_ordinary(lower)
        if lower in self._names and (is_capital or not is_ordinary):
            return self._look_of_name(lower, is_capital=is_capital, is_ordinary=is_ordinary)
        if is_ordinary:
            return Look.ORDINARY
        if lower in self._drugs or DRUG.fullmatch(lower) or DISEASE.fullmatch(lower):
            return Look.CLINICAL
        return self._look_of_rare(part, lower, is_capital=is_capital)

    def _look_of_rare(self, part: str, lower: str, *, is_capital: bool) -> Look:
        if _is_form_of(lower, self._rare) or self._is_put_together(lower):
            return Look.RARE if is_capital else Look.ORDINARY
        if not is_capital and (lower in self._lower or _SUFFIX.fullmatch(lower) or self._is_typo(lower)):
            return Look.ORDINARY
        return Look.ACRONYM if part.isupper() and len(part) <= _LONGEST_ACRONYM else Look.UNKNOWN

    def _is_put_together(self, lower: str) -> bool:
        """Say whether this is a word with something before it: ``perineural``."""
        match = _PREFIX.match(lower)
        return match is not None and self.is_ordinary(match[1])

    def _is_typo(self, lower: str) -> bool:
        """Say whether this is a word with one letter too many or two of them exchanged, as ``epsiode`` is."""
        places = range(len(lower) - 1) if len(lower) >= _SHORTEST_TYPO else ()
        return any(
            self.is_ordinary(lower[:at] + lower[at + 1] + lower[at] + lower[at + 2 :])
            or self.is_ordinary(lower[:at] + lower[at + 1 :])
            for at in places
        )

    def _look_of_name(self, lower: str, *, is_capital: bool, is_ordinary: bool) -> Look:
        if is_ordinary:
            return Look.PERHAPS if lower in self._everyday else Look.ORDINARY
        is_sure = is_capital and lower in self._given and lower not in self._cities
        return Look.GIVEN if is_sure else Look.PERHAPS

    def is_given(self, word: str) -> bool:
        """Say whether people have this as a given name, whatever else it means."""
        return word.lower() in self._given

    def common(self) -> frozenset[str]:
        """Return the words of the language that we know, in lower case."""
        return self._ordinary | self._never | self._everyday

    def is_never(self, word: str) -> bool:
        """Say whether this is a function word or a word of forms, or one that the site listed."""
        return word.lower() in self._never

    def is_system(self, word: str) -> bool:
        """Say whether people call a hospital or a system of hospitals by this one word."""
        return word.lower() in self._systems

    def is_name(self, word: str) -> bool:
        """Say whether people have this as a name, whatever else it means; of a name in parts, each part."""
        lower = _POSSESSIVE.sub("", word).lower()
        return lower in self._names or all(part in self._names or part in self.prefixes for part in _SPLIT.split(lower))

    def is_ordinary(self, lower: str) -> bool:
        """Say whether this is a word of the language, inflected or not."""
        return lower not in self._only_names and _is_form_of(lower, self._ordinary)


_BY_WEIGHT = [
    Look.FOREIGN, Look.GIVEN, Look.PERHAPS, Look.EPONYM, Look.UNKNOWN, Look.RARE, Look.ACRONYM, Look.INITIAL,
    Look.CLINICAL, Look.ORDINARY,
]  # fmt: skip
"""Of a word in parts the first of these counts: ``post-CABG`` is no name because of its second half only."""


def _is_form_of(lower: str, words: frozenset[str]) -> bool:
    """Say whether this is one of the words, inflected once or twice or not."""
    return lower in words or any(stem in words or any(root in words for root in stems(stem)) for stem in stems(lower))


def _sections(text: str) -> dict[str, frozenset[str]]:
    """Return the words under each heading ``[name]``; a line that begins with ``#`` is a comment."""
    sections: dict[str, set[str]] = {}
    words: set[str] = set()
    for line in text.splitlines():
        if line.startswith("["):
            words = sections.setdefault(line.strip("[]"), set())
        elif not line.startswith("#"):
            words.update(line.split())
    return {name: frozenset(words) for name, words in sections.items()}


def stems(word: str) -> Iterator[str]:
    """Yield what the base form of this word could be."""
    for ending, base in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            stem = word[: len(word) - len(ending)]
            yield stem + base
            if not base and len(stem) > _SHORTEST_STEM and stem[-1] == stem[-2]:
                yield stem[:-1]
