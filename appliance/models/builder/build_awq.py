"""Build an AWQ 4-bit model from a pinned GGUF file.  Runs in the builder's environment, never in the gateway's.

Writes one JSON object a line to the descriptor `--report`: `{"step", "done", "total"}` while it works, `{"tools"}`
at the end; standard output is the libraries' (they print while they are imported).  It fetches nothing, writes below
`--output` only, and stops if the weights that it finds are not those whose digest it was given.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import torch
from gguf import GGUFReader
from llmcompressor import oneshot
from llmcompressor.modifiers.quantization import QuantizationModifier
from llmcompressor.modifiers.transform.awq import AWQModifier
from llmcompressor.pipelines.cache import IntermediatesCache
from pydantic import PrivateAttr
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    GenerationConfig,
    GgufConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

SEED = 0
"""Of everything that draws numbers, so that two builds choose the same scales."""

THREADS = 2
"""Sums split over more threads round differently; two is what the smallest supported machine has."""

GRID = 4
"""Points of AWQ's search for each scale; 20, the default, takes five times as long."""

WINDOW_TOKENS = 128
"""Length of a calibration sequence: about one note."""

WINDOWS = 20
"""Calibration sequences, spread over the whole text; the time that the search takes grows with them."""

BATCH = 10
"""Sequences run at once; keeps the search under 2 GB of memory."""

SCHEME = {
    "group_0": {
        "targets": ["Linear"],
        "weights": {"num_bits": 4, "type": "int", "symmetric": False, "strategy": "group", "group_size": 32},
    }
}
"""W4A16, asymmetric, groups of 32: what vLLM's CPU kernel and Marlin both read."""

SPECIAL_TOKEN = 3
"""GGUF's type of a control token (ggml ``LLAMA_TOKEN_TYPE_CONTROL``)."""

TOOLS = ("compressed-tensors", "gguf", "llmcompressor", "safetensors", "tokenizers", "torch", "transformers")
"""Packages whose versions decide the bytes."""

Say = Callable[[dict[str, object]], None]


def main() -> None:
    """Run all steps in order."""
    options = _options()
    say = _speaker(options.report)
    torch.manual_seed(SEED)
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(mode=True)

    say({"step": "reading the source", "done": 0, "total": 1})
    source = find_weights(options.package, options.weights, options.sha256)
    tokenizer = read_tokenizer(GGUFReader(source))
    model = read_model(source, options.output)
    say({"step": "reading the source", "done": 1, "total": 1})

    quantize(model, tokenizer, windows=calibration_windows(tokenizer, options.calibration), say=say)

    say({"step": "writing", "done": 0, "total": 1})
    write(model, tokenizer, options)
    say({"step": "writing", "done": 1, "total": 1})
    say({"tools": {"python": platform.python_version(), **{name: version(name) for name in TOOLS}}})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build an AWQ 4-bit model from a pinned GGUF file.")
    parser.add_argument("--name", required=True, help="the model's name")
    parser.add_argument("--package", required=True, help="package that carries the weights")
    parser.add_argument("--weights", required=True, help="file of the package")
    parser.add_argument("--sha256", required=True, help="what the file must hash to")
    parser.add_argument("--calibration", required=True, type=Path, help="JSON lines with 'ask' and 'answer'")
    parser.add_argument("--output", required=True, type=Path, help="an empty folder")
    parser.add_argument("--report", required=True, type=int, help="open descriptor for what this program says")
    return parser.parse_args()


def _speaker(descriptor: int) -> Say:
    lines = os.fdopen(descriptor, "w", buffering=1)

    def say(line: dict[str, object]) -> None:
        lines.write(json.dumps(line) + "\n")

    return say


def find_weights(package: str, weights: str, sha256: str) -> Path:
    """Locate the file in its package without importing the package, and check its digest."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        sys.exit(f"package {package} is not installed")
    path = Path(found.submodule_search_locations[0]) / weights
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            sys.exit(f"{weights} is not the file that was pinned")
    return path


def read_tokenizer(reader: GGUFReader) -> PreTrainedTokenizerBase:
    """Make the tokenizer from the vocabulary and merges in the file.

    transformers' own conversion leaves out that SmolLM splits every digit, and mixes up the special tokens.
    """

    def field(name: str) -> object:
        return reader.fields[f"tokenizer.{name}"].contents()

    tokens = field("ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in field("ggml.merges")]
    made = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, field("ggml.token_type"), strict=True) if kind == SPECIAL_TOKEN]
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=tokens[field("ggml.bos_token_id")],
        eos_token=tokens[field("ggml.eos_token_id")],
        unk_token=tokens[field("ggml.unknown_token_id")],
        pad_token=tokens[field("ggml.padding_token_id")],
        model_max_length=reader.fields["llama.context_length"].contents(),
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = field("chat_template")
    return tokenizer


def read_model(source: Path, output: Path) -> PreTrainedModel:
    """Load the weights as float32, in which a machine without bfloat16 instructions computes fastest."""
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
    )
    # llmcompressor reads the configuration again from where the model came from, and a GGUF file has none there.
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(output)
    model.config.name_or_path = str(output)
    return model


def calibration_windows(tokenizer: PreTrainedTokenizerBase, path: Path) -> torch.Tensor:
    """Return the text as turns of a chat, cut into sequences of one length, so that nothing is padded."""
    tokens: list[int] = []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        turns = [{"role": "user", "content": row["ask"]}, {"role": "assistant", "content": row["answer"]}]
        tokens += tokenizer(tokenizer.apply_chat_template(turns, tokenize=False))["input_ids"]
    step = (len(tokens) - WINDOW_TOKENS) // (WINDOWS - 1)
    if step < WINDOW_TOKENS:
        sys.exit(f"{path} is too short: {len(tokens)} tokens for {WINDOWS} sequences of {WINDOW_TOKENS}")
    return torch.tensor([tokens[index * step : index * step + WINDOW_TOKENS] for index in range(WINDOWS)])


class CountingAWQModifier(AWQModifier):
    """AWQ that tells how many of its scales are found."""

    _say: Say = PrivateAttr()
    _found: int = PrivateAttr(default=0)

    def _compute_best_scale(self, *args: object, **options: object) -> torch.Tensor:
        scales = super()._compute_best_scale(*args, **options)
        self._found += 1
        self._say({"step": "finding scales", "done": self._found, "total": len(self._resolved_mappings)})
        return scales


def quantize(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, windows: torch.Tensor, say: Say) -> None:
    """Choose the scales and round the weights, in place."""
    if not torch.accelerator.is_available():
        # The cache pins memory for a GPU whether there is one or not, and torch refuses that without one.
        IntermediatesCache.pin_memory = lambda *_, **__: None
    # Scales by activations alone include "leave it as it is", which suits weights that were 4 bit before: with the
    # weights' means in them (duo scaling) the perplexity was the same, but drafts ran into loops.
    awq = CountingAWQModifier(n_grid=GRID, duo_scaling=False)
    awq._say = say  # noqa: SLF001 - our own class's
    batches = [{"input_ids": batch, "attention_mask": torch.ones_like(batch)} for batch in windows.split(BATCH)]
    oneshot(
        model=model,
        tokenizer=tokenizer,
        dataset=torch.utils.data.DataLoader(batches, batch_size=None),
        recipe=[awq, QuantizationModifier(config_groups=SCHEME, ignore=["lm_head"])],
        pipeline="sequential",
        num_calibration_samples=len(windows),
    )


def write(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, options: argparse.Namespace) -> None:
    """Write what vLLM reads, and nothing that names this machine."""
    model.to(torch.bfloat16)
    identifiers = {name: getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    model.generation_config = GenerationConfig(**{f"{name}_token_id": value for name, value in identifiers.items()})
    model.save_pretrained(options.output, save_compressed=True)
    tokenizer.save_pretrained(options.output)
    options.output.joinpath("recipe.yaml").unlink(missing_ok=True)  # the manifest has the recipe
    path = options.output / "config.json"
    settings = {**json.loads(path.read_text()), "_name_or_path": options.name, "_model_name_or_path": options.name}
    path.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
