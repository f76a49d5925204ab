"""Screen an answer that is there whole, as step 8 does: one piece, and the end."""

from collections.abc import Iterable

from appliance.clinical_text import ClinicalText
from appliance.phi.stream import Screen
from appliance.phi.surrogates import SurrogateMap


def screen(
    text: ClinicalText, known: Iterable[ClinicalText], *, surrogates: SurrogateMap | None = None
) -> tuple[ClinicalText, dict[str, int]]:
    """Screen a whole answer; returns the text that may go out and the counts of what was masked."""
    whole = Screen(known, surrogates=surrogates)
    screened = ClinicalText.join([whole.feed(text), whole.finish()])
    return screened, whole.withheld
