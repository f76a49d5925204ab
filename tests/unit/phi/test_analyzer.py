import re
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from presidio_analyzer.nlp_engine import NlpArtifacts
from spacy.tokens import Doc
from spacy.vocab import Vocab
from tldextract.tldextract import TLD_EXTRACTOR

from appliance.errors import PhiGuardUnavailableError
from appliance.phi.analyzer import Analyzer, NameEngine, NameRecognizer, stock
from appliance.phi.findings import Finding, Kind
from appliance.phi.recognizers import ALL
from appliance.phi.settings import IdFormat, Site
from tests.support.guard_models import NoNames, real_models


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Analyzer]:
    return Analyzer.open(real_models(), site=Site())


def texts(analyzer: Analyzer, text: str) -> set[tuple[Kind, str]]:
    return {(each.kind, text[each.start : each.end]) for each in analyzer.find(text)}


class BrokenRule:
    """A rule with a fault in it."""

    name = "broken"

    def find(self, _text: str) -> Iterable[Finding]:
        """Fail."""
        raise RuntimeError(self.name)


def test_rules_and_models_find_together(analyzer: Analyzer) -> None:
    text = "Siobhan Okonkwo, MRN 48213377, was seen on 03/04/2021 in Albuquerque."

    kinds = {kind for kind, _ in texts(analyzer, text)}

    assert {Kind.NAME, Kind.MRN, Kind.DATE, Kind.LOCATION} <= kinds


def test_a_name_in_look_alike_letters_is_found_at_its_own_place(analyzer: Analyzer) -> None:
    text = "Seen: S\u0456\u043ebhan Okon\u200bkwo today"

    (found,) = analyzer.find(text)

    assert text[found.start : found.end] == "S\u0456\u043ebhan Okon\u200bkwo"


def test_what_stands_in_base64_is_found_as_a_whole(analyzer: Analyzer) -> None:
    text = "payload UGF0aWVudDogU2lvYmhhbiBPa29ua3dv end"

    assert any("UGF0aWVudDogU2lvYmhhbiBPa29ua3dv" in value for _, value in texts(analyzer, text))


def test_findings_are_in_order_and_do_not_overlap(analyzer: Analyzer) -> None:
    found = analyzer.find("Dr. Siobhan Okonkwo saw Mark Nguyen on 2021-03-04 (MRN: 48213377) at St. Mary's Hospital.")

    assert found
    assert all(first.end <= second.start for first, second in pairwise(found))


@pytest.mark.parametrize(
    "text", ["", "\ud800", "a\udfffb Siobhan", "\x00" * 100, "\u00e9" * 100, "\u202e", "%", "=?\n"]
)
def test_broken_text_gives_findings_and_no_error(analyzer: Analyzer, text: str) -> None:
    assert all(0 <= each.start < each.end <= len(text) for each in analyzer.find(text))


def test_ten_thousand_words_come_back_in_order(analyzer: Analyzer) -> None:
    found = analyzer.find("Siobhan Okonkwo walks. The wound is clean. " * 1500)

    assert len(found) >= 1500
    assert [each.start for each in found] == sorted(each.start for each in found)


def test_the_sites_list_is_used_and_can_be_changed() -> None:
    names = NoNames()
    form = IdFormat(name="study", kind=Kind.OTHER_ID, pattern=re.compile(r"\bKX-\d{3}\b"))
    before = Analyzer(names, rules=ALL, site=Site())

    after = before.for_site(Site(facilities=("Elm Ward 7",), id_formats=(form,), ordinary=frozenset({"quill"})))

    assert names.ordinary == {"quill"}
    assert {each.kind for each in after.find("from elm ward 7, study KX-123")} == {Kind.LOCATION, Kind.OTHER_ID}


def test_what_each_recognizer_said_can_be_asked() -> None:
    names = NoNames(Finding(kind=Kind.NAME, start=0, end=4, score=0.5, recognizer="names"))
    analyzer = Analyzer(names, rules=ALL, site=Site())

    said = [each.recognizer for each in analyzer.candidates("Abcd 03/04/2021")]

    assert "names" in said
    assert len(said) > 1


def test_a_rule_that_errs_is_not_left_out() -> None:
    analyzer = Analyzer(NoNames(), rules=[BrokenRule()], site=Site())

    with pytest.raises(RuntimeError):
        analyzer.find("text")


def test_the_guard_does_not_open_without_its_models(tmp_path: Path) -> None:
    with pytest.raises(PhiGuardUnavailableError):
        Analyzer.open(tmp_path, site=Site())
    with pytest.raises(PhiGuardUnavailableError):
        stock(tmp_path)


def test_stock_presidio_asks_nobody_about_an_address() -> None:
    called: list[str] = []
    sys.addaudithook(lambda event, _: called.append(event) if event.startswith("socket.") else None)
    find = stock(real_models())

    found = {kind for _, _, kind, _ in find("Write to maria.okonkwo@quillfax.example.org or maria@quillfax.co.uk")}

    assert "EMAIL_ADDRESS" in found
    assert called == []
    assert TLD_EXTRACTOR.suffix_list_urls == (), "a list that is on disk already would hide a fetch"


def test_presidio_gets_our_engine_and_nothing_else() -> None:
    engine = NameEngine(NoNames())
    engine.load()

    ((text, artifacts),) = engine.process_batch(["abc"], "en")

    assert text == "abc"
    assert artifacts.entities == []
    assert engine.is_loaded()
    assert engine.get_supported_languages() == ["en"]
    assert set(engine.get_supported_entities()) == {"NAME", "LOCATION"}
    assert not engine.is_stopword("the", "en")
    assert not engine.is_punct(".", "en")


def test_an_engine_without_names_is_refused() -> None:
    artifacts = NlpArtifacts([], Doc(Vocab()), [], [], None, "en")

    with pytest.raises(PhiGuardUnavailableError):
        NameRecognizer().analyze("text", ["NAME"], artifacts)
