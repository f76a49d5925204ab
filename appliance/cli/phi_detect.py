"""The guard's detection as one function of a text, for scorers that take ``module:function``.

``phi_eval.py run --detector appliance.cli.phi_detect:detect --data SET`` measures the guard with somebody else's tool.
It uses the default home folder, as every command does without ``--home``, and knows no patient.
"""

from functools import cache

from appliance.cli.phi_guard import open_detector
from appliance.clinical_text import ClinicalText
from appliance.evaluation.detector import Detector
from appliance.phi.known_identifiers import KnownIdentifiers


def detect(text: str) -> list[tuple[int, int, str, float]]:
    """Return start, end, type and score of everything that is found."""
    findings = _detector().find(ClinicalText(text), KnownIdentifiers.nothing())
    return [(each.start, each.end, each.kind.value, each.score) for each in findings]


@cache
def _detector() -> Detector:
    """Open the guard at the first text; the scorer's process lives for one evaluation and is the only user."""
    return open_detector(None)
