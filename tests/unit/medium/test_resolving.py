"""What a medium is resolved from: releases, locks, lists of packages, sources, wheels in the store."""

from pathlib import Path

import pytest

from appliance.errors import ConfigError
from appliance.medium.apt import default_sources, own_codename
from appliance.medium.contents import Contents
from appliance.medium.environments import environments
from appliance.medium.layout import Layout
from appliance.medium.locks import Pinned, read_lock
from appliance.medium.ordering import Wish, order_from
from appliance.medium.source import read_source
from appliance.medium.suites import suite_named
from appliance.medium.wanted import read_wanted
from appliance.medium.wheels import Wheel, fetch
from tests.support.small_builds import BOOKWORM, small_checkout, small_wheel

TRIXIE, NOBLE = suite_named("trixie"), suite_named("noble")

KNOWN = """\
ADDRESS/debian/|bookworm|main
ADDRESS/debian/|bookworm-updates|main
ADDRESS/debian-security/|bookworm-security|main
MAKER|nodistro|main
"""
"""What apt-get tells of a Debian 12's sources, and one of somebody else's."""


def test_an_unknown_release_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match="bookworm, trixie, jammy, noble"):
        suite_named("buster")


def test_another_release_of_the_same_distribution_is_resolved_from_the_machines_own_sources() -> None:
    assert default_sources(TRIXIE, codename="bookworm", known=KNOWN) == (
        "ADDRESS/debian/ trixie main",
        "ADDRESS/debian/ trixie-updates main",
        "ADDRESS/debian-security/ trixie-security main",
    )


@pytest.mark.parametrize(("codename", "known"), [("bookworm", KNOWN), ("", ""), ("noble", "no list")])
def test_a_release_without_a_source_here_is_said_clearly(codename: str, known: str) -> None:
    with pytest.raises(ConfigError, match=r"build on a Ubuntu machine, or name one with --apt-source"):
        default_sources(NOBLE, codename=codename, known=known)


def test_the_machines_own_release_is_read_from_its_own_file() -> None:
    assert own_codename('NAME="Debian"\nVERSION_CODENAME=bookworm\n') == "bookworm"
    assert not own_codename("NAME=x\n")


def entry(wheel: Wheel, marker: str = "") -> str:
    return f"{wheel.pinned.name}==1.0{marker} \\\n    --hash=sha256:{wheel.sha256}\n"


def test_a_lock_is_read_for_the_targets_python_not_for_the_builders(tmp_path: Path) -> None:
    old, new = small_wheel(tmp_path, "old"), small_wheel(tmp_path, "new")
    lock = tmp_path / "x.lock"
    lock.write_text(
        "# written\n" + entry(old, " ; python_full_version < '3.11.3'") + entry(new, " ; python_full_version >= '3.12'")
    )
    assert [item.name for item in read_lock(lock, BOOKWORM)] == ["old"]
    assert [item.name for item in read_lock(lock, TRIXIE)] == ["new"]
    assert old.pinned.line() == f"old==1.0 --hash=sha256:{old.sha256}"


@pytest.mark.parametrize("text", ["name>=1\n", "name==1.0\n"])
def test_a_lock_without_versions_or_hashes_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.lock").write_text(text)
    with pytest.raises(ConfigError, match="make lock"):
        read_lock(tmp_path / "x.lock", BOOKWORM)


def test_wheels_in_the_store_are_found_by_their_digest_and_not_fetched_again(tmp_path: Path) -> None:
    wheel = small_wheel(tmp_path / "store", "a")
    assert fetch([wheel.pinned], suite=BOOKWORM, store=tmp_path / "store") == (wheel,)


def test_a_wheel_that_cannot_be_had_for_the_targets_python_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    missing = Pinned(name="absent", version="1.0", digests=frozenset({"0" * 64}))
    with pytest.raises(ConfigError, match=r"wheels for Python 3\.13 \(trixie\) cannot all be had:(.|\n)*absent"):
        fetch([missing], suite=TRIXIE, store=tmp_path / "store")


def test_the_engine_takes_the_second_choice_where_the_first_has_no_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "none"))
    store, locks = tmp_path / "store", tmp_path / "locks"
    locks.mkdir()
    for name in ("gateway", "ansible", "engine", "torch-cuda"):
        (locks / f"{name}.lock").write_text(entry(small_wheel(store / TRIXIE.tag, name)))
    (locks / "torch-cpu.lock").write_text(f"torch==2+cpu \\\n    --hash=sha256:{'0' * 64}\n")
    found = {item.name: item for item in environments(TRIXIE, engines=("cpu",), locks=locks, store=store)}
    assert found["engine-cpu"].locks == ("engine.lock", "torch-cuda.lock")


def test_the_packages_of_a_release_are_those_of_all_and_its_own(tmp_path: Path) -> None:
    path = tmp_path / "packages.yml"
    path.write_text("all: [nftables]\njammy: [python3.11]\ngpu: ['driver=580.1']\n")
    wanted = read_wanted(path)
    assert wanted.by_suite["jammy"] == ("nftables", "python3.11")
    assert wanted.by_suite["noble"] == ("nftables",)
    assert wanted.gpu == ("driver=580.1",)


@pytest.mark.parametrize(
    ("text", "words"),
    [("all: nftables\n", "'all'"), ("all: ['a b']\n", r"'all\.0'"), ("all: []\nsid: []\n", "'sid'"), ("{", "no YAML")],
)
def test_a_list_of_packages_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "packages.yml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_wanted(tmp_path / "packages.yml")


def test_a_list_of_packages_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_wanted(tmp_path / "packages.yml")


def test_the_list_in_this_repository_can_be_read() -> None:
    assert "nftables" in read_wanted(Path("ansible/medium/packages.yml")).by_suite["bookworm"]


def test_a_folder_that_is_no_medium_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear").write_text("x")
    with pytest.raises(ConfigError, match="no medium"):
        Layout(tmp_path / "letters")
    Layout(tmp_path / "new")


def test_two_files_for_one_place_and_a_file_that_changes_meanwhile_are_refused(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "medium")
    layout.clear()
    (tmp_path / "a").write_bytes(b"a")
    layout.copy(tmp_path / "a", "a")
    with pytest.raises(ConfigError, match="Two files"):
        layout.copy(tmp_path / "a", "a")
    (layout.folder / "a").write_bytes(b"b")
    with pytest.raises(ConfigError, match="changed while"):
        layout.sums()


def test_a_medium_of_a_newer_format_or_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no install medium"):
        Contents.from_medium(tmp_path)
    (tmp_path / "MEDIUM.json").write_text('{"format": 2}')
    with pytest.raises(ConfigError, match="newer format"):
        Contents.from_medium(tmp_path)


def test_a_checkout_that_differs_from_its_commit_is_told(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path)
    assert not read_source(checkout, label=None).source.modified
    (checkout / "README.md").write_text("changed")
    export = read_source(checkout, label="trial.2")
    assert export.source.modified
    assert export.version == "1.0.0+trial.2"
    assert "untracked-secret" not in export.files


@pytest.mark.parametrize("label", ["Trial", "a b", "../x", ""])
def test_a_label_that_is_no_versions_part_is_refused(tmp_path: Path, label: str) -> None:
    with pytest.raises(ConfigError, match="lower-case"):
        read_source(tmp_path, label=label)


def test_what_is_no_checkout_is_told_in_gits_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a git repository"):
        read_source(tmp_path, label=None)


def test_what_cannot_be_built_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    checkout = small_checkout(tmp_path / "checkout")

    def wish(*suites: str) -> Wish:
        return Wish(
            checkout=checkout,
            store=tmp_path,
            suites=suites,
            engines=("cpu", "gpu"),
            models=(),
            guard=tmp_path,
            key="x",
            apt_sources=tuple(f"ADDRESS {name} main" for name in ("bookworm", "trixie", "jammy", "noble")),
        )

    assert {suite.name for suite in order_from(wish()).suites} == {"bookworm", "trixie", "jammy", "noble"}
    with pytest.raises(ConfigError, match="no release"):
        order_from(wish("buster"))
