import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.errors import ConfigError, ManifestMismatchError
from appliance.models.manifest import FILE_NAME, UNFINISHED_NAME, load_manifest
from appliance.models.pin import Statement, pin
from appliance.models.verify import verify
from tests.support.model_folders import NOW, STATEMENT, config, pinned_folder, shard, weights_folder

INDEX = "model.safetensors.index.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return weights_folder(tmp_path / "llama")


def test_a_sites_own_weights_are_pinned_as_they_are_stored(folder: Path) -> None:
    manifest = pin(folder, STATEMENT, now=NOW)

    assert verify(folder) == manifest
    assert (manifest.name, manifest.source, manifest.licence) == (STATEMENT.name, STATEMENT.source, "llama3.3")
    assert (manifest.quantization.method, manifest.quantization.bits, manifest.quantization.group_size) == (
        "awq",
        4,
        128,
    )
    assert not manifest.quantization.symmetric
    assert manifest.created == "2026-11-23T12:00:00Z"
    assert manifest.calibration_digest is None


def test_pinning_the_same_folder_again_changes_nothing(folder: Path) -> None:
    first = pin(folder, STATEMENT, now=NOW)

    assert pin(folder, STATEMENT, now=NOW + timedelta(days=3)) == first


def test_a_manifest_that_says_something_else_is_kept_until_told_otherwise(folder: Path) -> None:
    first = pin(folder, STATEMENT, now=NOW)
    folder.joinpath("tokenizer.json").write_text('{"changed": 1}')

    with pytest.raises(ManifestMismatchError, match="--replace"):
        pin(folder, STATEMENT, now=NOW)

    assert load_manifest(folder) == first
    assert pin(folder, STATEMENT, now=NOW, replace=True) != first
    verify(folder)


def test_what_a_crash_left_of_a_manifest_is_not_pinned(folder: Path) -> None:
    folder.joinpath(UNFINISHED_NAME).write_bytes(b'{"ver')

    pin(folder, STATEMENT, now=NOW)

    assert UNFINISHED_NAME not in load_manifest(folder).files
    verify(folder)


def test_a_path_that_is_no_folder_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give the one that holds config\.json"):
        pin(tmp_path / "nowhere", STATEMENT, now=NOW)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (replace(STATEMENT, name="Llama 70B"), "--name takes lower-case"),
        (replace(STATEMENT, source=""), "--source takes one line"),
        (replace(STATEMENT, licence="a\nb"), "--licence takes one line"),
    ],
)
def test_a_malformed_statement_names_the_option(folder: Path, statement: Statement, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        pin(folder, statement, now=NOW)

    assert not folder.joinpath(FILE_NAME).exists()


@pytest.mark.parametrize("name", ["modeling_llama.py", "pytorch_model.bin", "original/consolidated.00.pth"])
def test_weights_beside_code_or_pickles_are_not_pinned(folder: Path, name: str) -> None:
    folder.joinpath(name).parent.mkdir(exist_ok=True)
    folder.joinpath(name).write_bytes(b"x")

    with pytest.raises(ConfigError, match=f"{name} is code or a pickle. Remove it"):
        pin(folder, STATEMENT, now=NOW)


def test_weights_that_ask_for_their_own_code_are_not_pinned(folder: Path) -> None:
    folder.joinpath("config.json").write_text(config(auto_map={"AutoModel": "modeling.Mine"}))

    with pytest.raises(ConfigError, match="auto_map"):
        pin(folder, STATEMENT, now=NOW)


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("config.json", "no config.json"),
        ("tokenizer.json", "no tokenizer.json"),
        ("model-00002-of-00002.safetensors", "lacks model-00002-of-00002.safetensors"),
    ],
)
def test_a_missing_part_is_named(folder: Path, missing: str, told: str) -> None:
    folder.joinpath(missing).unlink()

    with pytest.raises(ConfigError, match=told):
        pin(folder, STATEMENT, now=NOW)


def test_one_file_of_weights_needs_no_index(folder: Path) -> None:
    for path in [*folder.glob("*.safetensors"), folder / INDEX]:
        path.unlink()
    with pytest.raises(ConfigError, match=r"no \.safetensors file"):
        pin(folder, STATEMENT, now=NOW)

    folder.joinpath("model.safetensors").write_bytes(shard(300))

    assert "model.safetensors" in pin(folder, STATEMENT, now=NOW).files


@pytest.mark.parametrize(
    "content", [b"", b"short", shard()[:-1], shard() + b"x", b"\xff" * 64, b"\x02" + b"\0" * 7 + b"[]"]
)
def test_a_download_that_was_cut_off_is_named(folder: Path, content: bytes) -> None:
    folder.joinpath("model-00001-of-00002.safetensors").write_bytes(content)

    with pytest.raises(ConfigError, match=r"model-00001-of-00002\.safetensors is cut off"):
        pin(folder, STATEMENT, now=NOW)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("config.json", "{", "is not JSON"),
        ("config.json", "[" * 100_000, "is not JSON"),
        ("config.json", "[]", "is not as vLLM needs it"),
        ("config.json", '{"architectures": []}', "'architectures' is not as vLLM needs it"),
        (INDEX, "{}", "names no shards"),
        (INDEX, "[]", "names no shards"),
        (INDEX, "\xff", "is not JSON"),
    ],
)
def test_a_broken_description_is_named(folder: Path, name: str, content: str, told: str) -> None:
    folder.joinpath(name).write_text(content, encoding="latin-1")

    with pytest.raises(ConfigError, match=told):
        pin(folder, STATEMENT, now=NOW)


def _group(**weights: object) -> dict[str, object]:
    return {"weights": {"num_bits": 4, "group_size": 32, "symmetric": False, **weights}}


@pytest.mark.parametrize(
    ("quantization", "expected"),
    [
        (None, ("none", 16, 0, True)),
        ({"quant_method": "awq", "w_bit": 4, "q_group_size": 128, "zero_point": False}, ("awq", 4, 128, True)),
        ({"quant_method": "gptq", "bits": 8, "group_size": -1, "sym": False}, ("gptq", 8, -1, False)),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"a": _group(), "b": _group()}},
            ("compressed-tensors", 4, 32, False),
        ),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"a": _group(num_bits=8, group_size=None)}},
            ("compressed-tensors", 8, -1, False),
        ),
    ],
)
def test_the_manifest_tells_how_weights_are_stored(
    folder: Path, quantization: dict[str, object] | None, expected: tuple[str, int, int, bool]
) -> None:
    folder.joinpath("config.json").write_text(config(quantization_config=quantization))

    stored = pin(folder, STATEMENT, now=NOW).quantization

    assert (stored.method, stored.bits, stored.group_size, stored.symmetric) == expected


@pytest.mark.parametrize(
    ("quantization", "told"),
    [
        ({"quant_method": "bitsandbytes"}, "'bitsandbytes' is not served"),
        ({"quant_method": "awq"}, "'quantization_config.bits' is missing"),
        ({"quant_method": "awq", "bits": 99}, "'bits' is not valid"),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"a": _group(), "b": _group(num_bits=8)}},
            "one scheme for all layers is served, found 2",
        ),
    ],
)
def test_a_quantization_that_is_not_served_is_named(folder: Path, quantization: dict[str, object], told: str) -> None:
    folder.joinpath("config.json").write_text(config(quantization_config=quantization))

    with pytest.raises(ConfigError, match=told):
        pin(folder, STATEMENT, now=NOW)


def test_a_broken_manifest_is_not_replaced_unasked(tmp_path: Path) -> None:
    folder = pinned_folder(tmp_path / "model")
    folder.joinpath(FILE_NAME).write_text(json.dumps({}))

    with pytest.raises(ManifestMismatchError):
        pin(folder, STATEMENT, now=NOW)
