"""Find the names of people and places in one text, by word lists first and by two models for what is left.

The steps of `NameFinder.find`, each of which judges only the words that those before it left doubtful:

1. **lists**: a given name that is nothing else, with what follows it, is a name (`names.runs`);
2. **entities**: spaCy reads what stands around the doubtful words;
3. **Rampart** reads what stands around the words that are doubtful still.

A word of the clinical lists is never a name by itself, and a surname that a disease is called by is none where the
disease's head word follows.  Words are judged whole and joined to names at the end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from appliance.phi.findings import Finding, Kind
from appliance.phi.names.beside import persons_beside
from appliance.phi.names.entities import Entities
from appliance.phi.names.kinds import is_after_at, kind_of
from appliance.phi.names.lexicon import ASKED, Lexicon, Look
from appliance.phi.names.rampart import Pieces, Rampart
from appliance.phi.names.runs import goes_on, is_eponym_used, sure_names, sure_towns
from appliance.phi.names.verdicts import Verdicts, findings
from appliance.phi.names.words import Word, pieces, read_words, windows

_SURE, _LIKELY = 0.5, 0.2
"""Share that Rampart must give a word: any word, and a word that lists know as a name."""

_NEVER = 2.0
"""No probability is as high."""

_BY_LISTS, _BY_ENTITIES, _BY_PREPOSITION = 0.8, 0.75, 0.6
"""Scores of what the lists, spaCy and a preposition find; Rampart's words have their own."""


class NameFinder:
    """Hold both models and the lists; one thread uses it."""

    def __init__(self, models: Path) -> None:
        """Load the models from a folder whose files were checked (`model_files`)."""
        self._rampart = Rampart(models / "rampart")
        self._lexicon = Lexicon()
        self._entities = Entities(models / "spacy", known=self._lexicon.common())

    def use(self, ordinary: frozenset[str]) -> None:
        """Take the site's own words that are no names, in place of those taken before."""
        self._lexicon = Lexicon(ordinary)

    def find(self, text: str, found: Sequence[Finding] = ()) -> list[Finding]:
        """Return names and places in order of place; words that were found before are not asked about."""
        places: list[Finding] = []
        for start, end in pieces(text):
            within = [_moved(each, -start) for each in found if start <= each.start < end]
            places += (_moved(each, start) for each in self._find_in_piece(text[start:end], within))
        return places

    def _find_in_piece(self, text: str, found: Sequence[Finding]) -> Iterator[Finding]:
        words = read_words(text, self._lexicon)
        verdicts = Verdicts(words)
        for each in found:
            verdicts.close(each.start, each.end, each.kind)
        for index in sure_towns(text, words, self._lexicon):
            verdicts.accept(index, Kind.LOCATION, _BY_LISTS)
        for index in self._sure_persons(text, words, verdicts):
            verdicts.accept(index, Kind.NAME, _BY_LISTS)
        self._ask_entities(text, words, verdicts)
        self._ask_rampart(text, words, verdicts)
        self._accept_systems(text, words, verdicts)
        self._accept_proper_places(text, words, verdicts)
        self._widen_places(text, words, verdicts)
        return findings(text, words, verdicts)

    def _sure_persons(self, text: str, words: Sequence[Word], verdicts: Verdicts) -> Iterator[int]:
        """Yield the words that are names by the lists and by the words beside them alone."""
        yield from sure_names(text, words, self._lexicon)
        yield from persons_beside(text, words, self._lexicon)
        for index, word in enumerate(words):
            is_begun = index and word.is_capital and verdicts.kind(index - 1) is Kind.NAME and verdicts.is_open(index)
            if word.look is Look.FOREIGN or (is_begun and goes_on(text, words, index, self._lexicon)):
                yield index

    def _doubtful(self, words: Sequence[Word], verdicts: Verdicts) -> list[int]:
        return [
            index
            for index, word in enumerate(words)
            if word.look in ASKED and verdicts.is_open(index) and not is_eponym_used(words, index, self._lexicon)
        ]

    def _ask_entities(self, text: str, words: Sequence[Word], verdicts: Verdicts) -> None:
        """Judge by spaCy the doubtful words that are written as names are."""
        doubtful = [index for index in self._doubtful(words, verdicts) if words[index].is_capital]
        spans = windows(text, words, doubtful)
        for (base, _), found in zip(spans, self._entities.read([text[a:b] for a, b in spans]), strict=True):
            for start, end, label in found:
                self._judge_entity(text, words, verdicts, (base + start, base + end, label))

    def _judge_entity(self, text: str, words: Sequence[Word], verdicts: Verdicts, entity: tuple[int, int, str]) -> None:
        start, end, _ = entity
        inside = verdicts.within(start, end)
        if not any(words[index].look in ASKED or words[index].look is Look.GIVEN for index in inside):
            return
        kind = kind_of(text, [words[index] for index in inside], entity, self._lexicon)
        if kind is None:
            return
        for index in _trimmed(words, inside, kind, self._lexicon):
            if verdicts.is_open(index) and not is_eponym_used(words, index, self._lexicon):
                verdicts.accept(index, kind, _BY_ENTITIES)

    def _ask_rampart(self, text: str, words: Sequence[Word], verdicts: Verdicts) -> None:
        """Judge by Rampart the words that are doubtful still."""
        doubtful = self._doubtful(words, verdicts)
        spans = windows(text, words, doubtful)
        for (base, end), said in zip(spans, self._rampart.read([text[a:b] for a, b in spans]), strict=True):
            person, place = _by_character(said, end - base)
            for index in verdicts.within(base, end):
                if not verdicts.is_open(index):
                    continue
                word = words[index]
                here = slice(word.start - base, word.end - base)
                who, where = float(person[here].mean()), float(place[here].mean())
                if who + where >= self._needed(words, index):
                    verdicts.accept(index, Kind.NAME if who >= where else Kind.LOCATION, min(who + where, 1.0))

    def _accept_systems(self, text: str, words: Sequence[Word], verdicts: Verdicts) -> None:
        """Accept hospitals that people call by one word or by letters: those letters anywhere, a word after "at"."""
        for index, word in enumerate(words):
            if not word.is_capital or not verdicts.is_open(index) or not self._lexicon.is_system(word.text):
                continue
            if word.text.isupper() or is_after_at(text, word.start):
                verdicts.accept(index, Kind.LOCATION, _BY_ENTITIES)

    def _accept_proper_places(self, text: str, words: Sequence[Word], verdicts: Verdicts) -> None:
        """Accept two capitalised words after "at" in a sentence: ``seen at Cedar Crest``."""
        for index in range(1, len(words) - 1):
            if words[index - 1].text == "at" and text[words[index].end : words[index + 1].start] == " ":
                pair = (index, index + 1)
                if all(self._may_be_of_place(words[each]) and verdicts.is_open(each) for each in pair):
                    for each in pair:
                        verdicts.accept(each, Kind.LOCATION, _BY_PREPOSITION)

    def _may_be_of_place(self, word: Word) -> bool:
        is_written_so = word.text[:1].isupper() and word.text[1:2].islower() and word.text.isalpha()
        return is_written_so and word.look is not Look.CLINICAL and not self._lexicon.is_never(word.text)

    def _widen_places(self, text: str, words: Sequence[Word], verdicts: Verdicts) -> None:
        """Take in what kind of place it is, in any case, and its land: ``Dallas clinic``, ``Ghent, Belgium``."""
        for index in range(1, len(words)):
            if verdicts.kind(index - 1) is not Kind.LOCATION or not verdicts.is_open(index):
                continue
            gap, lower = text[words[index - 1].end : words[index].start], words[index].text.lower()
            is_land = gap in {", ", " "} and words[index].is_capital and lower in self._lexicon.lands
            if is_land or (gap == " " and lower in self._lexicon.facilities):
                verdicts.accept(index, Kind.LOCATION, _BY_ENTITIES)

    def _needed(self, words: Sequence[Word], index: int) -> float:
        """Return how sure Rampart must be of this word."""
        word = words[index]
        if word.look in {Look.CLINICAL, Look.ORDINARY, Look.ACRONYM} or is_eponym_used(words, index, self._lexicon):
            return _NEVER
        if word.look is Look.INITIAL and not any(
            _may_have_initial(each) for each in words[max(index - 1, 0) : index + 2]
        ):
            return _NEVER
        return _LIKELY if word.look in {Look.PERHAPS, Look.GIVEN} and word.is_capital else _SURE


def _moved(finding: Finding, by: int) -> Finding:
    return replace(finding, start=finding.start + by, end=finding.end + by) if by else finding


def _trimmed(words: Sequence[Word], inside: Sequence[int], kind: Kind, lexicon: Lexicon) -> Sequence[int]:
    """Leave out ordinary and clinical words at both ends of what a model took for one entity."""
    wanted = [index for index in inside if _may_end_entity(words[index], kind, lexicon)]
    is_more_than_initials = any(words[index].look is not Look.INITIAL for index in wanted)
    return range(wanted[0], wanted[-1] + 1) if is_more_than_initials else ()


def _may_end_entity(word: Word, kind: Kind, lexicon: Lexicon) -> bool:
    if word.look is Look.ORDINARY:
        is_land = word.text.lower() in lexicon.lands
        return word.is_capital and not is_land and (kind is Kind.LOCATION or lexicon.is_name(word.text))
    return word.look is not Look.CLINICAL


def _may_have_initial(word: Word) -> bool:
    return word.is_capital and (word.look in ASKED or word.look is Look.GIVEN)


def _by_character(pieces: Pieces, length: int) -> tuple[np.ndarray, np.ndarray]:
    person, place = np.zeros(length, np.float32), np.zeros(length, np.float32)
    for (start, end), who, where in zip(pieces.offsets, pieces.person, pieces.place, strict=True):
        person[start:end], place[start:end] = who, where
    return person, place
