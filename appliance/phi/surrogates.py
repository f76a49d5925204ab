"""Replace identifiers by made-up ones, the same throughout an exchange, and know the way back.

"John Smith" becomes "Mark Ellis", "Smith" alone "Ellis", "J. Smith" "M. Ellis", in every text of the exchange; a number
keeps its form, a day moves by one secret interval.  Two originals never share a surrogate, and none is a word of the
caller's text.  Each replaced text is restored once before it is handed out: what would not come back exactly as it was
gets a tag such as ``[NAME-1]`` instead, and failing that too the text is refused (PhiBlockedError).

The map is for one exchange.  It holds originals, so it MUST be wiped at the end; it prints nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from typing_extensions import override

from appliance.errors import PhiBlockedError
from appliance.phi.dates import Precision, days_in, read
from appliance.phi.findings import Finding, Kind
from appliance.phi.restore import Restorer
from appliance.phi.restore_ledger import Ledger
from appliance.phi.settings import Action, GuardSettings, Mode
from appliance.phi.surrogate_issuer import Issuer, Made, Part
from appliance.phi.surrogate_names import learn, make_name
from appliance.phi.surrogate_numbers import make_address, make_age, make_day, make_number
from appliance.phi.surrogate_places import make_place
from appliance.phi.surrogate_spans import Span, spans
from appliance.phi.surrogate_values.drawing import Drawing
from appliance.phi.visible import visible_with

SHORTEST_SHIFT_WEEKS = 9
"""Two months at least, so that no moved day falls into its own season."""

SHIFT_WEEKS = 96
"""Two years at most, so that what was usual medicine then still is; always into the past, never a day to come."""

MOST_SHIFTS = 16
"""Intervals that are tried for one under which no day becomes another day of the caller's."""

LONGEST_VALUE = 256
"""Characters; a longer value gets a tag: an address over three lines has 120, and time grows with the square."""

HIGH_AGE = 90
"""Ages from here on are one group (45 CFR 164.514(b)(2)(i)(C))."""


class SurrogateMap:
    """The surrogates of one exchange."""

    def __init__(self, secret: bytes, settings: GuardSettings, *, today: date) -> None:
        """Take the secret of the patient or of the exchange, what the site decided, and which day it is."""
        self._settings = settings
        self._ledger = Ledger()
        self._issuer = Issuer(secret=secret, ledger=self._ledger)
        self._known: dict[tuple[Kind, str], Made] = {}
        self._counts: Counter[str] = Counter()
        self._issued: dict[str, None] = {}
        self._own: set[str] = set()
        """Texts that left `replace`: they may come again with what shows only now that its neighbour is gone."""

        self._this_year = today.year
        self._shifts = Drawing(secret=secret, label="shift")
        if settings.mode is Mode.SHIFT:
            self._draw_shift()

    def prepare(self, texts: Iterable[str], findings: Iterable[Sequence[Finding]]) -> None:
        """Take every text of the exchange, before the first is replaced: no surrogate will be a word of them.

        Full names and numbers get their surrogates before parts of them do.
        """
        self._ledger.check_not_wiped()
        shown = [visible_with(text, found) for text, found in zip(texts, findings, strict=True)]
        pairs = [(text, spans(text, found)) for text, found in shown]
        self._issuer.avoid(text for text, _ in pairs)
        values = [(span.kind, text[span.start : span.end]) for text, found in pairs for span in found]
        self._choose_shift([value for kind, value in values if kind is Kind.DATE])
        for kind, value in values:
            self._issuer.remember(kind, value)
        for text, found in pairs:
            self._learn(text, found)
        for kind, value in sorted(values, key=lambda each: (each[0] is not Kind.NAME, -len(each[1]), each[1])):
            if self._settings.action(kind) is Action.SURROGATE and kind not in _GENERALISED:
                self._surrogate(kind, value)

    def replace(self, text: str, findings: Sequence[Finding]) -> str:
        """Return the text with every finding replaced, without characters that nobody sees.

        Raises PhiBlockedError where it may not leave.
        """
        self._ledger.check_not_wiped()
        is_ours = text in self._own
        if not is_ours:
            text, findings = visible_with(text, findings)
        found = spans(text, findings)
        self._check_actions({span.kind for span in found})
        if not is_ours:
            self._issuer.avoid([text])
            self._keep_days(text, found)
            self._learn(text, found)
        made = [self._made(span.kind, text[span.start : span.end]) for span in found]
        replaced = self._written(text, found, made)
        if replaced is None:
            made = [
                each if each.is_generalised else self._issuer.tag(span.kind, text[span.start : span.end])
                for span, each in zip(found, made, strict=True)
            ]
            replaced = self._written(text, found, made)
        if replaced is None:
            raise PhiBlockedError(
                "Values that this text's identifiers would get stand in it already; send it without made-up names,"
                " numbers or tags such as [NAME-1].",
                detail="a text does not come back from its tags",
            )
        self._counts.update(span.kind.value for span in found)
        self._note_issued(made)
        self._own.add(replaced)
        return replaced

    def value(self, kind: Kind, original: str) -> str:
        """Return what stands for one value that has a place of its own, such as a field of a FHIR resource."""
        whole = Finding(kind=kind, start=0, end=len(original), score=1.0, recognizer="field")
        return self.replace(original, (whole,)) if original.strip() else original

    def restorer(self) -> Restorer:
        """Return what turns one answer back."""
        self._ledger.check_not_wiped()
        return Restorer(ledger=self._ledger)

    def issued(self) -> tuple[str, ...]:
        """Return every surrogate that was put into a text, whole and word by word."""
        self._ledger.check_not_wiped()
        return tuple(self._issued)

    def counts(self) -> dict[str, int]:
        """Return how many identifiers of each kind were replaced."""
        return dict(sorted(self._counts.items()))

    def kinds_left(self) -> frozenset[str]:
        """Return the kinds that left in a form derived from the original, which policy may mind.

        Moved days tell the time between two of them; a year alone and ``90+`` are no identifiers (45 CFR
        164.514(b)(2)(i)(C)), and of every other kind nothing is left.
        """
        moves_days = self._settings.mode is Mode.SHIFT and self._settings.action(Kind.DATE) is Action.SURROGATE
        is_left = moves_days and self._counts[Kind.DATE.value] > 0
        return frozenset({Kind.DATE.value} if is_left else ())

    def wipe(self) -> None:
        """Let go of every original; any later use raises RuntimeError."""
        self._ledger.wipe()
        self._issuer.wipe()
        self._issued.clear()
        self._own.clear()
        self._known.clear()

    @override
    def __repr__(self) -> str:
        """Return the size only."""
        return f"<surrogate map, {len(self._issued)} issued>"

    def _learn(self, text: str, found: Sequence[Span]) -> None:
        learn(self._issuer, text, [span for span in found if span.kind is Kind.NAME])

    def _draw_shift(self) -> None:
        self._ledger.days.shift_days = -7 * (SHORTEST_SHIFT_WEEKS + self._shifts.below(SHIFT_WEEKS))

    def _choose_shift(self, dates: Sequence[str]) -> None:
        """Say how the caller writes days, and move none of them onto another while nothing has left."""
        days = self._ledger.days
        days.day_first |= _is_day_first(dates)
        if self._settings.mode is not Mode.SHIFT or days.written:
            return
        written = [day for text in dates if (day := read(text, day_first=days.day_first))]
        for _ in range(MOST_SHIFTS):
            if not days.meets(written):
                return
            self._draw_shift()

    def _check_actions(self, kinds: set[Kind]) -> None:
        refused = sorted(kind.words() for kind in kinds if self._settings.action(kind) is Action.REFUSE)
        if refused:
            raise PhiBlockedError(
                f"This request holds what the site does not let leave ({', '.join(refused)}), so nothing was sent."
            )

    def _made(self, kind: Kind, original: str) -> Made:
        if self._settings.action(kind) is Action.TAG:
            return self._issuer.tag(kind, original)
        if self._settings.mode is Mode.SAFE_HARBOR and kind in _GENERALISED:
            return self._generalised(kind, original)
        return self._surrogate(kind, original)

    def _surrogate(self, kind: Kind, original: str) -> Made:
        """Return the surrogate of a value, the same whenever it is asked for; a tag where none can be made."""
        made = self._known.get((kind, original))
        if made is None and len(original) > LONGEST_VALUE:
            return self._issuer.tag(kind, original)
        if made is None:
            self._issuer.remember(kind, original)
            maker = _MAKERS.get(kind, make_number)
            if kind is Kind.NAME and any(map(str.isdigit, original)):
                maker = make_number
            made = self._known[kind, original] = maker(self._issuer, kind, original) or self._issuer.tag(kind, original)
        return made

    def _generalised(self, kind: Kind, original: str) -> Made:
        """Return the year of a day and the group of a high age, or a tag where neither can be told."""
        if kind is Kind.AGE:
            return Made(text=f"{HIGH_AGE}+", is_generalised=True)
        day = read(original)
        if day is None or day.precision is Precision.NO_YEAR:
            return self._issuer.tag(kind, original)
        return Made(text=str(max(day.year, self._this_year - HIGH_AGE)), is_generalised=True)

    def _written(self, text: str, found: Sequence[Span], made: Sequence[Made]) -> str | None:
        """Write the text with what was made; None if it would not come back as it was."""
        out: list[str] = []
        expected: list[str] = []
        parts: list[Part] = []
        position = length = 0
        for span, each in zip(found, made, strict=True):
            plain = text[position : span.start]
            length += len(plain)
            parts += [part.moved(length) for part in each.parts]
            length += len(each.text)
            out += [plain, each.text]
            expected += [plain, each.text if each.is_generalised else text[span.start : span.end]]
            position = span.end
        replaced = "".join([*out, text[position:]])
        if not self._issuer.settle(replaced, parts):
            return None
        as_before = "".join([*expected, text[position:]])
        if text in self._own:
            as_before = self._restored(as_before)
        return replaced if self._restored(replaced) == as_before else None

    def _restored(self, text: str) -> str:
        restorer = Restorer(ledger=self._ledger)
        return "".join(piece.text for piece in (*restorer.feed(text), *restorer.finish()))

    def _keep_days(self, text: str, found: Sequence[Span]) -> None:
        """Remember the days that stay in the text, so that an answer may repeat them."""
        days, position = self._ledger.days, 0
        for start, end in (*((span.start, span.end) for span in found), (len(text), len(text))):
            days.kept.update(days_in(text[position:start], day_first=days.day_first))
            position = end

    def _note_issued(self, made: Sequence[Made]) -> None:
        for each in made:
            self._issued[each.text] = None
            self._issued.update(dict.fromkeys(each.words))


_GENERALISED = frozenset({Kind.DATE, Kind.AGE})
"""Kinds of which `Mode.SAFE_HARBOR` lets a group leave."""


_Maker = Callable[[Issuer, Kind, str], Made | None]

_MAKERS: dict[Kind, _Maker] = {
    Kind.NAME: make_name,
    Kind.LOCATION: make_place,
    Kind.DATE: make_day,
    Kind.AGE: make_age,
    Kind.EMAIL: make_address,
    Kind.URL: make_address,
    Kind.IP: make_address,
}
"""What makes the surrogate of each kind; of the others, `make_number`."""


def _is_day_first(dates: Iterable[str]) -> bool:
    """Say whether the caller writes the day before the month: some date can only be read so, and none otherwise."""
    texts = list(dates)
    firsts = [day for text in texts if (day := read(text)) and day.is_numeric and day.first_field() == "d"]
    months = [day for text in texts if (day := read(text)) and day.is_numeric and day.first_field() == "m"]
    return bool(firsts) and not any(day.day > 12 for day in months)  # noqa: PLR2004 - months in a year
