import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import ManifestMismatchError
from appliance.models.manifest import FileEntry, Manifest, Quantization
from appliance.models.verify import verify
from tests.support.model_folders import pinned_folder

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=30)
PATHS = st.lists(st.text(string.ascii_lowercase + "é _-", min_size=1, max_size=8), min_size=1, max_size=3).map("/".join)
MANIFESTS = st.builds(
    Manifest,
    name=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
    source=WORDS,
    source_digests=st.dictionaries(WORDS, DIGESTS, max_size=3),
    licence=WORDS,
    quantization=st.builds(
        Quantization,
        method=WORDS,
        container=WORDS,
        bits=st.integers(1, 32),
        group_size=st.integers(-1, 1024),
        symmetric=st.booleans(),
        recipe=st.lists(WORDS, max_size=3).map(tuple),
    ),
    calibration_digest=st.none() | DIGESTS,
    tools=st.dictionaries(WORDS, WORDS, max_size=3),
    created=st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")),
    files=st.dictionaries(
        PATHS, st.builds(FileEntry, sha256=DIGESTS, size=st.integers(0, 2**63)), min_size=1, max_size=4
    ),
)


@given(MANIFESTS)
def test_reading_what_was_written_gives_the_same_manifest_and_the_same_bytes(manifest: Manifest) -> None:
    data = manifest.to_bytes()

    again = Manifest.from_bytes(data)

    assert again == manifest
    assert again.to_bytes() == data
    assert again.digest == manifest.digest


@given(MANIFESTS, MANIFESTS)
def test_one_digest_means_one_manifest(one: Manifest, other: Manifest) -> None:
    assert (one.digest == other.digest) == (one == other)


@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_garbage_is_refused_with_our_own_error(data: bytes) -> None:
    with pytest.raises(ManifestMismatchError):
        Manifest.from_bytes(data)


@given(MANIFESTS, st.data())
def test_a_manifest_with_one_byte_altered_is_refused_or_has_another_digest(
    manifest: Manifest, data: st.DataObject
) -> None:
    altered = bytearray(manifest.to_bytes())
    place = data.draw(st.integers(0, len(altered) - 1))
    altered[place] ^= data.draw(st.integers(1, 255))

    try:
        found = Manifest.from_bytes(bytes(altered))
    except ManifestMismatchError:
        return
    assert found.digest != manifest.digest


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.data())
def test_any_bit_flipped_anywhere_in_a_model_is_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = pinned_folder(tmp_path_factory.mktemp("model") / "weights")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    untouched = verify(folder)

    path.write_bytes(content)

    if path.name == "manifest.json":
        assert _digest_or_refused(folder) != untouched.digest
    else:
        with pytest.raises(ManifestMismatchError, match=path.name):
            verify(folder)


def _digest_or_refused(folder: Path) -> str:
    try:
        return verify(folder).digest
    except ManifestMismatchError:
        return "refused"
