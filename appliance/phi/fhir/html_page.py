"""Read HTML as editors and mail programs write it, in time linear in its length.

The standard library's parser takes quadratic time on unfinished tags and comments, and this reads what a caller sent;
so what does not end is refused here instead of looked for again.  Comments, document types, and what scripts, styles
and titles hold are left out.
"""

import html
import re

from appliance.phi.fhir.markup import VOID, Builder, MarkupError, Node
from appliance.phi.fhir.words import words

_TAG = re.compile(r"""<(/?)([A-Za-z][^\s/><"'=]{0,40})((?:[^<>"']|"[^"]*+"|'[^']*+')*+)>""")
_ATTRIBUTE = re.compile(r"""([^\s=/"'>]+)(?:\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_LONG_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{9}")
"""No character has a number of nine digits, and Python refuses to read one of thousands."""

RAW = words("script style title textarea xmp iframe noembed noframes")
"""Elements in which tags are no tags."""

CLOSED_BY: dict[str, frozenset[str]] = {
    "li": words("li p"),
    "dt": words("dt dd p"),
    "dd": words("dt dd p"),
    "tr": words("tr td th p"),
    "td": words("td th p"),
    "th": words("td th p"),
    **dict.fromkeys(words("p div ul ol dl table h1 h2 h3 h4 h5 h6 hr pre blockquote"), words("p")),
}
"""What is open and ends where such an element begins (HTML, optional tags)."""


def read_html(markup: str) -> Node:
    """Return the tree of an HTML page; raises MarkupError for what does not end or is nested too deep."""
    builder = Builder()
    position = 0
    while position < len(markup):
        if markup[position] != "<":
            end = markup.find("<", position)
            end = len(markup) if end < 0 else end
            builder.text(_characters(markup[position:end]))
        else:
            end = _read_tag(markup, position, builder)
        position = end
    return builder.document


def _read_tag(markup: str, position: int, builder: Builder) -> int:
    """Read what begins with ``<`` and return where it ends."""
    if markup.startswith("<!--", position):
        return _after(markup, "-->", position + 4)
    following = markup[position + 1 : position + 3]
    if following[:1] in {"!", "?"}:
        return _after(markup, ">", position)
    if not following.lstrip("/")[:1].isalpha():
        builder.text("<")
        return position + 1
    match = _TAG.match(markup, position)
    if match is None:
        raise MarkupError("has a tag that is none or does not end")
    tag = match[2].lower()
    if match[1]:
        builder.end(tag)
        return match.end()
    _open(tag, match[3], builder)
    return match.end() if tag not in RAW else _after_raw(markup, tag, match.end())


def _open(tag: str, attributes: str, builder: Builder) -> None:
    while builder.innermost in CLOSED_BY.get(tag, ()):
        builder.end(builder.innermost)
    found = _ATTRIBUTE.finditer(attributes)
    builder.start(tag, {each[1]: _characters(each[2] or each[3] or each[4] or "") for each in found})
    if tag in VOID | RAW or attributes.endswith("/"):
        builder.end(tag)


def _after(markup: str, ending: str, position: int) -> int:
    end = markup.find(ending, position)
    if end < 0:
        raise MarkupError("has a comment or a declaration that does not end")
    return end + len(ending)


def _after_raw(markup: str, tag: str, position: int) -> int:
    """Return where the closing tag of a raw element begins; what stands before it is left out."""
    match = re.compile(f"</{tag}", re.IGNORECASE).search(markup, position)
    if match is None:
        raise MarkupError("has a script, a style or a title that does not end")
    return match.start()


def _characters(text: str) -> str:
    if _LONG_NUMBER.search(text):
        raise MarkupError("has a character reference that no character has")
    return html.unescape(text)
