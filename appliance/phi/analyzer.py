"""Find every identifier in one text: rules, name models, the site's list, and encoded parts of the text.

Presidio is the frame: one registry with our recognizers and none of its own, and one NLP engine, which is ours.  Its
`AnalyzerEngine` is left out, because it compares every finding with every other and copies them deeply, which takes
minutes for a long text; overlaps are settled by `findings.without_overlaps`.  This is the only module that imports
presidio_analyzer.  It opens no socket and logs nothing; a part that errs raises PhiGuardUnavailableError, and there is
no answer with less than all parts.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from presidio_analyzer import EntityRecognizer, RecognizerRegistry, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
from spacy.tokens import Doc
from spacy.vocab import Vocab
from typing_extensions import override

from appliance.errors import PhiGuardUnavailableError
from appliance.phi.decode import decoded
from appliance.phi.findings import Finding, Kind, without_overlaps
from appliance.phi.model_files import check_files
from appliance.phi.names.finder import NameFinder
from appliance.phi.normalise import normalise
from appliance.phi.recognizers import ALL, Rule
from appliance.phi.settings import Site

_LANGUAGE = "en"

_SITE_SCORE = 0.99
"""The site knows its own names and numbers better than any rule."""


class NameEngine(NlpEngine):
    """Give Presidio the name models as its NLP engine."""

    def __init__(self, finder: NameFinder) -> None:
        """Take the models, loaded."""
        self._finder = finder
        self._nothing = Vocab()

    @override
    def load(self) -> None:
        """Do nothing: the models were loaded before."""

    @override
    def is_loaded(self) -> bool:
        """Return True: an engine without models cannot be made."""
        return True

    @override
    def process_text(self, text: str, language: str) -> "NameArtifacts":
        """Return what the models find in a text."""
        return NameArtifacts(self._finder.find(text), Doc(self._nothing))

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


class SiteRule:
    """Find the facilities and local forms of identifiers on the site's own list."""

    name = "site"

    def __init__(self, site: Site) -> None:
        """Compile the list."""
        names = sorted((re.escape(name).replace(r"\ ", r"\s+") for name in site.facilities if name), key=len)
        self._facilities = re.compile(rf"(?<!\w)(?:{'|'.join(reversed(names))})(?!\w)", re.IGNORECASE)
        self._formats = site.id_formats if not names else site.id_formats
        self._has_facilities = bool(names)

    def find(self, text: str) -> Iterator[Finding]:
        """Yield facilities and identifiers of local form."""
        if self._has_facilities:
            for match in self._facilities.finditer(text):
                yield self._finding(Kind.LOCATION, match)
        for form in self._formats:
            for match in form.pattern.finditer(text):
                if match.end() > match.start():
                    yield self._finding(form.kind, match)

    def _finding(self, kind: Kind, match: re.Match[str]) -> Finding:
        return Finding(kind=kind, start=match.start(), end=match.end(), score=_SITE_SCORE, recognizer=self.name)


class Analyzer:
    """Hold everything that finds; one thread uses it."""

    def __init__(self, engine: NlpEngine, *, rules: Iterable[Rule], site: Site) -> None:
        """Take the parts; `open` is how the product gets one."""
        self._engine = engine
        recognizers = [NameRecognizer(), *(RuleRecognizer(rule) for rule in (*rules, SiteRule(site)))]
        registry = RecognizerRegistry(recognizers, supported_languages=[_LANGUAGE])
        self._recognizers = registry.recognizers

    @classmethod
    def open(cls, models: Path, *, site: Site) -> Self:
        """Check and load the models.  Raises PhiGuardUnavailableError for a missing or changed file."""
        check_files(models)
        return cls(NameEngine(NameFinder(models)), rules=ALL, site=site)

    def find(self, text: str) -> tuple[Finding, ...]:
        """Return the findings of a text without overlaps, in order of place."""
        plain = normalise(text)
        found = list(self._found(plain.text))
        for part in decoded(plain.text):
            found += [_moved(finding, *part.origin(finding.start, finding.end)) for finding in self._found(part.text)]
        return without_overlaps([_moved(finding, *plain.origin(finding.start, finding.end)) for finding in found])

    def _found(self, text: str) -> Iterator[Finding]:
        artifacts = self._engine.process_text(text, _LANGUAGE)
        for recognizer in self._recognizers:
            for result in recognizer.analyze(text, recognizer.supported_entities, artifacts):
                yield _finding(result)


def _moved(finding: Finding, start: int, end: int) -> Finding:
    return Finding(kind=finding.kind, start=start, end=end, score=finding.score, recognizer=finding.recognizer)


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
