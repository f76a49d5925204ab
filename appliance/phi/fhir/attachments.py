"""Guard the text inside attachments, and leave out what is no text.

Plain text and HTML are decoded from base64, guarded and encoded again; the hash and the size of what is not sent are
left out by the table.  A PDF, a picture or a C-CDA document cannot be guarded here: its content is left out, and a note
in the title says so, because a model must not take a missing document for an empty one.
"""

import base64
import re

from appliance.phi.fhir import narrative
from appliance.phi.fhir.scene import Scene

PLAIN = frozenset({"text/plain", "text/markdown", "text/csv"})
MARKED_UP = frozenset({"text/html", "application/xhtml+xml"})

CHARSETS = {"": "utf-8", "utf-8": "utf-8", "us-ascii": "ascii", "ascii": "ascii", "iso-8859-1": "latin-1"}
"""Character sets that a text may be in."""

NOTE = "[content withheld: it is not text]"
"""Stands in the title, where people and models look first."""

_WHITESPACE = re.compile(r"[ \t\r\n]+")


def content(value: str, scene: Scene) -> str | None:
    """Return the guarded content in base64, or nothing where it is no text."""
    kind, _, parameters = scene.beside("contentType").lower().partition(";")
    kind = kind.strip()
    if kind not in PLAIN | MARKED_UP:
        return None
    charset = CHARSETS.get(parameters.partition("charset=")[2].strip(' "'))
    if charset is None:
        scene.place.refuse("is text in a character set other than UTF-8, ASCII and ISO 8859-1")
    text = _decoded(value, scene, charset=charset)
    guarded = narrative.document(text, scene) if kind in MARKED_UP else scene.text(text)
    return base64.b64encode(guarded.encode(charset, "replace")).decode("ascii")


def noted(attachment: dict[str, object], *, had_data: bool) -> dict[str, object]:
    """Return the attachment with a note where its content was left out."""
    if not had_data or "data" in attachment:
        return attachment
    title = attachment.get("title")
    return attachment | {"title": f"{title} {NOTE}" if title else NOTE}


def _decoded(value: str, scene: Scene, *, charset: str) -> str:
    try:
        return base64.b64decode(_WHITESPACE.sub("", value), validate=True).decode(charset)
    except ValueError:  # binascii.Error and UnicodeDecodeError are ValueErrors; so is a character beyond ASCII
        scene.place.refuse("is not base64 of a text in the character set that 'contentType' names")
