"""Find every identifier in one text: rules, name models, the site's list, and encoded parts of the text.

Presidio is the frame: one registry with our recognizers and none of its own, and one NLP engine, which is ours.  Its
`AnalyzerEngine` is left out, because it compares every finding with every other and copies them deeply, which takes
minutes for a long text; overlaps are settled by `findings.without_overlaps`.  This is the only module that imports
presidio_analyzer.  It opens no socket and logs nothing; a part that errs raises PhiGuardUnavailableError, and there is
no answer with less than all parts.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, Self

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine, SpacyNlpEngine
from spacy.tokens import Doc
from spacy.vocab import Vocab
from tldextract.tldextract import TLD_EXTRACTOR
from typing_extensions import override

from appliance.errors import PhiGuardUnavailableError
from appliance.phi.decode import decoded
from appliance.phi.findings import Finding, Kind, without_overlaps
from appliance.phi.model_files import check_files
from appliance.phi.names.finder import NameFinder
from appliance.phi.normalise import normalise
from appliance.phi.recognizers import ALL, Rule
from appliance.phi.settings import Site
from appliance.phi.site_list import SiteList

_LANGUAGE = "en"

_SURROGATES = re.compile("[\ud800-\udfff]")
"""Halves of characters, from broken input: no model takes them, and each is replaced by one character."""


class Names(Protocol):
    """The part of `NameFinder` that is needed here; tests hand in one without models."""

    def use(self, ordinary: frozenset[str]) -> None:
        """Take the site's own words that are no names."""

    def find(self, text: str, found: Sequence[Finding] = ()) -> list[Finding]:
        """Return names and places in order of place, beside those that were found before."""


class NameEngine(NlpEngine):
    """Give Presidio the name models as its NLP engine."""

    def __init__(self, finder: Names) -> None:
        """Take the models, loaded."""
        self._finder = finder
        self.no_words = Doc(Vocab())
        """Stands for the tokens that no recognizer of ours reads."""

    @override
    def load(self) -> None:
        """Do nothing: the models were loaded before."""

    @override
    def is_loaded(self) -> bool:
        """Return True: an engine without models cannot be made."""
        return True

    @override
    def process_text(self, text: str, language: str, found: Sequence[Finding] = ()) -> "NameArtifacts":
        """Return what the models find in a text beside what was `found` by rules, which they are not asked about."""
        return NameArtifacts(self._finder.find(text, found), self.no_words)

    @override
    def process_batch(
        self, texts: Iterable[str], language: str, batch_size: int = 1, n_process: int = 1, **_kwargs: object
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Return what the models find in each text, one after the other."""
        return ((text, self.process_text(text, language)) for text in texts)

    @override
    def is_stopword(self, word: str, language: str) -> bool:
        """Return False: no recognizer of ours asks."""
        return False

    @override
    def is_punct(self, word: str, language: str) -> bool:
        """Return False: no recognizer of ours asks."""
        return False

    @override
    def get_supported_entities(self) -> list[str]:
        """Return what the models find."""
        return [Kind.NAME, Kind.LOCATION]

    @override
    def get_supported_languages(self) -> list[str]:
        """Return the one language of the models."""
        return [_LANGUAGE]


class NameArtifacts(NlpArtifacts):
    """Carry the findings of the models through Presidio."""

    def __init__(self, found: list[Finding], document: Doc) -> None:
        """Take the findings; there are no tokens or lemmas, because no recognizer of ours reads them."""
        super().__init__([], document, [], [], None, _LANGUAGE)
        self.found = found


class NameRecognizer(EntityRecognizer):
    """Return what the NLP engine found."""

    def __init__(self) -> None:
        """Name the kinds."""
        super().__init__([Kind.NAME, Kind.LOCATION], name="names")

    @override
    def load(self) -> None:
        """Do nothing: the engine holds the models."""

    @override
    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:
        """Return the names and places of this text."""
        if not isinstance(nlp_artifacts, NameArtifacts):
            raise PhiGuardUnavailableError(detail="the name models gave no answer")
        return [_result(finding) for finding in nlp_artifacts.found]


class RuleRecognizer(EntityRecognizer):
    """Run one rule."""

    def __init__(self, rule: Rule) -> None:
        """Take the rule."""
        self._rule = rule
        super().__init__([*Kind], name=rule.name)

    @override
    def load(self) -> None:
        """Do nothing: a rule is all in its expression."""

    @override
    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:
        """Return what the rule finds in this text."""
        return [_result(finding) for finding in self._rule.find(text)]


class Analyzer:
    """Hold everything that finds; one thread uses it."""

    def __init__(self, finder: Names, *, rules: Iterable[Rule], site: Site) -> None:
        """Take the parts; `open` is how the product gets one."""
        self._finder = finder
        self._rules = tuple(rules)
        self._engine = NameEngine(finder)
        finder.use(site.ordinary)
        recognizers = [*(RuleRecognizer(rule) for rule in (*self._rules, SiteList(site))), NameRecognizer()]
        self._registry = RecognizerRegistry(recognizers, supported_languages=[_LANGUAGE])

    @classmethod
    def open(cls, models: Path, *, site: Site) -> Self:
        """Check and load the models.  Raises PhiGuardUnavailableError for a missing or changed file."""
        check_files(models)
        return cls(NameFinder(models), rules=ALL, site=site)

    def for_site(self, site: Site) -> Self:
        """Return an analyzer with the same models and another site's list; this one MUST NOT be used any more."""
        return type(self)(self._finder, rules=self._rules, site=site)

    def find(self, text: str) -> tuple[Finding, ...]:
        """Return the findings of a text without overlaps, in order of place."""
        return without_overlaps(self.candidates(text))

    def candidates(self, text: str) -> Iterator[Finding]:
        """Yield what each recognizer found, overlaps included, which is what explains a finding."""
        plain = normalise(text if text.isascii() else _SURROGATES.sub("\ufffd", text))
        for finding in self._found(plain.text):
            yield _moved(finding, plain.origin(finding.start, finding.end))
        for part in decoded(plain.text):
            for finding in self._found(part.text):
                yield _moved(finding, plain.origin(*part.origin(finding.start, finding.end)))

    def _found(self, text: str) -> list[Finding]:
        """Run the rules, then the models on what the rules left open."""
        *rules, names = self._registry.recognizers
        nothing = NameArtifacts([], self._engine.no_words)
        found = [_finding(each) for rule in rules for each in rule.analyze(text, rule.supported_entities, nothing)]
        artifacts = self._engine.process_text(text, _LANGUAGE, found)
        return found + [_finding(each) for each in names.analyze(text, names.supported_entities, artifacts)]


def stock(models: Path) -> Callable[[str], list[tuple[int, int, str, float]]]:
    """Return Presidio as it comes, with the whole of the same spaCy pipeline: what the guard is measured against.

    Raises PhiGuardUnavailableError for a missing or changed file.
    """
    check_files(models)
    # Presidio's rule for e-mail addresses would fetch the list of public suffixes at the first address it sees.
    TLD_EXTRACTOR.suffix_list_urls = ()
    whole = SpacyNlpEngine(models=[{"lang_code": _LANGUAGE, "model_name": str(models / "spacy")}])
    engine = AnalyzerEngine(nlp_engine=whole, supported_languages=[_LANGUAGE])

    def find(text: str) -> list[tuple[int, int, str, float]]:
        results = engine.analyze(text, language=_LANGUAGE)
        return [(each.start, each.end, each.entity_type, each.score) for each in results]

    return find


def _moved(finding: Finding, span: tuple[int, int]) -> Finding:
    return replace(finding, start=span[0], end=span[1])


def _result(finding: Finding) -> RecognizerResult:
    metadata = {RecognizerResult.RECOGNIZER_NAME_KEY: finding.recognizer}
    return RecognizerResult(finding.kind, finding.start, finding.end, finding.score, recognition_metadata=metadata)


def _finding(result: RecognizerResult) -> Finding:
    return Finding(
        kind=Kind(result.entity_type),
        start=result.start,
        end=result.end,
        score=result.score,
        recognizer=result.recognition_metadata[RecognizerResult.RECOGNIZER_NAME_KEY],
    )
