"""The one way in which the broker says that nothing leaves, from whatever check.

Each check raises `NotSentError` with a stable code and one plain sentence; the conversation turns it into a
`wire.Refusal`.  Neither MUST ever hold text of a request, a record number or a credential.
"""

from collections.abc import Mapping

from appliance.escalation.wire import Code, Refusal


class NotSentError(Exception):
    """Say why a request stays in the building."""

    def __init__(
        self, code: Code, reason: str, *, counts: Mapping[str, int] | None = None, retry_after_s: int = 0
    ) -> None:
        """Take a code and the reason as a clause without its full stop."""
        self.code: Code = code
        self.reason = f"Nothing was sent: {reason}."
        self.counts = dict(counts or {})
        self.retry_after_s = retry_after_s
        super().__init__(code)

    def refusal(self, call: int) -> Refusal:
        """Return the answer for the gateway."""
        return Refusal(
            call=call, code=self.code, reason=self.reason, counts=self.counts, retry_after_s=self.retry_after_s
        )
