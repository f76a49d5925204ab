"""Find the names of people and places in one text by what two models and the word lists say together.

A word is judged whole.  What the models say decides; the lists only keep clinical words from being taken for names
and show which parts of a long text are worth a model's time.  See `names.windows` for what is read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from appliance.phi.findings import Finding, Kind
from appliance.phi.names.entities import PERSON, PLACE, Entities
from appliance.phi.names.rampart import Rampart
from appliance.phi.names.words import GAP, WORD

_WINDOW, _OVERLAP = 480, 96


class NameFinder:
    """Hold both models."""

    def __init__(self, models: Path) -> None:
        self._rampart = Rampart(models / "rampart")
        self._entities = Entities(models / "spacy")

    def find(self, text: str) -> list[Finding]:
        """Return names and places in order of place."""
        person = np.zeros(len(text), np.float32)
        place = np.zeros(len(text), np.float32)
        starts = list(range(0, max(len(text) - _OVERLAP, 1), _WINDOW - _OVERLAP))
        windows = [text[start : start + _WINDOW] for start in starts]
        for start, pieces in zip(starts, self._rampart.read(windows), strict=True):
            for (begin, end), who, where in zip(pieces.offsets, pieces.person, pieces.place, strict=True):
                person[start + begin : start + end] = who
                place[start + begin : start + end] = where
        for start, found in zip(starts, self._entities.read(windows), strict=True):
            for begin, end, label in found:
                if label in PERSON:
                    person[start + begin : start + end] += 0.5
                elif label in PLACE:
                    place[start + begin : start + end] += 0.5
        return list(self._findings(text, person, place))

    def _findings(self, text, person, place):
        last = None
        for word in WORD.finditer(text):
            start, end = word.span()
            p, l = float(person[start:end].mean()), float(place[start:end].mean())
            if max(p, l) < 0.5 or word[0][0].isdigit():
                continue
            kind = Kind.NAME if p >= l else Kind.LOCATION
            if last and last.kind == kind and GAP.fullmatch(text, last.end, start):
                last = Finding(kind=kind, start=last.start, end=end, score=min(1.0, max(p, l)), recognizer="names")
                continue
            if last:
                yield last
            last = Finding(kind=kind, start=start, end=end, score=min(1.0, max(p, l)), recognizer="names")
        if last:
            yield last
