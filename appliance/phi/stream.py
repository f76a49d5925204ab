"""Screen an answer while it streams: identifiers that the caller never sent are masked and counted.

A model can repeat what it saw in training or in another prompt; what it repeats of the caller's own text is the
caller's.  Each block (`phi.blocks`) is screened alone, so every chunking gives the same result as the whole.

Days and high ages are counted and not masked: an answer rightly makes new ones, such as a follow-up appointment.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from appliance.clinical_text import ClinicalText
from appliance.phi.blocks import block_spans
from appliance.phi.findings import Kind
from appliance.phi.known import Known
from appliance.phi.rules import find

COUNTED_ONLY = frozenset({Kind.DATE, Kind.AGE})
"""Kinds that a clinical answer may make anew."""


class Screen:
    """Hold back the least text that could still matter, and mask what the caller never sent."""

    def __init__(self, known: Iterable[ClinicalText]) -> None:
        """Take everything that the caller sent."""
        self._known = Known(known)
        self._held = ""
        """What came and has not gone out: the block that is not complete yet."""

        self._withheld: Counter[str] = Counter()
        self._noted: Counter[str] = Counter()

    @property
    def withheld(self) -> dict[str, int]:
        """Return how many identifiers of each kind were masked so far."""
        return dict(sorted(self._withheld.items()))

    @property
    def noted(self) -> dict[str, int]:
        """Return how many days and high ages that the caller never sent were let through so far."""
        return dict(sorted(self._noted.items()))

    def feed(self, text: ClinicalText) -> ClinicalText:
        """Take the next piece of the answer and return what may go out now, possibly nothing."""
        self._held += text.reveal()
        return ClinicalText("".join(self._complete_blocks(at_end=False)))

    def finish(self) -> ClinicalText:
        """Return the rest: the answer is complete."""
        return ClinicalText("".join(self._complete_blocks(at_end=True)))

    def _complete_blocks(self, *, at_end: bool) -> Iterator[str]:
        end = 0
        for start, end in block_spans(self._held, at_end=at_end):
            yield self._masked(self._held[start:end])
        self._held = self._held[end:]

    def _masked(self, block: str) -> str:
        """Mask until nothing more is found: an identifier that touches another shows only once that one is gone."""
        while True:
            masked, noted = self._masked_once(block)
            if masked == block:
                self._noted.update(noted)
                return block
            block = masked

    def _masked_once(self, block: str) -> tuple[str, Counter[str]]:
        pieces: list[str] = []
        noted: Counter[str] = Counter()
        position = 0
        for finding in find(block):
            if self._known.holds(block[finding.start : finding.end]):
                continue
            if finding.kind in COUNTED_ONLY:
                noted[finding.kind.value] += 1
                continue
            self._withheld[finding.kind.value] += 1
            pieces += [block[position : finding.start], f"[withheld: {finding.kind.words()}]"]
            position = finding.end
        return "".join([*pieces, block[position:]]), noted


def screen(text: ClinicalText, known: Iterable[ClinicalText]) -> tuple[ClinicalText, dict[str, int]]:
    """Screen a whole answer; returns the text that may go out and the counts of what was masked."""
    whole = Screen(known)
    screened = ClinicalText.join([whole.feed(text), whole.finish()])
    return screened, whole.withheld
