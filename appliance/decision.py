"""The value that a policy question is answered with: yes or no, always with reasons.

It stands below everything so that a refusal can carry it through every layer.  It never holds request text.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One answer of the policy bundle to one question (`policy.decide.decide`)."""

    allowed: bool

    action: str
    """The Cedar action asked about, such as ``UseTask``."""

    reasons: tuple[str, ...]
    """Plain sentences, at least one, fit for the caller and for the record."""

    policy_ids: tuple[str, ...]
    """Ids of the Cedar policies that determined it; empty when nothing permitted."""

    policy_digest: str
    """SHA-256 of the bundle that decided, 64 lowercase hex digits."""

    def sentence(self) -> str:
        """Return the reasons as one line."""
        return " ".join(self.reasons)
