"""Ask the Rampart model, a 6-layer BERT for personal data, how likely each word is a part of a name or place.

Model: National Design Studio, "Rampart", CC BY 4.0 (LICENSE and NOTICE lie beside the model file).  Only the names of
people and places are read from it; numbers are left to the rules, which are surer.  It runs on one core, opens no
socket, and its session holds no text after a call.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from appliance.phi.names.int8 import to_int8
from appliance.phi.names.runtime import onnxruntime

PERSON_LABELS = frozenset({"GIVEN_NAME", "SURNAME"})
"""Labels of the model that mean a person."""

PLACE_LABELS = frozenset({"CITY", "STREET_NAME", "SECONDARY_ADDRESS", "BUILDING_NUMBER"})
"""Labels of the model that mean a place smaller than a state."""

MAX_TOKENS = 256
"""Longest sequence that is run; the model takes 512, and half of it keeps memory and time even."""

MAX_BATCH_TOKENS = 1024
"""Padded tokens of one run: what bounds the memory of the activations (about 60 MB)."""

_QUIET = 3
"""ONNX Runtime's log level "error": its warnings speak of the graph only, and there must be none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """What the model says of the pieces of one window."""

    offsets: Sequence[tuple[int, int]]
    """Place of each piece in the window."""

    person: NDArray[np.float32]
    """Probability of each piece to be in the name of a person."""

    place: NDArray[np.float32]

    any: NDArray[np.float32]
    """Probability of each piece to be anything personal."""


class Rampart:
    """Hold one session of the model."""

    def __init__(self, folder: Path) -> None:
        """Load the model from a folder whose files were checked (`model_files`)."""
        labels: Mapping[str, str] = json.loads((folder / "config.json").read_text())["id2label"]
        names = [labels[str(number)].partition("-")[2] for number in range(len(labels))]
        self._person = np.array([name in PERSON_LABELS for name in names])
        self._place = np.array([name in PLACE_LABELS for name in names])
        self._nothing = names.index("")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._first = self._token("[CLS]")
        self._last = self._token("[SEP]")
        self._session = onnxruntime.InferenceSession(
            to_int8((folder / "model_q4.onnx").read_bytes()), _options(), providers=["CPUExecutionProvider"]
        )

    def _token(self, name: str) -> int:
        token: int | None = self._tokenizer.token_to_id(name)
        assert token is not None  # noqa: S101 - the file was checked
        return token

    def read(self, windows: Sequence[str]) -> list[Pieces]:
        """Return what the model says of each window; a window's pieces after `MAX_TOKENS` are not judged."""
        encodings = [self._tokenizer.encode(window, add_special_tokens=False) for window in windows]
        rows = [(encoding.ids[: MAX_TOKENS - 2], encoding.offsets[: MAX_TOKENS - 2]) for encoding in encodings]
        out: dict[int, Pieces] = {}
        for batch in _batches([len(ids) + 2 for ids, _ in rows]):
            logits = self._run([rows[index][0] for index in batch])
            for row, index in enumerate(batch):
                out[index] = self._pieces(logits[row], rows[index][1])
        return [out[index] for index in range(len(windows))]

    def _run(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        length = max(map(len, rows)) + 2
        ids = np.zeros((len(rows), length), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens) + 2] = [self._first, *tokens, self._last]
            mask[row, : len(tokens) + 2] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        logits: NDArray[np.float32] = self._session.run(None, feed)[0]
        return logits

    def _pieces(self, logits: NDArray[np.float32], offsets: Sequence[tuple[int, int]]) -> Pieces:
        raised = np.exp(logits[1 : len(offsets) + 1] - logits[1 : len(offsets) + 1].max(-1, keepdims=True))
        probabilities = raised / raised.sum(-1, keepdims=True)
        return Pieces(
            offsets=offsets,
            person=probabilities[:, self._person].sum(-1),
            place=probabilities[:, self._place].sum(-1),
            any=1 - probabilities[:, self._nothing],
        )


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    return options


def _batches(lengths: Sequence[int]) -> Iterable[list[int]]:
    """Group windows of like length, so that little of a batch is padding."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[index] * (len(batch) + 1) > MAX_BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
