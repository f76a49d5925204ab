"""Screen an answer while it streams: surrogates are turned back, and what the caller never sent is masked and counted.

A model can repeat what it saw in training or in another prompt; what it repeats of the caller's own text is the
caller's.  Surrogates are restored first (`phi.restore`), then each block (`phi.blocks`) is screened alone, so every
chunking gives the same result as the whole.

An answer from outside is nobody's friend: what steers a terminal is dropped before anything else looks, and markup is
broken up (`phi.harmless`), also inside the strings of JSON, where an escape may hold it.

Days, high ages and the names of towns and institutions are counted and not masked: an answer rightly makes new days,
such as a follow-up appointment, and knows hospitals by itself.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from appliance.clinical_text import ClinicalText
from appliance.phi.blocks import block_spans
from appliance.phi.decode import decoded
from appliance.phi.findings import Finding, Kind, without_overlaps
from appliance.phi.harmless import Defuser, unsteered
from appliance.phi.known import Known
from appliance.phi.restore import Piece, mask
from appliance.phi.rules import find
from appliance.phi.surrogates import SurrogateMap
from appliance.phi.unsent_names import find_people

COUNTED_ONLY = frozenset({Kind.DATE, Kind.AGE})
"""Kinds that a clinical answer may make anew."""

COUNTED_RULES = frozenset(
    {"facility", "facility-by-brand", "saint", "university-of", "town-and-state", "county", "name-in-other-script"}
)
"""Rules that find what everybody may name, or any word of another script; what has a number in it is masked."""


class Screen:
    """Hold back the least text that could still matter, restore the caller's values, mask what was never sent."""

    def __init__(
        self, known: Iterable[ClinicalText] | Known, *, surrogates: SurrogateMap | None = None, label: str = ""
    ) -> None:
        """Take everything that the caller sent, and what stands for it where the answer comes from outside.

        `label` stands before the text and tells what it is, such as ``mrn: ``; it is read and not given out.
        """
        self._known = known if isinstance(known, Known) else Known(known)
        self._surrogates = surrogates
        self._restorer = surrogates.restorer() if surrogates else None
        self._defuser = Defuser() if surrogates else None
        self._held = label
        """What came and has not gone out: the block that is not complete yet."""

        self._label_length = len(label)
        """How much of what is held is label."""

        self._withheld: Counter[str] = Counter()
        self._noted: Counter[str] = Counter()

    @property
    def withheld(self) -> dict[str, int]:
        """Return how many identifiers of each kind were masked so far."""
        unsure = self._restorer.withheld if self._restorer else Counter()
        return dict(sorted((self._withheld + unsure).items()))

    @property
    def noted(self) -> dict[str, int]:
        """Return how many days, high ages and institutions that the caller never sent were let through so far."""
        return dict(sorted(self._noted.items()))

    @property
    def restored(self) -> dict[str, int]:
        """Return how many surrogates of each kind were turned back so far."""
        return dict(sorted(self._restorer.restored.items())) if self._restorer else {}

    def feed(self, text: ClinicalText) -> ClinicalText:
        """Take the next piece of the answer and return what may go out now, possibly nothing."""
        self._take(self._restorer.feed(unsteered(text.reveal())) if self._restorer else [], text)
        return self._given(at_end=False)

    def finish(self) -> ClinicalText:
        """Return the rest: the answer is complete."""
        self._take(self._restorer.finish() if self._restorer else [], ClinicalText(""))
        return self._given(at_end=True)

    def _given(self, *, at_end: bool) -> ClinicalText:
        text = "".join(self._complete_blocks(at_end=at_end))
        return ClinicalText(self._defuser.feed(text) if self._defuser else text)

    def _take(self, pieces: Iterable[Piece], text: ClinicalText) -> None:
        if self._restorer is None:
            self._held += text.reveal()
        for piece in pieces:
            if piece.is_restored:
                self._known.add(piece.text)
            self._held += piece.text

    def _complete_blocks(self, *, at_end: bool) -> Iterator[str]:
        end = 0
        for start, end in block_spans(self._held, at_end=at_end):
            label_length = max(0, min(end, self._label_length) - start)
            yield self._masked(self._held[start:end], label_length)[label_length:]
        self._held = self._held[end:]
        self._label_length = max(0, self._label_length - end)

    def _masked(self, block: str, label_length: int) -> str:
        """Mask until nothing more is found: an identifier that touches another shows only once that one is gone."""
        while True:
            masked, noted = self._masked_once(block, label_length)
            if masked == block:
                self._noted.update(noted)
                return block
            block = masked

    def _masked_once(self, block: str, label_length: int) -> tuple[str, Counter[str]]:
        pieces: list[str] = []
        noted: Counter[str] = Counter()
        position = 0
        for finding in self._found(block):
            start = max(finding.start, label_length)
            if finding.end <= start or self._known.holds(block[start : finding.end], finding.kind):
                continue
            if _is_counted_only(finding, block[start : finding.end]):
                noted[finding.kind.value] += 1
                continue
            self._withheld[finding.kind.value] += 1
            pieces += [block[position:start], mask(finding.kind)]
            position = finding.end
        return "".join([*pieces, block[position:]]), noted

    def _found(self, block: str) -> tuple[Finding, ...]:
        if self._surrogates is None:
            return find(block)
        return without_overlaps([*find(block), *find_people(block), *self._encoded(block)])

    def _encoded(self, block: str) -> Iterator[Finding]:
        """Yield what is encoded and holds a surrogate or an identifier: it cannot be turned back where it stands."""
        for reading in decoded(block):
            for kind, start, end in self._suspect(reading.text):
                place, place_end = reading.origin(start, end)
                yield Finding(kind=kind, start=place, end=place_end, score=1.0, recognizer="encoded")

    def _suspect(self, text: str) -> Iterator[tuple[Kind, int, int]]:
        assert self._surrogates is not None  # noqa: S101 - only asked where there are surrogates
        restorer, position = self._surrogates.restorer(), 0
        for piece in (*restorer.feed(text), *restorer.finish()):
            if piece.kind is not None:
                yield piece.kind, position, position + piece.source_length
            position += piece.source_length
        for finding in find(text):
            if finding.kind not in COUNTED_ONLY and not self._known.holds(
                text[finding.start : finding.end], finding.kind
            ):
                yield finding.kind, finding.start, finding.end


def _is_counted_only(finding: Finding, value: str) -> bool:
    has_number = any(map(str.isdigit, value))
    return finding.kind in COUNTED_ONLY or (finding.recognizer in COUNTED_RULES and not has_number)
