"""Small folders in a model's layout, and a builder that speaks the real one's protocol."""

import json
import shlex
import struct
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from appliance.models.catalogue import SMOLLM2, Recipe
from appliance.models.manifest import Manifest
from appliance.models.pin import Statement, pin

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

STATEMENT = Statement(name="llama-3.3-70b-awq", source="https://example.org/llama at 1a2b3c", licence="llama3.3")

AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}


def shard(size: int = 64) -> bytes:
    """Return a whole safetensors file with one tensor of so many bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(range(256)) * (size // 256) + bytes(size % 256)


def config(**more: object) -> str:
    """Return a config.json for an AWQ Llama."""
    return json.dumps({"architectures": ["LlamaForCausalLM"], "quantization_config": AWQ, **more})


def weights_folder(folder: Path) -> Path:
    """Make a folder of weights as a site is given one: two shards, their index, config and tokenizer."""
    folder.mkdir(parents=True)
    folder.joinpath("config.json").write_text(config())
    folder.joinpath("tokenizer.json").write_text("{}")
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        folder.joinpath(name).write_bytes(shard())
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    folder.joinpath("model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def pinned_folder(folder: Path) -> Path:
    """Make such a folder with its manifest."""
    pin(weights_folder(folder), STATEMENT, now=NOW)
    return folder


def manifest_of(files: dict[str, bytes]) -> Manifest:
    """Return a manifest that lists such files."""
    text = {
        "name": "a-model",
        "source": "somewhere",
        "licence": "Apache-2.0",
        "created": "2026-11-23T12:00:00Z",
        "quantization": {"method": "none", "container": "none", "bits": 16, "group_size": 0, "symmetric": True},
        "files": {path: {"sha256": "0" * 64, "size": len(content)} for path, content in files.items()},
    }
    return Manifest.model_validate_json(json.dumps(text))


def recipe(tmp_path: Path) -> Recipe:
    """Return the embedded default's recipe with a calibration text of one line."""
    calibration = tmp_path / "calibration.jsonl"
    calibration.write_text('{"ask": "a", "answer": "b"}\n')
    return replace(SMOLLM2, calibration=calibration)


SCRIPT = """\
import argparse, json, os, pathlib, signal, sys, time
parser = argparse.ArgumentParser()
for name in ("name", "package", "weights", "sha256", "calibration"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--output", required=True, type=pathlib.Path)
parser.add_argument("--report", required=True, type=int)
options = parser.parse_args([a for a in sys.argv[1:] if a not in ("-P", "-s") and not a.endswith("build_awq.py")])
lines = os.fdopen(options.report, "w", buffering=1)
say = lambda **line: lines.write(json.dumps(line) + "\\n")
print("a library's banner")
say(step="finding scales", done=1, total=2)
options.output.joinpath("model.safetensors").write_bytes(b"weights")
options.output.joinpath("config.json").write_text("{}")
"""

ENDINGS = {
    "builds": 'say(step="finding scales", done=2, total=2); say(tools={"torch": "2.13.0"})',
    "fails": 'print("no memory", file=sys.stderr); sys.exit(3)',
    "says nothing at the end": "",
    "talks nonsense": 'lines.write("hello\\n"); lines.flush(); time.sleep(60)',
    "leaves code": 'options.output.joinpath("modeling.py").write_text("import os"); say(tools={"torch": "2.13.0"})',
    "hangs": 'options.output.joinpath("pid").write_text(str(os.getpid())); time.sleep(60)',
    "tells its environment": 'say(tools=dict(sorted((k, v or "-") for k, v in os.environ.items())))',
}
"""How a builder may end."""


def builder(tmp_path: Path, ending: str) -> Path:
    """Return an interpreter that behaves as the builder's environment does, up to its ending."""
    script = tmp_path / "builder.py"
    script.write_text(SCRIPT + ENDINGS[ending] + "\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
    python.chmod(0o755)
    return python
