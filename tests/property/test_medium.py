"""Whatever one thing is changed on a medium, it is refused, and the file is named."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.medium.signing import Signer
from appliance.medium.verify import SIGNATURE, SUMS, MediumRefusedError, check_medium
from tests.support.media import FILES, lay_out, make_signer, sign, stop_agent

SIGNED = (*sorted(FILES), SUMS, SIGNATURE)

PROVEN = (*sorted(FILES), SUMS)
"""A signature has bytes that say nothing of what it signs (RFC 9580 §5.2.3: the unhashed area); with one altered
it still proves the same list by the same key, so it is tried apart."""


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    made = make_signer(tmp_path_factory.mktemp("vendor") / "gpg", "vendor")
    yield made
    stop_agent(made)


@pytest.fixture(scope="module")
def key(signer: Signer) -> bytes:
    return signer.public()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    folder = tmp_path_factory.mktemp("media") / "pristine"
    lay_out(folder, FILES)
    sign(folder, signer)
    return folder


def copy_of(pristine: Path) -> Path:
    folder = pristine.with_name("copy")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(pristine, folder)
    return folder


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(PROVEN), place=st.integers(min_value=0), change=st.integers(1, 255))
def test_one_altered_byte_anywhere_is_refused(pristine: Path, key: bytes, name: str, place: int, change: int) -> None:
    path = copy_of(pristine) / name
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= change
    path.write_bytes(content)
    with pytest.raises(MediumRefusedError) as refused:
        check_medium(path.parents[name.count("/")], key)
    if name in FILES:
        assert refused.value.differences.altered == (name,)


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(SIGNED), keep=st.floats(0, 0.999))
def test_a_file_that_was_copied_in_part_or_not_at_all_is_refused(
    pristine: Path, key: bytes, name: str, keep: float
) -> None:
    path = copy_of(pristine) / name
    content = path.read_bytes()
    part = content[: int(len(content) * keep)]
    path.write_bytes(part) if part else path.unlink()
    with pytest.raises(MediumRefusedError) as refused:
        check_medium(path.parents[name.count("/")], key)
    if name in FILES:
        assert name in (*refused.value.differences.altered, *refused.value.differences.missing)


@settings(max_examples=30, deadline=None)
@given(name=st.from_regex(r"[a-z]{1,8}(/[a-z.]{1,3}x){0,2}", fullmatch=True), content=st.binary(max_size=8))
def test_one_file_too_much_is_refused_by_name(pristine: Path, key: bytes, name: str, content: bytes) -> None:
    folder = copy_of(pristine)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(MediumRefusedError) as refused:
        check_medium(folder, key)
    assert refused.value.differences.surplus == (name,)


@settings(max_examples=40, deadline=None)
@given(place=st.integers(min_value=0), change=st.integers(1, 255))
def test_an_altered_signature_is_refused_or_proves_the_same_list_by_the_same_key(
    pristine: Path, key: bytes, place: int, change: int
) -> None:
    folder = copy_of(pristine)
    content = bytearray((folder / SIGNATURE).read_bytes())
    content[place % len(content)] ^= change
    (folder / SIGNATURE).write_bytes(content)
    expected = check_medium(pristine, key)
    try:
        found = check_medium(folder, key)
    except MediumRefusedError:
        return
    assert found == expected
