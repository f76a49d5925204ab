"""Packages are resolved by the real apt, from a repository that this test makes and signs."""

from pathlib import Path

import pytest

from appliance.errors import ConfigError
from appliance.medium.apt import Apt, known_sources, write_index
from appliance.medium.signing import Signer
from appliance.medium.suites import suite_named
from tests.support.small_builds import BOOKWORM, small_package


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    (folder / "pool").mkdir()
    package = small_package(folder / "made")
    package.file.rename(folder / "pool" / package.file.name)
    (folder / "InRelease").write_bytes(signer.inline(write_index(folder, environment={})))
    (folder / "key.gpg").write_bytes(signer.public())
    return folder


def apt_on(archive: Path, store: Path) -> Apt:
    return Apt(BOOKWORM, store=store, sources=(f"file:{archive} ./",), keyring=archive / "key.gpg")


def test_a_package_is_resolved_against_an_empty_system_and_proven_by_the_signed_index(
    archive: Path, tmp_path: Path
) -> None:
    resolved = apt_on(archive, tmp_path).resolve(["hello"], optional=["driver=1.0"])
    (package,) = resolved.packages
    assert (package.name, package.version, package.architecture, package.asked) == ("hello", "1:2.0", "amd64", True)
    assert package.file.is_file()
    assert resolved.unknown == ("driver=1.0",)


def test_a_package_that_no_source_has_is_named(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no package nowhere: correct ansible/medium/packages\.yml"):
        apt_on(archive, tmp_path).resolve(["hello", "nowhere"])


def test_a_fetched_package_that_was_altered_since_is_refused_and_fetched_anew(archive: Path, tmp_path: Path) -> None:
    apt = apt_on(archive, tmp_path)
    (package,) = apt.resolve(["hello"]).packages
    content = bytearray(package.file.read_bytes())
    content[100] ^= 1
    package.file.unlink()
    package.file.write_bytes(content)
    with pytest.raises(ConfigError, match="not what bookworm's index names"):
        apt.resolve(["hello"])
    assert apt.resolve(["hello"]).packages == (package,)


def test_an_archive_that_somebody_else_signed_is_refused(archive: Path, tmp_path: Path, stranger: Signer) -> None:
    (tmp_path / "other.gpg").write_bytes(stranger.public())
    apt = Apt(BOOKWORM, store=tmp_path, sources=(f"file:{archive} ./",), keyring=tmp_path / "other.gpg")
    with pytest.raises(ConfigError, match="Reading bookworm's package lists failed"):
        apt.resolve(["hello"])


def test_without_the_distributions_key_nothing_is_believed(archive: Path, tmp_path: Path) -> None:
    apt = Apt(suite_named("noble"), store=tmp_path, sources=(f"file:{archive} ./",), keyring=tmp_path / "absent.gpg")
    with pytest.raises(ConfigError, match="ubuntu-keyring"):
        apt.resolve(["hello"])


def test_a_machine_without_apt_has_no_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "|" in known_sources()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not known_sources()
