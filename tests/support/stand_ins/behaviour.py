"""How a stand-in behaves: as its vendor does on a good day, and in every way that the broker must survive."""

from enum import StrEnum


class Behaviour(StrEnum):
    """What a stand-in does with a request that its vendor would take; a bad request gets the vendor's error always."""

    OK = "ok"
    SLOW = "slow"
    """Answer whole, with a pause before each piece."""

    SLOW_FIRST_BYTE = "slow_first_byte"
    """Say nothing for longer than anybody waits."""

    RESET = "reset"
    """Read the request, then drop the connection (TCP reset)."""

    RESET_MIDWAY = "reset_midway"
    """Drop the connection in the middle of the answer."""

    TRUNCATED = "truncated"
    """End cleanly in the middle of the answer: nothing in HTTP says that a part is missing."""

    MALFORMED_EVENT = "malformed_event"
    """Send an event that cannot be read: no JSON, or a wrong checksum."""

    DUPLICATE_EVENT = "duplicate_event"
    """Send one event twice where the wire format says once; a whole answer comes twice in one body."""

    LATE_EVENT = "late_event"
    """Send a piece of the answer again when its part is over; not streamed, as `DUPLICATE_EVENT`."""

    ERROR_MIDWAY = "error_midway"
    """Break off with the vendor's own error inside the stream; not streamed, a server error."""

    WRONG_CONTENT_TYPE = "wrong_content_type"
    """Send the right bytes as ``text/html``, as a captive portal would name them."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate_limited"
    """429 with Retry-After."""

    RATE_LIMITED_NO_HINT = "rate_limited_no_hint"
    SERVER_ERROR = "server_error"
    OVERLOADED = "overloaded"
    """529 at Anthropic, 503 elsewhere; without Retry-After."""

    REFUSAL = "refusal"
    """The model declines, in the vendor's own form."""

    FILTERED = "filtered"
    """A filter of the vendor's cuts the answer."""

    PROMPT_FILTERED = "prompt_filtered"
    """A filter of the vendor's stops the prompt, before any answer."""

    EMPTY = "empty"
    """End well and say nothing."""

    OVERSIZED = "oversized"
    """Answer with `StandIn.oversized_bytes` of text in one piece."""

    ENDLESS = "endless"
    """Never stop answering."""

    FOREIGN_IDENTIFIERS = "foreign_identifiers"
    """Name a person whom nobody sent."""

    PROMPT_INJECTION = "prompt_injection"
    """Call a tool that nobody offered, and tell the reader to ignore the rules."""

    HTML = "html"
    """Put markup and a script into the text."""

    MARKDOWN = "markdown"
    """Put links and images into the text that would load an address with what it was sent in it."""

    ANSI = "ansi"
    """Put terminal control sequences and bidirectional overrides into the text."""

    LOOKALIKE_SURROGATES = "lookalike_surrogates"
    """Write the names it was sent with letters of another alphabet, and with characters nobody sees."""

    REDIRECT = "redirect"
    """Send the caller to another port, where a trap listens."""

    COMPRESSED = "compressed"
    """Send the answer gzipped although only ``identity`` was asked for."""

    WRONG_HOST_CERTIFICATE = "wrong_host_certificate"
    """Show a certificate of the right authority for another host."""
