"""The patterns that a site may write for its own identifiers: a small part of regular expressions, with a price.

A pattern runs over text that others wrote, so one that backtracks without end would stop the guard and with it every
request.  Allowed is what has a known worst case: characters, classes, groups, alternatives and repetition with an end.
The price of a pattern is in how many ways it can match from one place; it is counted before anything runs, and with a
bounded price and length the search is linear in the text.  Errors say what to write instead.
"""

import re
from dataclasses import dataclass

MAX_PATTERN_CHARACTERS = 200
"""Far longer than any form of identifier; bounds the reading of the pattern itself."""

MAX_MATCH_CHARACTERS = 64
"""No identifier that people write is longer."""

MIN_MATCH_CHARACTERS = 4
"""Three characters are as often a dose, a value or a word."""

MAX_WAYS = 64
"""`[A-Z]{1,3}-?[0-9]{4,12}` has 54; each way costs one attempt at each place of the text."""

CLEAN_TEXT = (
    "Patient is a 64-year-old man with type 2 diabetes, CKD stage 3a and COPD (GOLD 2), BP 138/82 mmHg, HR 72, "
    "SpO2 97%, temp 98.6 F, BMI 31.4. Metformin 1000 mg BID, lisinopril 20 mg daily, insulin glargine 24 units at"
    " bedtime, warfarin 2.5 mg, gabapentin 300mg; INR 2.3, HbA1c 7.9%, creatinine 1.42 mg/dL, eGFR 58 "
    "mL/min/1.73m2, K 4.1, Na 138, WBC 11,200, platelets 250,000. LVEF 55-60 %, L4-L5 disc, T2N0M0, C5-C6, ICD-10"
    " E11.9, CPT 99213, 0.9 % NaCl 1000 mL at 125 mL/h, q6h PRN x10 days. MRI: 2.4 x 1.8 cm lesion, SUV 12.5. See"
    " section 3.2 of the 2024 guideline."
)
"""Ordinary clinical text without an identifier, in which no pattern may find anything."""

_EDGES = r"(?<![A-Za-z0-9])(?:{})(?![A-Za-z0-9])"
"""An identifier is whole: a part of a longer word or number is none."""

_SPECIAL = frozenset(".^$*+?{}[]\\|()")
_COUNT = re.compile(r"\{(\d{1,3})(?:,(\d{0,3}))?\}")
_CLASS_ITEM = re.compile(
    r"(?P<first>[A-Za-z0-9])-(?P<last>[A-Za-z0-9])|\\d|\\[^\w\s]|[^\\\]\[&|~^-]|-(?=\])",
)
"""A range, ``\\d``, or one character; those that have a meaning of their own in a class stand behind a ``\\``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What is known of a part of a pattern before it runs."""

    shortest: int = 0
    longest: int = 0
    ways: int = 1

    def then(self, other: "_Shape") -> "_Shape":
        return _Shape(
            shortest=self.shortest + other.shortest,
            longest=self.longest + other.longest,
            ways=self.ways * other.ways,
        )

    def or_else(self, other: "_Shape") -> "_Shape":
        return _Shape(
            shortest=min(self.shortest, other.shortest),
            longest=max(self.longest, other.longest),
            ways=self.ways + other.ways,
        )

    def repeated(self, least: int, most: int) -> "_Shape":
        ways = 0
        for times in range(least, most + 1):
            # Beyond the limit the exact number no longer matters, and it could have a hundred digits.
            ways = min(ways + self.ways ** min(times, MAX_WAYS), 10 * MAX_WAYS)
        return _Shape(shortest=self.shortest * least, longest=self.longest * most, ways=ways)


def compiled(pattern: str) -> re.Pattern[str]:
    """Return a site's pattern, ready to find whole identifiers in any case.  Raises ValueError saying what to write."""
    if not pattern.isascii() or not pattern.isprintable():
        raise ValueError("only plain ASCII characters may stand in a pattern; write it in those")
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise ValueError(f"longer than {MAX_PATTERN_CHARACTERS} characters; write one format for each form")
    _check_price(_Reader(pattern).whole())
    expression = re.compile(_EDGES.format(pattern), re.IGNORECASE | re.ASCII)
    if expression.search(CLEAN_TEXT):
        raise ValueError(
            "it finds doses, values or words of ordinary clinical text; add the letters or digits that only your "
            "identifiers have"
        )
    return expression


def _check_price(shape: _Shape) -> None:
    if shape.shortest < MIN_MATCH_CHARACTERS:
        raise ValueError(
            f"it can match {shape.shortest} characters, which is as often a dose or a word; let it match at least "
            f"{MIN_MATCH_CHARACTERS}"
        )
    if shape.longest > MAX_MATCH_CHARACTERS:
        raise ValueError(
            f"it can match {shape.longest} characters; no identifier is longer than {MAX_MATCH_CHARACTERS}, so lower "
            "the upper ends"
        )
    if shape.ways > MAX_WAYS:
        raise ValueError(
            f"it can match in more than {MAX_WAYS} ways from one place, which would make the guard slow; narrow the "
            "ranges in {}, do not nest them, or write one format for each form"
        )


class _Reader:
    """Reads one pattern from left to right and knows its price; it accepts nothing that it does not know."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def whole(self) -> _Shape:
        shape = self._alternatives()
        if self._at < len(self._pattern):
            raise ValueError("a ')' without its '('; remove it, or write '\\)' for the character")
        return shape

    def _alternatives(self) -> _Shape:
        shape = self._sequence()
        while self._takes("|"):
            shape = shape.or_else(self._sequence())
        return shape

    def _sequence(self) -> _Shape:
        shape = _Shape()
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            shape = shape.then(self._repeated(self._one()))
        return shape

    def _one(self) -> _Shape:
        if self._takes("(?:"):
            shape = self._alternatives()
            if not self._takes(")"):
                raise ValueError("a '(?:' without its ')'; close it")
            return shape
        character = self._pattern[self._at]
        match character:
            case "(":
                raise ValueError("a '(' that is not '(?:'; groups are written '(?:…)' and there is no looking around")
            case "[":
                self._class()
            case "\\":
                self._escape()
            case _ if character in _SPECIAL:
                raise ValueError(_instead_of(character))
            case _:
                self._at += 1
        return _Shape(shortest=1, longest=1)

    def _class(self) -> None:
        if self._pattern.startswith("[^", self._at):
            raise ValueError("a '[^', which matches nearly everything; name the characters that may stand there")
        end = self._at + 1
        while found := _CLASS_ITEM.match(self._pattern, end):
            if found["first"] and found["first"] > found["last"]:
                raise ValueError(f"the range '{found[0]}' runs backwards; write '{found['last']}-{found['first']}'")
            end = found.end()
        if self._pattern[end : end + 1] != "]" or end == self._at + 1:
            raise ValueError(
                "a '[' that is empty, not closed, or holds one of [ & | ~ ^ - without a '\\'; write such as [A-Z0-9]"
            )
        self._at = end + 1

    def _escape(self) -> None:
        escaped = self._pattern[self._at + 1 : self._at + 2]
        if escaped != "d" and (not escaped or escaped.isalnum() or escaped.isspace()):
            raise ValueError("a '\\' before something else than 'd' or a punctuation mark; write such as [A-Z0-9]")
        self._at += 2

    def _repeated(self, shape: _Shape) -> _Shape:
        if self._takes("?"):
            return self._once(shape.repeated(0, 1))
        found = _COUNT.match(self._pattern, self._at)
        if found is None:
            return shape
        self._at = found.end()
        least, most = int(found[1]), int(found[1] if found[2] is None else found[2] or -1)
        if most < least or most > MAX_MATCH_CHARACTERS:
            raise ValueError(
                f"'{found[0]}' has no end, an end below its beginning, or one above {MAX_MATCH_CHARACTERS}; write such "
                "as {6,8}"
            )
        return self._once(shape.repeated(least, most))

    def _once(self, shape: _Shape) -> _Shape:
        if self._pattern[self._at : self._at + 1] in ("?", "{", "*", "+"):
            raise ValueError("a repetition of a repetition; write one, such as {6,8}")
        return shape

    def _takes(self, wanted: str) -> bool:
        is_there = self._pattern.startswith(wanted, self._at)
        self._at += len(wanted) if is_there else 0
        return is_there


def _instead_of(character: str) -> str:
    match character:
        case "*" | "+":
            return f"a '{character}', which has no end; say how many at most, such as {{1,12}}"
        case ".":
            return "a '.', which matches everything; write '\\.' for the character, or a class such as [A-Z0-9]"
        case "^" | "$":
            return f"a '{character}'; leave it out, because a whole identifier is looked for anyway"
        case _:
            return f"a '{character}' where none can stand; write '\\{character}' for the character"
