"""Ask spaCy's entity recognizer, which learned from news and talk, for people and places.

Only the component `ner` is loaded, with the vectors that it reads; the pipeline's 700,000 strings stay on disk,
because they take 130 MB and change no answer.  Model: Explosion, en_core_web_md, MIT.  Organisations, groups,
dates and numbers that it finds are not used: in clinical text most of them are none.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spacy.language import Language
from spacy.pipeline import EntityRecognizer
from spacy.tokenizer import Tokenizer  # type: ignore[import-not-found]
from spacy.util import load_config, load_model_from_config

PERSON = frozenset({"PERSON"})
PLACE = frozenset({"GPE", "LOC", "FAC"})

_BATCH = 64
"""Windows that are read in one go."""


class Entities:
    """Hold one pipeline with nothing but the entity recognizer."""

    def __init__(self, folder: Path, *, known: Iterable[str] = ()) -> None:
        """Load the model from a folder whose files were checked (`model_files`); `known` words are read faster."""
        config = load_config(folder / "config.cfg")
        components = set(config["components"]) - {"ner"}
        self._pipeline: Language = load_model_from_config(config, vocab=True, exclude=sorted(components))
        tokenizer, recognizer = self._pipeline.tokenizer, self._pipeline.get_pipe("ner")
        assert isinstance(tokenizer, Tokenizer)  # noqa: S101 - the file was checked
        assert isinstance(recognizer, EntityRecognizer)  # noqa: S101 - the file was checked
        self._pipeline.vocab.from_disk(folder / "vocab", exclude=["strings"])
        tokenizer.from_disk(folder / "tokenizer", exclude=["vocab"])
        recognizer.from_disk(folder / "ner", exclude=["vocab"])
        # What a text brings into the vocabulary is forgotten after it, so what is common is learnt before.
        for word in known:
            _ = self._pipeline.vocab[word]

    def read(self, windows: Sequence[str]) -> Iterator[list[tuple[int, int, str]]]:
        """Yield start, end and label of what is found in each window, in order."""
        with self._pipeline.memory_zone():
            for document in self._pipeline.pipe(windows, batch_size=_BATCH):
                yield [(entity.start_char, entity.end_char, entity.label_) for entity in document.ents]
