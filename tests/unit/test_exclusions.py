"""An excluded patient's request never leaves, however the number is spelled and whatever became of the list."""

import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config import Config
from appliance.errors import ConfigError
from appliance.exclusions import (
    MAX_BYTES,
    UNREADABLE,
    Excluded,
    ExclusionList,
    Pepper,
    normalised,
    read_list,
)
from tests.support.exclusions import add, book, confirm_all

NUMBER = "MRN-0047-11"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(home=tmp_path)


def _head(config: Config) -> Path:
    return config.secrets / "exclusions.head"


def _pepper(config: Config) -> Path:
    return config.secrets / "exclusions.pepper"


@pytest.mark.parametrize(
    "spelling",
    [
        "MRN-0047-11",
        "mrn 4711",
        "4711",
        "004711",
        "MRN: 4711",
        "urn:oid:1.2.3|4711",
        " 47.11 ",
        "\uff14\uff17\uff11\uff11",
        "\u0664\u0667\u0661\u0661",
    ],
)
def test_a_number_is_found_however_it_is_spelled(config: Config, spelling: str) -> None:
    add(config, NUMBER)

    assert Excluded.open(config).kinds_of(["99", spelling]) == {"opt-out"}


@pytest.mark.parametrize("other", ["4712", "47110", "14711", "A4711", "", "---", "MRN"])
def test_another_number_is_not_excluded(config: Config, other: str) -> None:
    add(config, NUMBER)

    assert Excluded.open(config).kinds_of([other]) == frozenset()


def test_a_number_may_be_excluded_under_several_kinds(config: Config) -> None:
    add(config, NUMBER)
    add(config, NUMBER, kind="vip")

    assert Excluded.open(config).kinds_of([NUMBER]) == {"opt-out", "vip"}


def test_where_nobody_was_ever_excluded_nobody_is(config: Config) -> None:
    excluded = Excluded.open(config)

    excluded.check()
    assert excluded.kinds_of([NUMBER]) == frozenset()


def test_an_exclusion_holds_with_the_next_question(config: Config) -> None:
    excluded = Excluded.open(config)
    before = excluded.kinds_of([NUMBER])
    add(config, NUMBER)

    assert (before, excluded.kinds_of([NUMBER])) == (frozenset(), {"opt-out"})


def test_neither_list_nor_repr_holds_a_number(config: Config) -> None:
    (entry,) = add(config, NUMBER)

    assert entry.number not in repr(entry)
    kept = b"".join(path.read_bytes() for path in config.home.rglob("*") if path.is_file())
    assert b"4711" not in kept
    assert b"47-11" not in kept
    assert "bytes" not in repr(Pepper(b"secret bytes"))


def test_the_files_are_for_their_owner_alone(config: Config) -> None:
    add(config, NUMBER)

    for path in (config.exclusions, _head(config), _pepper(config)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


Damage = Callable[[Config], object]


def _cut(config: Config) -> None:
    os.truncate(config.exclusions, config.exclusions.stat().st_size - 5)


def _drop_an_entry(config: Config) -> None:
    document = json.loads(config.exclusions.read_bytes())
    config.exclusions.write_text(json.dumps({**document, "entries": []}))


DAMAGES: dict[str, Damage] = {
    "the list is deleted": lambda config: config.exclusions.unlink(),
    "the list is cut short": _cut,
    "the list is empty": lambda config: config.exclusions.write_bytes(b""),
    "the list is of lists": lambda config: config.exclusions.write_bytes(b"[]"),
    "the list is deep": lambda config: config.exclusions.write_bytes(b"[" * 100_000),
    "the list has no MAC": lambda config: config.exclusions.write_bytes(b'{"format":1}'),
    "the MAC is a number": lambda config: config.exclusions.write_bytes(b'{"format":1,"mac":7}'),
    "an entry was taken out": _drop_an_entry,
    "the list is huge": lambda config: os.truncate(config.exclusions, MAX_BYTES + 1),
    "the head is deleted": lambda config: _head(config).unlink(),
    "the head is damaged": lambda config: _head(config).write_bytes(b"{}"),
    "the pepper is deleted": lambda config: _pepper(config).unlink(),
    "the pepper is another": lambda config: _pepper(config).write_bytes(bytes(32)),
    "the pepper is short": lambda config: _pepper(config).write_bytes(b"short"),
    "the pepper is readable": lambda config: _pepper(config).chmod(0o644),
    "list and head are deleted": lambda config: (config.exclusions.unlink(), _head(config).unlink()),
    "the list is a folder": lambda config: (config.exclusions.unlink(), config.exclusions.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_without_a_whole_list_everybody_is_treated_as_excluded(config: Config, damage: Damage) -> None:
    add(config, NUMBER)
    add(config, "5")
    running = Excluded.open(config)
    running.check()
    damage(config)

    for excluded in (running, Excluded.open(config)):
        assert excluded.kinds_of([]) == {UNREADABLE}
        assert excluded.kinds_of(["1"]) == {UNREADABLE}
        with pytest.raises(ConfigError, match=r"restore|changed|chmod"):
            excluded.check()


def test_an_older_copy_of_the_list_is_no_list(config: Config) -> None:
    add(config, "5")
    older = config.exclusions.read_bytes()
    add(config, NUMBER)
    config.exclusions.write_bytes(older)

    with pytest.raises(ConfigError, match="older copy"):
        Excluded.open(config).check()


def test_an_older_copy_of_list_and_head_does_not_fool_a_program_that_runs(config: Config) -> None:
    add(config, "5")
    older = {path: path.read_bytes() for path in (config.exclusions, _head(config))}
    add(config, NUMBER)
    excluded = Excluded.open(config)
    excluded.check()
    for path, content in older.items():
        path.write_bytes(content)

    assert excluded.kinds_of([NUMBER]) == {UNREADABLE}


def test_another_list_of_the_same_generation_is_no_list(config: Config) -> None:
    add(config, NUMBER)
    pepper = Pepper(_pepper(config).read_bytes())
    forged, _head_of_it = pepper.sealed(ExclusionList(generation=1))
    config.exclusions.write_bytes(forged)

    assert Excluded.open(config).kinds_of([]) == {UNREADABLE}


def test_a_list_that_is_restored_is_used_again(config: Config) -> None:
    add(config, NUMBER)
    excluded = Excluded.open(config)
    whole = config.exclusions.read_bytes()
    config.exclusions.write_bytes(b"")
    broken = excluded.kinds_of(["1"])
    config.exclusions.write_bytes(whole)

    assert (broken, excluded.kinds_of(["1"]), excluded.kinds_of([NUMBER])) == ({UNREADABLE}, frozenset(), {"opt-out"})


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_crash_between_the_list_and_its_head_keeps_the_list(config: Config, rounds: int) -> None:
    """The head of the list before is there, or none when it was the first."""
    head = None
    for number in range(rounds):
        head = _head(config).read_bytes() if number else None
        add(config, str(number))
    _head(config).unlink()
    if head is not None:
        _head(config).write_bytes(head)

    assert Excluded.open(config).kinds_of([str(rounds - 1)]) == {"opt-out"}
    add(config, NUMBER)
    assert Excluded.open(config).kinds_of([NUMBER]) == {"opt-out"}


def test_a_list_that_may_not_be_looked_at_is_no_list(config: Config) -> None:
    config.exclusions.symlink_to(config.exclusions)

    assert Excluded.open(config).kinds_of([]) == {UNREADABLE}


def test_a_home_that_is_no_folder_holds_no_list(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")

    assert Excluded.open(Config(home=tmp_path / "home")).kinds_of([]) == {UNREADABLE}


def test_nobody_slips_out_while_the_list_is_read_anew(config: Config) -> None:
    add(config, NUMBER)
    excluded, answers, is_over = Excluded.open(config), set[frozenset[str]](), Event()

    def ask() -> None:
        while not is_over.is_set():
            answers.add(excluded.kinds_of([NUMBER]))

    with ThreadPoolExecutor() as threads:
        asking = [threads.submit(ask) for _ in range(3)]
        for number in range(20):
            add(config, f"other-{number}")
        is_over.set()
        for each in asking:
            each.result()

    assert answers <= {frozenset({"opt-out"}), frozenset({UNREADABLE})}
    assert frozenset({"opt-out"}) in answers


def test_a_confirmed_exclusion_stands_as_it_was_confirmed(config: Config) -> None:
    add(config, NUMBER)
    confirm_all(config, by="r.second")

    content, _pepper_of_it = read_list(path=config.exclusions, secrets=config.secrets)
    assert [entry.confirmed_by for entry in content.entries] == ["r.second"]
    assert book(config).entries() == content.entries


@given(st.text(max_size=200))
def test_any_text_is_normalised_to_what_stays_as_it_is(text: str) -> None:
    once = normalised(text)

    assert len(once) <= 128
    assert normalised(once) in {once, once.removeprefix("mrn")}


@given(st.text(min_size=1, max_size=60).filter(lambda text: bool(normalised(text))))
def test_case_and_separators_make_no_other_number(text: str) -> None:
    assert normalised(f"system|{text.rpartition('|')[2]}") == normalised(text)
    assert normalised(f"  {text}. ") == normalised(text)
