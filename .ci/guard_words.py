"""Write the guard's lists of words again, from sources that anybody may use (at development time only).

    .venv/bin/python .ci/guard_words.py DICT UNII CLINICAL_TEXT...

DICT is a folder with `american-english`, `american-english-large`, `american-english-huge` and `british-english-large`
of Debian's wamerican and wbritish packages (SCOWL); UNII is the FDA's list of substances, UNII_Names.txt; the titles of
ICD-10-CM come with simple-icd-10-cm; CLINICAL_TEXT are CSV or text files whose lower-case words count as ordinary when
they occur three times and are no name.  Only single words are taken, never a sequence of them, and forms that
`names.lexicon.stems` leads back to a listed word are left out.  `names/LICENCES.md` says what each source allows.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import simple_icd_10_cm as icd10

from appliance.phi.names.lexicon import DISEASE, DRUG, Lexicon, stems
from appliance.phi.surrogate_values import given_names, surnames

PHI = Path(__file__).resolve().parent.parent / "appliance" / "phi"

FREQUENT = {"surnames.txt": 1500, "given_female.txt": 500, "given_male.txt": 500}
"""How many names of each file, the more frequent first, count as "many people"."""

ENOUGH = 3
"""Occurrences that make a word of clinical text ordinary."""

SHORTEST_RARE, SHORTEST_LOWER = 4, 6
"""Shorter ones are abbreviations of everything."""

WORD = re.compile(r"(?<![\w'-])[a-z]{2,}(?![\w-])")

DRUG_NAME = re.compile(r"([A-Z]{5,})(?: \[[^\t]*\])?\t(?:of|bn)\t", re.IGNORECASE)
"""One word that is an official name (of) or a brand (bn) in the FDA's list."""


def main() -> None:
    """Gather, reduce and write the words."""
    dictionaries, unii, *clinical = map(Path, sys.argv[1:])
    names = given_names() | surnames()
    words = read(dictionaries / "american-english")
    words |= {word for code in icd10.get_all_codes() for word in WORD.findall(icd10.get_description(code))}
    counts = Counter(word for file in clinical for word in WORD.findall(file.read_text()))
    words |= {word for word, count in counts.items() if count >= ENOUGH and word not in names}
    ordinary = set(reduced(words, frozenset()))
    write("ordinary_words.txt", ordinary)
    files = [(PHI / "surrogate_values" / file).read_text().split()[:count] for file, count in FREQUENT.items()]
    is_ordinary = Lexicon().is_ordinary
    write("everyday_names.txt", {name for names in files for name in map(str.lower, names) if is_ordinary(name)})
    write("only_names.txt", only_names(names, words | read(dictionaries / "american-english-huge"), ordinary))
    large, huge = (dictionaries / f"american-english-{size}" for size in ("large", "huge"))
    kept_out = names | proper(huge)
    large_words = (read(large) | read(dictionaries / "british-english-large")) - kept_out
    rare = {word for word in large_words if len(word) >= SHORTEST_RARE and not is_ordinary(word)}
    rare_kept = set(reduced(rare, ordinary))
    write("rare_words.txt", rare_kept)
    lower = {word for word in read(huge) - kept_out - rare if len(word) >= SHORTEST_LOWER and not is_ordinary(word)}
    write("lower_words.txt", {word for word in reduced(lower, ordinary | rare_kept) if not is_by_form(word)})
    drugs = {match[1].lower() for match in map(DRUG_NAME.match, unii.read_text().splitlines()) if match}
    write("drug_names.txt", {word for word in drugs - names - rare if not is_ordinary(word) and not is_by_form(word)})


def read(file: Path) -> set[str]:
    """Return the words in lower case of a list."""
    words = file.read_text().split()
    return {word for word in words if word.isascii() and word.isalpha() and word.islower() and len(word) > 1}


def proper(file: Path) -> set[str]:
    """Return the words that the list knows with a capital too: ``portland`` cement comes from Portland."""
    return {word.lower() for word in file.read_text().split() if word.isascii() and word.isalpha() and word.istitle()}


def reduced(words: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Yield the words that are no form of a known or yielded one; the shortest first, so that a stem comes before."""
    kept = set(known)
    for word in sorted(words, key=lambda each: (len(each), each)):
        if not any(stem in kept or any(root in kept for root in stems(stem)) for stem in stems(word)):
            kept.add(word)
            yield word


def only_names(names: Iterable[str], words: Iterable[str], ordinary: Iterable[str]) -> set[str]:
    """Return the names that look like forms of a word and are none: ``Jamal`` has nothing to do with jam."""
    known, listed = set(words), set(ordinary)
    candidates = {name for name in names if name not in known and name not in listed}
    return {name for name in candidates if not set(reduced({name}, listed))}


def is_by_form(word: str) -> bool:
    """Say whether the end of this word tells by itself what it is."""
    return bool(DRUG.fullmatch(word) or DISEASE.fullmatch(word))


def write(name: str, words: Iterable[str]) -> None:
    """Write one list."""
    lines = sorted(words)
    (PHI / "names" / name).write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(lines)} words")


if __name__ == "__main__":
    main()
