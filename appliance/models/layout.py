"""Read from a folder of weights what vLLM will make of it, and refuse what it should never be given.

Weights come from outside: a folder that asks for its own code (`auto_map`, CVE-2025-66448, CVE-2026-22807), carries
pickles, or lacks a shard is refused when it is pinned, not when a patient waits.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from appliance.errors import ConfigError
from appliance.models.manifest import Quantization, open_itself
from appliance.models.tree import Tree

MAX_JSON_BYTES = 64 * 1024 * 1024
"""A 70B model's index is 100 kB and the header of one shard about as large."""

LENGTH_BYTES = 8
"""A safetensors file begins with the length of its header, little-endian (safetensors format)."""

TOKENIZERS = frozenset({"tokenizer.json", "tokenizer.model"})

INDEX = "model.safetensors.index.json"
"""Says in which shard each tensor lies."""

HALF_PRECISION_BITS = 16


class _Foreign(BaseModel):
    """A foreign file's part that we read; what else is in it is not ours to judge."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Weights(_Foreign):
    num_bits: int
    symmetric: bool = True
    group_size: int | None = None


class _Group(_Foreign):
    weights: _Weights


class _QuantizationConfig(_Foreign):
    quant_method: str
    bits: int = Field(default=0, validation_alias="bits")
    w_bit: int = 0
    """AutoAWQ's older name of `bits`."""

    group_size: int | None = None
    q_group_size: int | None = None
    """AutoAWQ's older name of `group_size`."""

    zero_point: bool = True
    """AWQ: groups have a zero point, so they are not symmetric."""

    sym: bool = True
    """GPTQ's word for symmetric."""

    config_groups: Mapping[str, _Group] = {}
    """compressed-tensors: one scheme for each group of layers."""


class _Config(_Foreign):
    architectures: tuple[str, ...] = Field(min_length=1)
    auto_map: JsonValue = None
    """Names Python classes in the folder that the loader should run."""

    quantization_config: _QuantizationConfig | None = None


def check_layout(folder: Path, tree: Tree) -> Quantization:
    """Return how the weights are stored.  Raises ConfigError naming what is wrong and what to do."""
    if tree.misplaced:
        named = "; ".join(f"{path} {reason}" for path, reason in sorted(tree.misplaced.items())[:10])
        raise ConfigError(f"{folder} holds what no model may hold: {named}. Remove it and pin again.")
    config = _read_config(folder, tree)
    if not TOKENIZERS & tree.files.keys():
        raise ConfigError(f"{folder} has no tokenizer.json; fetch the tokenizer of this model too.")
    _check_shards(folder, tree)
    return _quantization(folder, config.quantization_config)


def _read_config(folder: Path, tree: Tree) -> _Config:
    if "config.json" not in tree.files:
        raise ConfigError(f"{folder} has no config.json: it is not a model in Hugging Face's layout, which vLLM loads.")
    try:
        config = _Config.model_validate(_read_json(folder / "config.json"))
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise ConfigError(f"{folder / 'config.json'}: '{place}' is not as vLLM needs it.") from error
    if config.auto_map is not None:
        raise ConfigError(
            f"{folder / 'config.json'} asks for code of its own (auto_map); only models that vLLM knows are served."
        )
    return config


def _check_shards(folder: Path, tree: Tree) -> None:
    shards = {path for path in tree.files if path.endswith(".safetensors")}
    if INDEX in tree.files:
        index = _read_json(folder / INDEX)
        wanted = index.get("weight_map") if isinstance(index, dict) else None
        if not isinstance(wanted, dict) or not wanted:
            raise ConfigError(f"{folder / INDEX} names no shards; fetch it again.")
        missing = sorted({str(shard) for shard in wanted.values()} - shards)
        if missing:
            raise ConfigError(f"{folder} lacks {', '.join(missing)}, named in {INDEX}; fetch it again.")
    if not shards:
        raise ConfigError(f"{folder} has no .safetensors file; convert the weights, other formats are not served.")
    for shard in sorted(shards):
        _check_whole(folder / shard, tree.files[shard])


def _check_whole(path: Path, size: int) -> None:
    """Compare a shard's length with what its own header says: a broken download is the usual fault."""
    with open_itself(path) as file:
        header_size = int.from_bytes(file.read(LENGTH_BYTES), "little")
        header = file.read(min(header_size, MAX_JSON_BYTES))
    ends = [LENGTH_BYTES + header_size + end for end in _tensor_ends(header)]
    if len(header) != header_size or not ends or max(ends) != size:
        raise ConfigError(f"{path} is cut off or is no safetensors file; fetch it again.")


def _tensor_ends(header: bytes) -> list[int]:
    try:
        tensors = json.loads(header)
        return [int(tensor["data_offsets"][1]) for name, tensor in tensors.items() if name != "__metadata__"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def _read_json(path: Path) -> object:
    with open_itself(path) as file:
        data = file.read(MAX_JSON_BYTES + 1)
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON; fetch it again.") from error
    return value


def _quantization(folder: Path, config: _QuantizationConfig | None) -> Quantization:
    if config is None:
        return Quantization(method="none", container="none", bits=HALF_PRECISION_BITS, group_size=0, symmetric=True)
    bits, group_size = config.bits or config.w_bit, config.group_size or config.q_group_size or -1
    match config.quant_method:
        case "awq":
            symmetric = not config.zero_point
        case "gptq":
            symmetric = config.sym
        case "compressed-tensors":
            return _compressed_tensors(folder, config)
        case _:
            raise ConfigError(
                f"{folder / 'config.json'}: quantization '{config.quant_method[:40]}' is not served; "
                "use awq, gptq or compressed-tensors (made with llm-compressor)."
            )
    if not bits:
        raise ConfigError(f"{folder / 'config.json'}: 'quantization_config.bits' is missing.")
    return Quantization(
        method=config.quant_method, container=config.quant_method, bits=bits, group_size=group_size, symmetric=symmetric
    )


def _compressed_tensors(folder: Path, config: _QuantizationConfig) -> Quantization:
    weights = [group.weights for group in config.config_groups.values()]
    schemes = {(part.num_bits, part.group_size or -1, part.symmetric) for part in weights}
    if len(schemes) != 1:
        raise ConfigError(f"{folder / 'config.json'}: one scheme for all layers is served, found {len(schemes)}.")
    bits, group_size, symmetric = schemes.pop()
    name = config.quant_method
    return Quantization(method=name, container=name, bits=bits, group_size=group_size, symmetric=symmetric)
