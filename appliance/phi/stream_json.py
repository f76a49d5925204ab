r"""Screen JSON that a model writes, such as the arguments of a tool call or a structured output, while it streams.

A surrogate in a JSON string may be escaped (``\u004dark``), and the value that takes its place may hold a quote, a
backslash or a line end.  So each string is decoded, screened by itself and written as JSON again; its key stands as a
label before it, because ``{"mrn": "8841201"}`` says as much as ``MRN 8841201``.  A bare number that is restored to what
is no JSON number, or is masked, becomes a string.  What is outside strings and no number is screened as plain text:
a model that was asked for JSON may write prose.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable

from appliance.clinical_text import ClinicalText
from appliance.phi.known import Known
from appliance.phi.stream import Screen
from appliance.phi.surrogates import SurrogateMap

_UNIT = r"\\u[0-9a-fA-F]{4}"

_ESCAPE = re.compile(
    rf"\\u[dD][89abAB][0-9a-fA-F]{{2}}\\u[dD][c-fC-F][0-9a-fA-F]{{2}}|{_UNIT}|\\[^u]|\\(?=u)", re.DOTALL
)
"""One escape; a pair of units is one character outside the first plane (RFC 8259 section 7)."""

_UNFINISHED = re.compile(r"\\(?:u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?)?\Z")
"""An escape that may go on."""

_PLAIN = re.compile(r'[^"\\]+')

_LONE = re.compile(r"[\ud800-\udfff]")
"""Half a pair, which cannot be written as UTF-8."""

_OUTSIDE = re.compile(r'[^"\d-]+')

_SCALAR = re.compile(r"-?\d[\w.+-]{0,63}")

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
"""A number as RFC 8259 writes it: without a zero before it."""

_BEFORE_VALUE = re.compile(r"[:\[,]\s*\Z")

_CAPITAL_INSIDE = re.compile(r"(?<=[a-z])(?=[A-Z])|_")

LONGEST_LABEL = 64
"""Characters of a key that are read as a label."""


class JsonScreen:
    """Do for JSON what `Screen` does for text."""

    def __init__(self, known: Iterable[ClinicalText], *, surrogates: SurrogateMap | None = None) -> None:
        """Take everything that the caller sent, and what stands for it where the answer comes from outside."""
        self._known = known if isinstance(known, Known) else Known(known)
        self._surrogates = surrogates
        self._pending = ""
        """What came and is not whole yet: an escape, or a number."""

        self._inner: Screen | None = None
        """Of the string that is being written; None outside."""

        self._outer = Screen(self._known, surrogates=surrogates)
        self._outside = ""
        """The end of what came outside since the last string."""

        self._string = ""
        """The beginning of the last string, as the caller may see it."""

        self._key = ""
        self._counts = (Counter[str](), Counter[str](), Counter[str]())
        """Withheld, noted and restored in what is finished."""

    @property
    def withheld(self) -> dict[str, int]:
        """Return how many identifiers of each kind were masked so far."""
        return self._counted(0)

    @property
    def noted(self) -> dict[str, int]:
        """Return how many days, high ages and institutions that the caller never sent were let through so far."""
        return self._counted(1)

    @property
    def restored(self) -> dict[str, int]:
        """Return how many surrogates of each kind were turned back so far."""
        return self._counted(2)

    def feed(self, text: ClinicalText) -> ClinicalText:
        """Take the next piece of the JSON and return what may go out now, possibly nothing."""
        return ClinicalText(self._go_on(text.reveal(), at_end=False))

    def finish(self) -> ClinicalText:
        """Return the rest: the JSON is complete, or broke off."""
        rest = self._go_on("", at_end=True)
        if self._inner is not None:
            rest += _escaped(self._inner.finish().reveal())
            self._close(self._inner)
            self._inner = None
        return ClinicalText(rest + self._end_outside())

    def _go_on(self, more: str, *, at_end: bool) -> str:
        text, position, out = self._pending + more, 0, list[str]()
        while position < len(text):
            step = self._in_string if self._inner is not None else self._out_of_string
            written, end = step(text, position, at_end=at_end)
            out.append(written)
            if end == position:
                break
            position = end
        self._pending = text[position:]
        return "".join(out)

    def _in_string(self, text: str, position: int, *, at_end: bool) -> tuple[str, int]:
        """Take what stands here in a string; returns what may go out and where it ends."""
        assert self._inner is not None  # noqa: S101 - the caller asks only within a string
        if text[position] == '"':
            written = self._told(_escaped(self._inner.finish().reveal()))
            self._close(self._inner)
            self._inner, self._outside = None, ""
            return written + '"', position + 1
        if (plain := _PLAIN.match(text, position)) is not None:
            return self._told(_escaped(self._inner.feed(ClinicalText(plain[0])).reveal())), plain.end()
        if not at_end and _UNFINISHED.match(text, position):
            return "", position
        escape = _ESCAPE.match(text, position)
        characters = _unescaped(escape[0]) if escape else text[position]
        written = self._told(_escaped(self._inner.feed(ClinicalText(characters)).reveal()))
        return written, escape.end() if escape else position + 1

    def _out_of_string(self, text: str, position: int, *, at_end: bool) -> tuple[str, int]:
        """Take what stands here between strings."""
        if text[position] == '"':
            written = self._end_outside() + '"'
            self._inner = Screen(self._known, surrogates=self._surrogates, label=self._label())
            self._string = ""
            return written, position + 1
        scalar = _SCALAR.match(text, position)
        if scalar is None or not _BEFORE_VALUE.search(self._outside):
            plain = _OUTSIDE.match(text, position)
            end = plain.end() if plain else position + 1
            return self._plain(text[position:end]), end
        if scalar.end() == len(text) and not at_end:
            return "", position
        return self._end_outside() + self._scalar(scalar[0]), scalar.end()

    def _plain(self, text: str) -> str:
        if not self._outside.strip() and text.lstrip().startswith(":"):
            self._key = self._string
        self._outside = (self._outside + text)[-LONGEST_LABEL:]
        return self._outer.feed(ClinicalText(text)).reveal()

    def _scalar(self, scalar: str) -> str:
        screen = Screen(self._known, surrogates=self._surrogates, label=self._label())
        value = screen.feed(ClinicalText(scalar)).reveal() + screen.finish().reveal()
        self._close(screen)
        self._outside = scalar
        return value if value == scalar or _NUMBER.fullmatch(value) else f'"{_escaped(value)}"'

    def _label(self) -> str:
        if any(map(str.isalpha, self._outside)):
            return self._outside
        return f"{_CAPITAL_INSIDE.sub(' ', self._key)}: " if self._key else ""

    def _told(self, written: str) -> str:
        self._string = (self._string + written)[:LONGEST_LABEL]
        return written

    def _end_outside(self) -> str:
        rest = self._outer.finish().reveal()
        self._close(self._outer)
        self._outer = Screen(self._known, surrogates=self._surrogates)
        return rest

    def _close(self, screen: Screen) -> None:
        for total, counts in zip(self._counts, (screen.withheld, screen.noted, screen.restored), strict=True):
            total.update(counts)

    def _counted(self, place: int) -> dict[str, int]:
        total = Counter(self._counts[place])
        for screen in (self._outer, *([self._inner] if self._inner else [])):
            total.update((screen.withheld, screen.noted, screen.restored)[place])
        return dict(sorted(total.items()))


def _escaped(text: str) -> str:
    """Write text as the inside of a JSON string."""
    inside = json.dumps(text, ensure_ascii=False)[1:-1]
    return _LONE.sub(lambda match: f"\\u{ord(match[0]):04x}", inside)


def _unescaped(escape: str) -> str:
    """Return what an escape stands for; what is none stands for itself."""
    try:
        value = json.loads(f'"{escape}"')
    except ValueError:
        return escape
    return str(value)
