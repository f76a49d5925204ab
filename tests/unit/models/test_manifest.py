import hashlib
from pathlib import Path

import pytest

from appliance.errors import ManifestMismatchError
from appliance.exchange import ModelIdentity
from appliance.models.manifest import FILE_NAME, MAX_BYTES, Manifest, load_manifest, write_manifest
from tests.support.model_folders import manifest_of

MANIFEST = manifest_of({"config.json": b"{}", "shards/a.safetensors": b"weights"})


def test_the_digest_is_what_sha256sum_prints_for_the_file(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST)

    assert MANIFEST.digest == hashlib.sha256((tmp_path / FILE_NAME).read_bytes()).hexdigest()
    assert load_manifest(tmp_path) == MANIFEST
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_records_name_the_model_by_name_and_digest() -> None:
    assert MANIFEST.identity() == ModelIdentity(name="a-model", digest=MANIFEST.digest, pinned=True)
    assert MANIFEST.size_bytes == 9


def test_a_missing_manifest_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ManifestMismatchError, match=r"appliance model prepare.*appliance model pin"):
        load_manifest(tmp_path)


def test_a_manifest_that_was_reformatted_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath(FILE_NAME).write_bytes(MANIFEST.to_bytes() + b"\n")

    with pytest.raises(ManifestMismatchError, match="was edited"):
        load_manifest(tmp_path)


def test_a_manifest_with_an_unknown_field_names_it() -> None:
    with pytest.raises(ManifestMismatchError, match="'trust_remote_code' extra_forbidden"):
        Manifest.from_bytes(MANIFEST.to_bytes().replace(b'{"calibration', b'{"trust_remote_code":true,"calibration', 1))


def test_a_manifest_that_is_no_json_at_all_is_refused() -> None:
    with pytest.raises(ManifestMismatchError, match="not valid: json_invalid"):
        Manifest.from_bytes(b"\xff")


def test_a_manifest_of_absurd_size_is_not_read(tmp_path: Path) -> None:
    tmp_path.joinpath(FILE_NAME).write_bytes(b" " * (MAX_BYTES + 1))

    with pytest.raises(ManifestMismatchError, match="too large"):
        load_manifest(tmp_path)


def test_a_manifest_is_never_read_through_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_bytes(MANIFEST.to_bytes())
    tmp_path.joinpath(FILE_NAME).symlink_to(elsewhere)

    with pytest.raises(ManifestMismatchError, match="cannot be read"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        *("/etc/passwd", "../config.json", "a/../b", "./a", "a//b", "", ".", "a\\b", "a\nb", FILE_NAME),
        *("modeling.py", "training_args.bin", "original/consolidated.00.PTH", "hook.so"),
    ],
)
def test_a_manifest_names_no_file_outside_its_folder_and_no_code(path: str) -> None:
    with pytest.raises(ManifestMismatchError, match="files"):
        Manifest.from_bytes(manifest_of({"x": b""}).to_bytes().replace(b'"x"', _quoted(path)))


def _quoted(path: str) -> bytes:
    return b'"' + path.replace("\\", "\\\\").replace("\n", "\\n").encode() + b'"'


@pytest.mark.parametrize("created", ["2026-13-01T00:00:00Z", "2026-11-23", "now"])
def test_a_manifest_without_a_real_time_is_refused(created: str) -> None:
    with pytest.raises(ManifestMismatchError, match="created"):
        Manifest.from_bytes(MANIFEST.to_bytes().replace(b"2026-11-23T12:00:00Z", created.encode()))
