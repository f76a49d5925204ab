"""Write the guard's list of ordinary words again, from sources that anybody may use (at development time only).

    .venv/bin/python .ci/guard_words.py SCOWL_WORDS CLINICAL_TEXT...

SCOWL_WORDS is Debian's /usr/share/dict/american-english (package wamerican; SCOWL, free for any purpose); the titles of
ICD-10-CM come with simple-icd-10-cm (CMS, public domain); CLINICAL_TEXT are CSV or text files whose lower-case words
count as ordinary when they occur three times and are no name.  Only words in lower case are taken, never a sequence of
them, and forms that `names.lexicon.stems` leads back to a listed word are left out.
"""

import re
import sys
from collections import Counter
from pathlib import Path

import simple_icd_10_cm as icd10

from appliance.phi.names.lexicon import Lexicon, stems
from appliance.phi.surrogate_values import given_names, surnames

PHI = Path(__file__).resolve().parent.parent / "appliance" / "phi"

TARGET = PHI / "names" / "ordinary_words.txt"
"""What this script writes: words that are no names by themselves."""

BOTH = PHI / "names" / "everyday_names.txt"
"""What it writes too: ordinary words that many people are called."""

FREQUENT = {"surnames.txt": 1500, "given_female.txt": 500, "given_male.txt": 500}
"""How many names of each file, the more frequent first, count as "many people"."""

ENOUGH = 3
"""Occurrences that make a word of clinical text ordinary."""

WORD = re.compile(r"(?<![\w'-])[a-z]{2,}(?![\w-])")


def main() -> None:
    """Gather, reduce and write the words."""
    scowl, *clinical = sys.argv[1:]
    words = {word for word in Path(scowl).read_text().split() if word.isascii() and word.isalpha() and word.islower()}
    words |= {word for code in icd10.get_all_codes() for word in WORD.findall(icd10.get_description(code))}
    counts = Counter(word for file in clinical for word in WORD.findall(Path(file).read_text()))
    names = given_names() | surnames()
    words |= {word for word, count in counts.items() if count >= ENOUGH and word not in names}
    kept = sorted(word for word in words if len(word) > 1 and not any(stem in words for stem in stems(word)))
    TARGET.write_text("\n".join(kept) + "\n")
    print(f"{TARGET.name}: {len(kept)} words")
    files = [(PHI / "surrogate_values" / file).read_text().split()[:count] for file, count in FREQUENT.items()]
    is_ordinary = Lexicon().is_ordinary
    both = sorted(name for name in {name.lower() for names in files for name in names} if is_ordinary(name))
    BOTH.write_text("\n".join(both) + "\n")
    print(f"{BOTH.name}: {len(both)} words")


if __name__ == "__main__":
    main()
