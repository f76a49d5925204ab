"""Hold markup as a small tree, read XHTML into it, and write it again.

XHTML is read by expat and MUST be well-formed; a document type is refused before it can declare an entity, so none can
expand (CWE-776) or be fetched (CWE-611).  Comments and processing instructions are left out of what is written.
"""

import html
import re
from dataclasses import dataclass, field
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from appliance.phi.fhir.words import words

DEEPEST = 100
"""Elements within each other; a narrative is a few tables and lists."""

VOID = words("area base br col embed hr img input link meta param source track wbr")
"""HTML's elements without an end tag."""

_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_XML_NAMED = frozenset({"amp", "lt", "gt", "quot", "apos"})


class MarkupError(Exception):
    """Say what is wrong with a markup, without a word of it."""


@dataclass(slots=True)
class Node:
    """An element, or the document where the tag is empty."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Node | str]" = field(default_factory=list)

    def write(self) -> str:
        """Return the markup of this element and everything in it."""
        inside = "".join(escape(child) if isinstance(child, str) else child.write() for child in self.children)
        if not self.tag:
            return inside
        attributes = "".join(f" {name}={quoteattr(value)}" for name, value in self.attributes.items())
        is_empty = not inside and self.tag in VOID
        return f"<{self.tag}{attributes}/>" if is_empty else f"<{self.tag}{attributes}>{inside}</{self.tag}>"


def read_xhtml(markup: str) -> Node:
    """Return the tree of well-formed XHTML; raises MarkupError for anything else."""
    builder = Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_document_type
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(_NAMED.sub(_as_character, markup).encode("utf-8"), True)  # noqa: FBT003 - expat's own signature
    except (expat.ExpatError, UnicodeEncodeError):
        raise MarkupError("is not well-formed XHTML") from None
    return builder.document


class Builder:
    """Put elements and texts together in the order in which they come."""

    def __init__(self) -> None:
        """Begin an empty document."""
        self.document = Node("")
        self._open = [self.document]

    @property
    def innermost(self) -> str:
        """Return the tag of the element that is open now."""
        return self._open[-1].tag

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element; raises MarkupError where too many are open."""
        if len(self._open) > DEEPEST:
            raise MarkupError(f"is nested more than {DEEPEST} elements deep")
        node = Node(tag.lower(), {name.lower(): value for name, value in attributes.items()})
        self._open[-1].children.append(node)
        self._open.append(node)

    def end(self, tag: str) -> None:
        """Close the innermost element of this name; HTML may leave others open within it."""
        tags = [node.tag for node in self._open]
        if tag.lower() in tags:
            del self._open[len(tags) - 1 - tags[::-1].index(tag.lower()) :]

    def text(self, text: str) -> None:
        """Add text to the element that is open now."""
        self._open[-1].children.append(text)


def _as_character(match: re.Match[str]) -> str:
    """Write HTML's named characters, which FHIR's narratives may hold, as XML knows them."""
    name = match[1]
    if name in _XML_NAMED:
        return match[0]
    characters = html.unescape(match[0])
    return match[0] if characters == match[0] else "".join(f"&#{ord(character)};" for character in characters)


def _refuse_document_type(*_declaration: object) -> None:
    raise MarkupError("has a document type, which could declare entities")
