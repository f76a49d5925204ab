"""What a site writes in phi.yaml is what the guard is told, and every mistake is refused with file, line and advice."""

import pickle
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PolicyInvalidError
from appliance.phi.findings import Kind
from appliance.phi.settings import Action, GuardSettings, Mode
from appliance.policy.load import load_bundle
from appliance.policy.phi import MAX_ENTRIES, read_guard
from appliance.policy.phi_pattern import CLEAN_TEXT, compiled
from tests.support.policy_folder import CHECKOUT, edit

WHOLE = """\
mode: safe-harbor
actions: {SSN: refuse, PHOTO: tag}
site:
  facilities: ["St.  Mary's of Quincy", Lakeside Cancer Center]
  id_formats:
    - {name: biobank-sample, kind: OTHER_ID, pattern: 'BB-[0-9]{6,8}'}
  ordinary: [foley]
"""


def _read(text: str) -> GuardSettings:
    return read_guard("phi.yaml", text)


def _refused(text: str) -> str:
    with pytest.raises(PolicyInvalidError) as caught:
        _read(text)
    return caught.value.public


def _pattern(pattern: str) -> str:
    return _refused(f"mode: shift\nsite:\n  id_formats:\n    - {{name: a, kind: MRN, pattern: '{pattern}'}}\n")


def _facility(*names: str) -> str:
    listed = "".join(f"    - {name}\n" for name in names)
    return _refused(f"mode: shift\nsite:\n  facilities:\n{listed}")


def test_what_is_written_is_what_the_guard_is_told() -> None:
    guard = _read(WHOLE)

    assert guard.mode is Mode.SAFE_HARBOR
    assert guard.action(Kind.SSN) is Action.REFUSE
    assert guard.action(Kind.PHOTO) is Action.TAG
    assert guard.action(Kind.NAME) is Action.SURROGATE
    assert guard.site.facilities == ("St. Mary's of Quincy", "Lakeside Cancer Center")
    assert guard.site.ordinary == frozenset({"foley"})
    assert [(each.name, each.kind) for each in guard.site.id_formats] == [("biobank-sample", Kind.OTHER_ID)]


def test_the_policy_as_shipped_holds_and_is_part_of_the_bundle() -> None:
    guard = load_bundle(CHECKOUT / "policies").guard

    assert guard.mode is Mode.SHIFT
    assert guard.site.facilities == ()
    assert guard.action(Kind.BIOMETRIC) is Action.TAG


def test_the_guards_decisions_change_the_digest_of_the_policy(policies: Path) -> None:
    before = load_bundle(policies).digest

    edit(policies, "phi.yaml", old="mode: shift", new="mode: safe-harbor")

    assert load_bundle(policies).digest != before
    assert load_bundle(policies).guard.mode is Mode.SAFE_HARBOR


def test_a_folder_without_it_is_refused(policies: Path) -> None:
    (policies / "phi.yaml").unlink()

    with pytest.raises(PolicyInvalidError, match=r"phi.yaml:1: the file is missing; restore it"):
        load_bundle(policies)


def test_the_sites_list_can_be_sent_to_another_process() -> None:
    site = _read(WHOLE).site

    assert pickle.loads(pickle.dumps(site)) == site  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("site: {}\n", "phi.yaml:1: 'mode' is missing; add it."),
        ("mode: maybe\n", "phi.yaml:1: 'mode': Input should be 'shift' or 'safe-harbor'"),
        (
            "mode: shift\nactions:\n  NAMES: tag\n",
            "phi.yaml:2: 'actions': 'NAMES' is no kind of identifier; there are: NAME, LOC",
        ),
        ("mode: shift\nactions: tag\n", "phi.yaml:2: 'actions': Input should be a valid dictionary"),
        ("mode: shift\nsite:\n  facilities: Elm\n", "phi.yaml:3: 'site.facilities': one value where a list must stand"),
        (
            "mode: shift\nsite:\n  id_formats: [{name: a, kind: [], pattern: 'x[0-9]{4}'}]\n",
            "phi.yaml:3: 'site.id_formats.0.kind': no kind of identifier that is known; there are: NAME, LOC",
        ),
        ("mode: shift\nactions:\n  NAME: keep\n", "phi.yaml:3: 'actions.NAME': Input should be 'surrogate', 'tag' or"),
        ("mode: shift\nactions:\n  NAME: tag\n  NAME: refuse\n", "phi.yaml:4: 'NAME' stands here a second time"),
        ("mode: shift\nsites: {}\n", "phi.yaml:2: 'sites' is no known key; remove it or mend its spelling."),
        ("mode: shift\nsite:\n  towns: []\n", "phi.yaml:3: 'site.towns' is no known key"),
        ("mode: shift\nsite:\n  ordinary: [two words]\n", "phi.yaml:3: 'site.ordinary.0': String should match"),
        ("mode: shift\nsite:\n  ordinary: [Foley]\n", "phi.yaml:3: these words are compared in lower case"),
        ("mode: shift\nsite:\n  ordinary: [foley, foley]\n", "phi.yaml:3: this stands above already"),
        (
            "mode: shift\nsite:\n  facilities: [Lakeside]\n  ordinary: [lakeside]\n",
            "phi.yaml:4: this stands in 'facilities' too; keep one of the two.",
        ),
        ("- mode\n", "phi.yaml:1: this must be a mapping of keys to values"),
        ("mode: [\n", "phi.yaml:2: this is no YAML that we read"),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_what_to_do(text: str, said: str) -> None:
    assert _refused(text).startswith(said)


@pytest.mark.parametrize("name", ["ABC", "'12'", "A.B.", "''"])
def test_a_facility_that_is_too_short_is_refused(name: str) -> None:
    assert _facility("Lakeside", name).startswith("phi.yaml:5: fewer than 4 letters")


@pytest.mark.parametrize("name", ["Clinic", "Emergency Room", "the main hospital", "WARD 3", "Women's Health", "March"])
def test_a_facility_of_ordinary_words_is_refused(name: str) -> None:
    assert _facility("Lakeside", name).startswith("phi.yaml:5: only ordinary words, which would be replaced in every")


@pytest.mark.parametrize("name", ["Lakeside Clinic", "Mercy", "Ward Sauerbruch 3", "Charité", "St. Mary's"])
def test_a_facility_with_a_name_of_its_own_is_taken(name: str) -> None:
    assert _read(f'mode: shift\nsite:\n  facilities: ["{name}"]\n').site.facilities == (name,)


def test_a_facility_that_stands_twice_is_refused_in_any_case_and_spacing() -> None:
    assert _facility("Lake  Side", "LAKE SIDE").startswith("phi.yaml:5: this stands above already")


def test_a_facility_with_a_line_break_is_refused() -> None:
    assert "a character that no name has" in _facility('"Lake\\nSide"')


def test_a_list_without_end_is_refused() -> None:
    said = _facility(*(f"Lakeside {number}" for number in range(MAX_ENTRIES + 1)))

    assert said.startswith("phi.yaml:3: 'site.facilities': Tuple should have at most 2000 items")


def test_two_forms_of_one_name_are_refused() -> None:
    form = "    - {name: a, kind: MRN, pattern: 'AB[0-9]{6}'}\n"

    assert _refused(f"mode: shift\nsite:\n  id_formats:\n{form}{form}").startswith("phi.yaml:5: this stands above alre")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("AB[0-9]+", "a '+', which has no end; say how many at most, such as {1,12}"),
        ("AB[0-9]*", "a '*', which has no end"),
        ("AB[0-9]{4,}", "'{4,}' has no end"),
        ("AB[0-9]{8,4}", "'{8,4}' has no end, an end below its beginning"),
        ("AB[0-9]{900}", "'{900}' has no end"),
        ("AB.{4}", "a '.', which matches everything"),
        ("^AB[0-9]{4}", "a '^'; leave it out"),
        ("AB[0-9]{4}$", "a '$'; leave it out"),
        ("(AB)[0-9]{4}", "a '(' that is not '(?:'"),
        ("(?=AB)[0-9]{4}", "a '(' that is not '(?:'"),
        ("(?:AB[0-9]{4}", "a '(?:' without its ')'"),
        ("AB[0-9]{4})", "a ')' without its '('"),
        ("[^A][0-9]{4}", "a '[^', which matches nearly everything"),
        ("AB[0-9", "a '[' that is empty, not closed"),
        ("AB[][0-9]{4}", "a '[' that is empty, not closed"),
        ("AB[9-0]{4}", "the range '9-0' runs backwards; write '0-9'"),
        ("[A-Z--Q]{4}", "holds one of [ & | ~ ^ - without"),
        (r"[\d-Z]{4}", "holds one of [ & | ~ ^ - without"),
        (r"AB\w{4}", "a '\\' before something else than 'd' or a punctuation mark"),
        ("AB[0-9]{4}\\", "a '\\' before something else than 'd' or a punctuation mark"),
        (r"(?:AB)\1[0-9]{4}", "a '\\' before something else"),
        ("AB[0-9]{4}{2}", "a repetition of a repetition"),
        ("AB[0-9]{4}?", "a repetition of a repetition"),
        ("{4}AB", "a '{' where none can stand"),
        ("A{,4}BCDE", "a '{' where none can stand"),
        ("A[0-9]{1,2}", "it can match 2 characters, which is as often a dose or a word"),
        ("A?B?C?D?", "it can match 0 characters"),
        ("AB[0-9]{60}[0-9]{60}", "it can match 122 characters"),
        ("(?:A{1,8}){4,6}", "it can match in more than 64 ways from one place"),
        ("(?:A|A){4,40}", "it can match in more than 64 ways from one place"),
        ("A{1,9}A{1,9}A{2,9}", "it can match in more than 64 ways from one place"),
        ("[0-9]{3,6}[A-Z]{1,2}", "it finds doses, values or words of ordinary clinical text"),
        ("[A-Z]{4,9}", "it finds doses, values or words of ordinary clinical text"),
        ("É[0-9]{6}", "only plain ASCII characters may stand in a pattern"),
        ("A" * 201, "longer than 200 characters"),
    ],
)
def test_a_pattern_that_could_be_slow_or_wrong_is_refused_with_what_to_write(pattern: str, said: str) -> None:
    told = _pattern(pattern)

    assert told.startswith("phi.yaml:4: 'site.id_formats.0.pattern': ")
    assert said in told


@pytest.mark.parametrize(
    ("pattern", "found", "passed_over"),
    [
        ("BB-[0-9]{6,8}", ["BB-123456", "bb-12345678"], ["BB-12345", "XBB-123456", "BB-123456789"]),
        (r"[A-Z]{2}\d{6}", ["QX204913"], ["QX20491", "QX2049131"]),
        ("(?:STU|TRIAL)-?[0-9]{4}", ["STU-0042", "TRIAL0042"], ["STUDY-0042"]),
        (r"C\.[0-9]{5}[\-/][0-9]{2}", ["C.10293/26", "C.10293-26"], ["CX10293/26"]),
        (r"[\dA-F]{4}:[\dA-F]{4}", ["1a2f:00ff"], ["1a2g:00ff"]),
        ("QX-?[0-9]{6}", ["QX-204913", "QX204913"], ["QX--204913"]),
    ],
)
def test_a_pattern_finds_whole_identifiers_in_any_case(pattern: str, found: list[str], passed_over: list[str]) -> None:
    expression = compiled(pattern)

    assert [each for each in found if not expression.fullmatch(each)] == []
    assert [each for each in passed_over if expression.search(f"see {each}, please")] == []


@pytest.mark.parametrize("pattern", ["(?:A{1,4}B?){2,2}[0-9]{4}", "[A-Z]{1,3}-?[0-9]{4,12}Q", "A{1,8}A{1,8}[0-9]{4}"])
def test_the_dearest_pattern_that_is_taken_is_linear_on_hostile_text(pattern: str) -> None:
    expression = compiled(pattern)
    hostile = [letter * 50_000 for letter in ("A", "A1", "AAAA-111111111111 ", "A ", "1")]

    begin = time.process_time()
    found = [expression.findall(text) for text in hostile]
    took_s = time.process_time() - begin

    # 750,000 characters: linear takes a tenth of a second, and quadratic would take hours.
    assert found == [[], [], [], [], []]
    assert took_s < 10


@given(st.text(st.sampled_from("AZaz09[]{}()?:|\\d-^&~,.*+ #"), max_size=24))
def test_any_pattern_is_taken_or_refused_and_never_breaks_the_loading(pattern: str) -> None:
    with suppress(ValueError):
        compiled(pattern)


def test_ordinary_clinical_text_holds_no_identifier() -> None:
    assert compiled("BB-[0-9]{6,8}").search(CLEAN_TEXT) is None


def test_sections_that_are_there_and_empty_say_nothing() -> None:
    guard = _read("mode: shift\nactions:\nsite:\n  facilities:\n  ordinary:\n")

    assert guard == _read("mode: shift\n")
