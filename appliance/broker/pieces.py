"""Turns what an adapter yields into frames for the gateway, so that nothing of a hostile answer breaks the wire.

Text travels in bodies only, in pieces that always fit; what a provider chose for a header (the id of a tool call) must
be short and plain.  Anything else ends the answer as broken.
"""

from collections.abc import Iterator

from appliance.broker.outgoing import ProviderFaultError
from appliance.broker.providers.adapter import Text
from appliance.escalation.wire import Piece

PIECE_CHARACTERS = 64 * 1024
"""Longest text in one frame: at four bytes a character far below `wire.MAX_BODY_BYTES`."""

MAX_ID_CHARACTERS = 256
"""As `wire.Piece` takes; the vendors' ids have some thirty."""


def frames_of(text: Text, *, call: int) -> Iterator[tuple[Piece, bytes]]:
    """Yield header and body of each frame, at least one.  Raises ProviderFaultError for what no frame can hold."""
    for name in (text.tool_id, text.tool_name):
        if len(name) > MAX_ID_CHARACTERS or not name.isascii() or (name and not name.isprintable()):
            raise _broken()
    characters = text.text.reveal()
    for start in range(0, max(1, len(characters)), PIECE_CHARACTERS):
        tool_id, tool_name = ("", "") if start else (text.tool_id, text.tool_name)
        piece = Piece(call=call, tool_index=text.tool_index, tool_id=tool_id, tool_name=tool_name)
        yield piece, _bytes(characters[start : start + PIECE_CHARACTERS])


def _bytes(characters: str) -> bytes:
    try:
        return characters.encode()
    except UnicodeEncodeError:
        # Raised outside the handler, so that the error does not carry the text along.
        pass
    raise _broken()


def _broken() -> ProviderFaultError:
    return ProviderFaultError("broken", "The provider's answer holds what no answer holds.")
