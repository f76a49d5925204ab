"""The real embedded model and the real builder; `make test` sets both up first."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from appliance.cli.model import BUILDER_PYTHON
from appliance.config import CHECKOUT, EngineConfig
from appliance.errors import ManifestMismatchError
from appliance.models.catalogue import SMOLLM2
from appliance.models.layout import check_layout
from appliance.models.tree import list_tree
from appliance.models.verify import verify

MODEL = EngineConfig().model

needs_model = pytest.mark.skipif(not MODEL.exists(), reason="the embedded model is not built: run 'make model'")
needs_builder = pytest.mark.skipif(not BUILDER_PYTHON.exists(), reason="no builder environment: run 'make model'")


@needs_model
def test_the_embedded_model_is_the_one_that_its_recipe_describes() -> None:
    manifest = verify(MODEL)

    assert manifest.name == SMOLLM2.name
    assert manifest.quantization == SMOLLM2.quantization
    assert manifest.source_digests[SMOLLM2.weights] == SMOLLM2.weights_sha256
    assert manifest.tools["llmcompressor"] == "0.14.0.1"
    assert set(manifest.files) >= {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"}


@needs_model
def test_what_the_weights_say_of_themselves_agrees_with_the_manifest() -> None:
    stored = check_layout(MODEL, list_tree(MODEL))

    assert (stored.bits, stored.group_size, stored.symmetric) == (4, 32, False)
    assert stored.container == SMOLLM2.quantization.container


@needs_model
def test_nothing_in_the_model_names_the_machine_that_built_it() -> None:
    settings = json.loads(MODEL.joinpath("config.json").read_text())

    assert settings["architectures"] == ["LlamaForCausalLM"]
    for path in MODEL.glob("*.json"):
        assert str(CHECKOUT).encode() not in path.read_bytes()


@needs_model
def test_the_tokenizer_gives_every_text_back_and_splits_every_digit() -> None:
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    text = "BP 128/77 mmHg, HbA1c 7.4 %;\n\tnaïve, ½ tablet, 5 µg"

    encoded = tokenizer.encode(text)

    assert tokenizer.decode(encoded.ids) == text
    assert not [token for token in encoded.tokens if sum(character.isdigit() for character in token) > 1]


@needs_model
def test_one_bit_of_the_real_weights_altered_is_found(tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(MODEL, copy)
    with copy.joinpath("model.safetensors").open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)[0]
        file.seek(50_000_000)
        file.write(bytes([byte ^ 0b100]))

    with pytest.raises(ManifestMismatchError, match=r"model\.safetensors has changed"):
        verify(copy)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    tmp_path.joinpath("appliance.yaml").write_text(f"engine:\n  model: {tmp_path / 'models' / 'built'}\n")
    return tmp_path


@pytest.fixture
def building(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "appliance", "model", "prepare", "--home", str(home)]
    with subprocess.Popen(command, cwd=CHECKOUT, start_new_session=True, stderr=subprocess.PIPE) as process:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@needs_builder
def test_a_real_build_killed_in_the_middle_leaves_nothing_that_looks_whole(
    building: subprocess.Popen[bytes], home: Path
) -> None:
    _wait_until_it_has_read_the_source(home)

    os.killpg(building.pid, signal.SIGKILL)
    building.wait()

    assert not home.joinpath("models", "built").exists()
    assert list(home.joinpath("models").glob(".built.building-*"))


@needs_builder
def test_ctrl_c_stops_the_builder_and_removes_what_it_wrote(building: subprocess.Popen[bytes], home: Path) -> None:
    _wait_until_it_has_read_the_source(home)

    os.kill(building.pid, signal.SIGINT)
    building.wait()

    assert building.returncode != 0
    assert [path.name for path in home.joinpath("models").iterdir() if path.is_dir()] == []


def _wait_until_it_has_read_the_source(home: Path) -> None:
    for _ in range(1200):
        if list(home.glob("models/.built.building-*/config.json")):
            return
        time.sleep(0.1)
    pytest.fail("the builder did not come as far as its source within two minutes")
