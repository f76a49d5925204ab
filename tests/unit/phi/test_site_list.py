"""A site's own names and forms are found as people write them, and nothing else is."""

import re
import time

import pytest

from appliance.phi.findings import Kind
from appliance.phi.settings import IdFormat, Site
from appliance.phi.site_list import SiteList

SITE = Site(
    facilities=("St. Mary's of Quincy", "Lakeside", "Lakeside Cancer Center"),
    id_formats=(IdFormat(name="biobank", kind=Kind.OTHER_ID, pattern=re.compile(r"(?<!\w)BB-\d{6}(?!\w)")),),
)


def _found(text: str, site: Site = SITE) -> list[tuple[str, str]]:
    return [(text[each.start : each.end], each.recognizer) for each in SiteList(site).find_in(text)]


@pytest.mark.parametrize(
    "written",
    [
        "St. Mary's of Quincy",
        "ST MARYS OF QUINCY",
        "st. mary\u2019s  of\nquincy",
        "St.Mary's of Quincy",
        "St. \uff2dary's of Quincy",
    ],
)
def test_a_facility_is_found_in_any_case_and_punctuation(written: str) -> None:
    assert _found(f"Seen at {written}, then home.") == [(written, "site_facility")]


def test_the_longest_name_wins_and_parts_of_words_are_none() -> None:
    assert _found("Lakeside Cancer Center and Lakeside, not Lakesides") == [
        ("Lakeside Cancer Center", "site_facility"),
        ("Lakeside", "site_facility"),
    ]


def test_words_that_stand_apart_are_no_facility() -> None:
    assert _found("St. Mary's is of course in Quincy; St. Mary's --- of Quincy") == []


def test_a_form_of_identifier_is_found_with_its_kind() -> None:
    (found,) = SiteList(SITE).find_in("sample BB-204913 taken")

    assert (found.kind, found.recognizer, found.start, found.end) == (Kind.OTHER_ID, "site_biobank", 7, 16)


def test_an_empty_list_finds_nothing() -> None:
    assert _found("Lakeside BB-204913", Site()) == []
    assert _found("Lakeside", Site(facilities=("...",))) == []


def test_a_long_list_costs_one_look_up_a_word() -> None:
    site = Site(facilities=tuple(f"Saint Name{number} Hospital" for number in range(2_000)))
    text = "Saint Nobody went home. " * 2_000

    begin = time.process_time()
    found = SiteList(site).find_in(text)
    took_s = time.process_time() - begin

    # 2,000 names of one first word on 8,000 words: 4 million short comparisons at worst.
    assert found == ()
    assert took_s < 10
