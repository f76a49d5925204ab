import time
from contextlib import suppress

import pytest

from appliance.phi.fhir.html_page import read_html
from appliance.phi.fhir.markup import MarkupError, read_xhtml
from appliance.phi.fhir.transform import texts_of, transform
from tests.support.fhir_resources import TODAY, divided, narrative, replace, unguarded


def guarded(xhtml: str, changes: dict[str, str]) -> str:
    """Return a narrative whose texts were guarded by plain replacements."""

    def change(text: str) -> str:
        for old, new in changes.items():
            text = text.replace(old, new)
        return text

    return divided(transform(narrative(xhtml), replace=replace, text=change, today=TODAY))


@pytest.mark.parametrize(
    "xhtml",
    [
        "<p>A <b>bold</b> word &amp; a sign &lt; 5</p>",
        '<table border="1" class="grid"><tr><th colspan="2">Head</th></tr><tr><td>a</td><td><i>b</i></td></tr></table>',
        "<ul><li>one</li><li>two<br/>three</li></ul>",
        "<h2>Plan</h2><p></p><hr/>",
        "é “quoted”",
    ],
)
def test_markup_without_identifiers_stays_as_it_was(xhtml: str) -> None:
    assert divided(unguarded(narrative(xhtml))) == xhtml


def test_a_name_split_by_formatting_is_one_text() -> None:
    assert guarded("<p>Seen: Mr. <b>Quill</b><i>feather</i>, well</p>", {"Mr. Quillfeather": "Mr. Nemo"}) == (
        "<p>Seen: Mr. Nemo, well</p>"
    )


def test_paragraphs_that_hold_none_keep_their_formatting() -> None:
    xhtml = "<div>Ann <b>Quill</b><p>is <b>well</b></p>and home</div>"

    assert guarded(xhtml, {"Ann Quill": "Nemo"}) == "<div>Nemo<p>is <b>well</b></p>and home</div>"


def test_the_cells_of_a_row_are_read_together() -> None:
    row = "<table><tr><td>MRN</td><td><b>123</b></td></tr></table>"

    assert texts_of(narrative(row), today=TODAY) == ["MRN\t123"]
    assert guarded(row, {"MRN\t123": "MRN\t987"}) == "<table><tr><td>MRN</td><td>987</td></tr></table>"


def test_cells_are_read_under_the_words_above_their_columns() -> None:
    head = "<thead><tr><th>Name</th><th>MRN</th></tr></thead>"
    table = f"<table>{head}<tbody><tr><td>Ann</td><td>123</td></tr></tbody></table>"

    assert texts_of(narrative(table), today=TODAY) == ["Name\tMRN", "Name\tAnn\tMRN\t123"]
    assert guarded(table, {"MRN\t123": "MRN\t987"}) == table.replace("123", "987")


def test_an_identifier_over_two_cells_leaves_none_of_it_behind() -> None:
    row = "<table><tr><td>Ann</td><td>Quill</td></tr></table>"

    assert guarded(row, {"Ann\tQuill": "Nemo"}) == "<table><tr><td>Nemo</td><td></td></tr></table>"


def test_a_row_with_paragraphs_or_strange_parts_is_read_piece_by_piece() -> None:
    row = "<table><tr>x<td><p>Ann</p></td><td>a</td></tr><tr><td> </td></tr></table>"

    assert texts_of(narrative(row), today=TODAY) == ["x", "Ann", "a"]


def test_no_text_is_read_twice() -> None:
    rows = '<table class="c"><tr class="r"><td title="t1"><p title="t2">a<b title="t3">b</b></p></td></tr></table>'

    texts = texts_of(narrative(rows), today=TODAY)

    assert sorted(texts) == ["ab", "c", "r", "t1", "t2", "t3"]


def test_attributes_are_guarded_or_left_out() -> None:
    xhtml = (
        '<p title="Ann" style="x:Ann" id="Ann" align="left" lang="Ann Quill">'
        '<a href="https://x/Ann">l</a><img src="data:Ann" alt="Ann"/></p>'
    )

    assert guarded(xhtml, {"Ann": "Nemo"}) == '<p title="Nemo" align="left"><a>l</a><img alt="Nemo"/></p>'


def test_comments_and_instructions_do_not_leave() -> None:
    assert divided(unguarded(narrative("<p>a<!-- Ann --><?php Ann?>b<![CDATA[<c>]]></p>"))) == "<p>ab&lt;c&gt;</p>"


def test_named_characters_of_html_are_understood() -> None:
    assert divided(unguarded(narrative("5&nbsp;mg &le; &amp;amp;"))) == "5\N{NO-BREAK SPACE}mg ≤ &amp;amp;"


def test_an_attribute_cannot_break_out_of_its_quotes() -> None:
    out = guarded('<p title="x">a</p>', {"x": '"><script>&'})

    assert read_xhtml(f"<div>{out}</div>").children
    assert "<script" not in out


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<P CLASS=x>a<br>b<p>c", '<p class="x">a<br/>b</p><p>c</p>'),
        ("<ul><li>a<li>b</ul>c", "<ul><li>a</li><li>b</li></ul>c"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"),
        ("a < b &amp; &copy; <b title='x>y'>c</b></i>", 'a &lt; b &amp; © <b title="x&gt;y">c</b>'),
        ("<!DOCTYPE html><?x y?>a<!-- b -->c<style>p > b {}</style>", "ac<style></style>"),
        ("<img src=x alt='y'/><o:p/>z</>", '<img src="x" alt="y"/><o:p></o:p>z&lt;/&gt;'),
    ],
)
def test_html_is_read_as_editors_write_it(page: str, expected: str) -> None:
    assert read_html(page).write() == expected


@pytest.mark.parametrize(
    "page",
    [
        "<a ",
        "<!--",
        "<!",
        "<script>",
        "<a b='",
        '<a"',
        "<p/" + "x" * 50,
        "&#" + "9" * 5000,
        "<b>" * 200,
    ],
)
def test_html_that_does_not_end_is_refused(page: str) -> None:
    with pytest.raises(MarkupError):
        read_html(page)


@pytest.mark.parametrize(
    "part", ["<a ", "<!--", "<p a", "&", "<![", "</", "<a b='", '<a b="x" ', "<li>", "&#x41;", "< ", "<br ", "a="]
)
def test_hostile_html_ends_soon(part: str) -> None:
    start = time.monotonic()

    with suppress(MarkupError):
        read_html(part * 50_000)
    with suppress(MarkupError):
        read_html(f"<p {part * 50_000}>")

    assert time.monotonic() - start < 20  # quadratic time would take hours
