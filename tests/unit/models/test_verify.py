import os
from pathlib import Path

import pytest

from appliance.errors import ManifestMismatchError
from appliance.models.pin import pin
from appliance.models.verify import verify
from tests.support.model_folders import NOW, STATEMENT, pinned_folder, weights_folder

SHARD = "model-00001-of-00002.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return pinned_folder(tmp_path / "model")


def test_an_untouched_model_is_verified_with_progress_to_the_last_byte(folder: Path) -> None:
    seen: list[tuple[int, int]] = []

    manifest = verify(folder, lambda done, total: seen.append((done, total)))

    assert manifest.name == "llama-3.3-70b-awq"
    assert seen[-1] == (manifest.size_bytes, manifest.size_bytes)
    assert seen == sorted(seen)


def test_one_altered_bit_is_found_and_its_file_named(folder: Path) -> None:
    weights = bytearray((folder / SHARD).read_bytes())
    weights[-1] ^= 1
    (folder / SHARD).write_bytes(weights)

    with pytest.raises(ManifestMismatchError, match=f"{SHARD} has changed"):
        verify(folder)


def test_a_longer_file_is_found_without_reading_the_others(folder: Path) -> None:
    with (folder / "config.json").open("a") as file:
        file.write(" ")
    seen: list[int] = []

    with pytest.raises(ManifestMismatchError, match=r"config\.json has changed"):
        verify(folder, lambda done, _total: seen.append(done))

    assert seen == []


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / SHARD).unlink()

    with pytest.raises(ManifestMismatchError, match=f"{SHARD} is missing"):
        verify(folder)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("notes.txt", "is extra"),
        ("sub/tokenizer.json", "is extra"),
        ("modeling_llama.py", "is code or a pickle"),
        ("training_args.bin", "is code or a pickle"),
        ("original/consolidated.00.pth", "is code or a pickle"),
    ],
)
def test_a_file_that_was_not_pinned_is_named(folder: Path, path: str, reason: str) -> None:
    folder.joinpath(path).parent.mkdir(exist_ok=True)
    folder.joinpath(path).write_bytes(b"x")

    with pytest.raises(ManifestMismatchError, match=f"{path} {reason}"):
        verify(folder)


def test_a_link_to_the_right_bytes_is_still_refused(folder: Path, tmp_path: Path) -> None:
    (folder / SHARD).rename(tmp_path / "elsewhere")
    (folder / SHARD).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ManifestMismatchError, match=f"{SHARD} is a link"):
        verify(folder)


def test_a_pipe_in_the_folder_does_not_hang_the_check(folder: Path) -> None:
    os.mkfifo(folder / "pipe")

    with pytest.raises(ManifestMismatchError, match="pipe is no regular file"):
        verify(folder)


def test_a_name_that_cannot_be_printed_is_named_escaped(folder: Path) -> None:
    folder.joinpath("a\x1b[2J").write_bytes(b"")

    with pytest.raises(ManifestMismatchError, match=r"'a\\x1b\[2J' has a name that cannot be printed"):
        verify(folder)


def test_many_differences_are_counted_not_listed(folder: Path) -> None:
    for number in range(30):
        folder.joinpath(f"extra-{number}").write_bytes(b"")

    with pytest.raises(ManifestMismatchError, match="; and 20 more"):
        verify(folder)


def test_a_file_that_vanishes_while_others_are_read_is_named(tmp_path: Path) -> None:
    folder = weights_folder(tmp_path / "model")
    for number in range(100):
        folder.joinpath(f"part-{number}").write_bytes(b"x")
    pin(folder, STATEMENT, now=NOW)

    def remove(_done: int, _total: int) -> None:
        for path in folder.iterdir():
            path.unlink()

    with pytest.raises(ManifestMismatchError, match="cannot be read: No such file"):
        verify(folder, remove)
