"""Guard the text in narratives (XHTML) and in HTML documents; tags stay, text and attributes go through the text guard.

A text is guarded as people read it: a paragraph with its bold and italic words as one, the cells of a row together and
under the words above their columns, so that ``<td>MRN</td><td>123</td>`` shows its label.  Where the guard changed
nothing the markup stays as it was; where it changed something, the formatting inside that paragraph is lost and the
rest stays.  Scripts, frames, forms and objects are refused; pictures lose their source.
"""

from collections.abc import Callable, Iterator

from appliance.phi.fhir.html_page import read_html
from appliance.phi.fhir.markup import MarkupError, Node, read_xhtml
from appliance.phi.fhir.scene import Scene
from appliance.phi.fhir.words import words

BLOCKS = words(
    "div p h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table caption thead tbody tfoot tr td th colgroup col blockquote pre "
    "hr address"
)
"""Elements that begin a new text."""

INLINE = words(
    "a abbr acronym b bdo big br cite code dfn em i img ins del kbd map area q s samp small span strike strong sub "
    "sup tt u var font"
)
"""Elements within a text."""

HTML_BLOCKS = words("html body section article header footer main nav aside center figure figcaption")
"""More of them in HTML documents."""

ACTIVE = words(
    "script iframe frame frameset object embed applet form input button select textarea svg math template audio video "
    "canvas portal"
)
"""What does or fetches something: never let through."""

LEFT_OUT = words("head style title meta link base noscript")
"""What an HTML document says to a browser."""

CELLS = frozenset({"td", "th"})

BREAKS = frozenset({"br", "img", "area"})

KEPT_ATTRIBUTES = words(
    "colspan rowspan align valign width height border cellspacing cellpadding lang xml:lang dir span start type"
)
"""Attributes whose short values are the markup's own words."""

READ_ATTRIBUTES = frozenset({"title", "alt", "summary", "abbr", "class", "headers", "axis", "cite"})
"""Attributes that hold text, or words that somebody chose."""

XHTML = "http://www.w3.org/1999/xhtml"

LONGEST_PLAIN = 12
"""Characters of an attribute's value that is the markup's own word, such as ``blank-circle``."""

CELL = "\t"
"""Between the cells of a row, as text from a table has it."""


def narrative(value: str, scene: Scene) -> str:
    """Return a narrative's XHTML with its text guarded."""
    return _guarded(value, scene, reader=read_xhtml, is_html=False)


def document(markup: str, scene: Scene) -> str:
    """Return an HTML or XHTML document with its text guarded."""
    return _guarded(markup, scene, reader=read_html, is_html=True)


def _guarded(markup: str, scene: Scene, *, reader: Callable[[str], Node], is_html: bool) -> str:
    try:
        tree = reader(markup)
        _Guard(scene, is_html=is_html).block(tree)
    except MarkupError as wrong:
        scene.place.refuse(str(wrong))
    return tree.write()


class _Guard:
    """Replace the texts of one tree in its place."""

    def __init__(self, scene: Scene, *, is_html: bool) -> None:
        self._scene = scene
        self._is_html = is_html
        self._blocks = BLOCKS | HTML_BLOCKS if is_html else BLOCKS
        self._header: list[str] = []
        """The words above the columns of the innermost table."""

    def block(self, node: Node) -> None:
        """Guard everything in a block: runs of inline content as one text each, rows cell by cell but together."""
        if node.tag == "tr" and self._is_row(node):
            self._row(node)
            return
        header = self._header
        if node.tag == "table":
            self._header = _header_of(node)
        children: list[Node | str] = []
        run: list[Node | str] = []
        for child in node.children:
            if not isinstance(child, str) and self._is_left_out(child):
                continue
            if isinstance(child, str) or self._is_inline(child):
                run.append(child)
                continue
            children += self._run(run)
            run = []
            self._attributes(child)
            if child.tag not in self._blocks | INLINE:
                child.tag = "div"  # whatever an editor invented; even its name may say something
            self.block(child)
            children.append(child)
        node.children = [*children, *self._run(run)]
        self._header = header

    def _is_left_out(self, node: Node) -> bool:
        return self._is_html and node.tag in LEFT_OUT

    def _is_inline(self, node: Node) -> bool:
        """Tell whether an element and everything in it stands within a text; refuses what is no formatting."""
        if node.tag in ACTIVE or (not self._is_html and node.tag not in self._blocks | INLINE):
            raise MarkupError("has an element that is no plain formatting, such as a script, a form or a frame")
        return node.tag in INLINE and all(isinstance(child, str) or self._is_inline(child) for child in node.children)

    def _run(self, run: list[Node | str]) -> list[Node | str]:
        """Return a run of inline content guarded as one text."""
        for node in _nodes(run):
            self._attributes(node)
        text = _text(run)
        if not text.strip():
            return run
        guarded = self._scene.text(text)
        return run if guarded == text else [guarded]

    def _is_row(self, row: Node) -> bool:
        """Tell whether there is nothing in a row but cells, and nothing in the cells but text."""
        cells = [child for child in row.children if not isinstance(child, str)]
        around = "".join(child for child in row.children if isinstance(child, str))
        return not around.strip() and all(cell.tag in CELLS and self._is_plain(cell) for cell in cells)

    def _row(self, row: Node) -> None:
        """Guard the cells of a row as one text, and put what changed back into its cells."""
        cells = [cell for cell in row.children if not isinstance(cell, str)]
        for node in _nodes(row.children):
            self._attributes(node)
        before = [_text(cell.children).replace(CELL, " ") for cell in cells]
        if not "".join(before).strip():
            return
        for cell, old, new in zip(cells, before, self._guarded_cells(before), strict=True):
            if old != new:
                cell.children = [new]

    def _guarded_cells(self, texts: list[str]) -> list[str]:
        """Return the texts of a row's cells after the guard has read them together."""
        has_header = len(self._header) == len(texts) and self._header != texts
        read = [word for pair in zip(self._header, texts, strict=True) for word in pair] if has_header else texts
        guarded = self._scene.text(CELL.join(read))
        parts = guarded.split(CELL)
        if len(parts) == len(read):
            return parts[1::2] if has_header else parts
        # A surrogate over two cells leaves no telling which is whose: all of it goes into the first.
        return [guarded] + [""] * (len(texts) - 1)

    def _is_plain(self, cell: Node) -> bool:
        return all(isinstance(child, str) or self._is_inline(child) for child in cell.children)

    def _attributes(self, node: Node) -> None:
        """Keep the markup's own words, guard what holds text, and leave out the rest: addresses, ids, styles."""
        kept: dict[str, str] = {}
        for name, value in node.attributes.items():
            if name.startswith("on"):
                raise MarkupError("has a script in an attribute")
            if (name == "xmlns" and value == XHTML) or (name in KEPT_ATTRIBUTES and _is_word(value)):
                kept[name] = value
            elif name in READ_ATTRIBUTES and value.strip():
                kept[name] = self._scene.text(value)
        node.attributes = kept


def _is_word(value: str) -> bool:
    """Tell whether a value is a word or a number of the markup's own."""
    return len(value) <= LONGEST_PLAIN and value.isascii() and value.replace("%", "").replace("-", "").isalnum()


def _header_of(table: Node) -> list[str]:
    """Return the words of a table's first row if they stand above columns."""
    row = next((node for node in _nodes(table.children) if node.tag == "tr"), Node("tr"))
    cells = [child for child in row.children if not isinstance(child, str)]
    is_header = bool(cells) and all(cell.tag == "th" for cell in cells)
    return [_text(cell.children).replace(CELL, " ") for cell in cells] if is_header else []


def _nodes(children: list[Node | str]) -> Iterator[Node]:
    """Return the elements among the children and within them."""
    for child in children:
        if not isinstance(child, str):
            yield child
            yield from _nodes(child.children)


def _text(children: list[Node | str]) -> str:
    """Return the text as it is read: a line break is one."""
    parts = (
        child if isinstance(child, str) else "\n" if child.tag in BREAKS else _text(child.children)
        for child in children
    )
    return "".join(parts)
