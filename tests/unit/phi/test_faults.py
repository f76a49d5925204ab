"""A part of the guard that errs, is missing or is another one ends in a refusal, and never in findings with less."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.config import CHECKOUT
from appliance.errors import PhiGuardUnavailableError
from appliance.phi.analyzer import Analyzer
from appliance.phi.model_files import pinned_files
from appliance.phi.recognizers import ALL
from appliance.phi.settings import Site
from tests.support.canaries import NAME, NOTE
from tests.support.faulty_guard import BrokenNames, BrokenRule, FaultError, broken_rules

MODELS = CHECKOUT / "var" / "models" / "guard"
NAMES_OF_RULES = [rule.name for rule in ALL]

has_models = pytest.mark.skipif(
    not MODELS.exists(), reason="the guard's models are not here; 'make gateway' fills them"
)


@pytest.fixture(scope="module")
def rules() -> list[BrokenRule]:
    return list(broken_rules(ALL))


@pytest.fixture(scope="module")
def analyzer(rules: list[BrokenRule]) -> Analyzer:
    return Analyzer(BrokenNames(), rules=rules, site=Site())


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return a folder with the models, as links that a test may put something else in place of."""
    for name in pinned_files():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(MODELS / name)
    return tmp_path


@pytest.mark.parametrize("number", range(len(ALL)), ids=NAMES_OF_RULES)
def test_a_rule_that_breaks_ends_the_search(analyzer: Analyzer, rules: list[BrokenRule], number: int) -> None:
    rule = rules[number]
    whole = analyzer.find(NOTE)

    rule.is_broken, rule.reached = True, 0
    with pytest.raises(FaultError):
        analyzer.find(NOTE)
    rule.is_broken = False

    assert rule.reached == 1
    assert analyzer.find(NOTE) == whole != ()


def test_name_models_that_break_end_the_search() -> None:
    names = BrokenNames()
    analyzer = Analyzer(names, rules=ALL, site=Site())
    assert analyzer.find(NOTE)

    names.is_broken = True
    with pytest.raises(FaultError):
        analyzer.find(NOTE)

    assert names.reached == 2


@has_models
def test_the_pinned_models_are_taken_and_find_the_name(models: Path) -> None:
    found = Analyzer.open(models, site=Site()).find(NOTE)

    assert any(NAME.startswith(NOTE[each.start : each.end].split()[0]) for each in found)


def _missing(file: Path) -> None:
    file.unlink()


def _dangling(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.parent / "nowhere")


def _altered(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)


def _truncated(file: Path) -> None:
    content = file.read_bytes()[:-1]
    file.unlink()
    file.write_bytes(content)


def _longer(file: Path) -> None:
    content = file.read_bytes() + b"\n"
    file.unlink()
    file.write_bytes(content)


def _empty(file: Path) -> None:
    file.unlink()
    file.touch()


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@has_models
@pytest.mark.parametrize("name", pinned_files())
def test_a_model_file_that_is_missing_or_changed_is_named_and_nothing_is_loaded(models: Path, name: str) -> None:
    for way in (_missing, _altered):
        _check_refused(models, name, way)


@has_models
@pytest.mark.parametrize("way", [_dangling, _truncated, _longer, _empty, _folder])
def test_a_model_file_that_is_another_is_named_however_it_differs(models: Path, way: Callable[[Path], None]) -> None:
    _check_refused(models, next(iter(pinned_files())), way)


def _check_refused(models: Path, name: str, way: Callable[[Path], None]) -> None:
    way(models / name)

    with pytest.raises(PhiGuardUnavailableError) as refused:
        Analyzer.open(models, site=Site())

    assert name in refused.value.detail
    assert refused.value.public == PhiGuardUnavailableError.sentence
    _restore(models / name, MODELS / name)


@has_models
@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_model_file_that_may_not_be_read_is_named(models: Path) -> None:
    name = next(iter(pinned_files()))
    _altered(models / name)
    (models / name).chmod(0)

    with pytest.raises(PhiGuardUnavailableError, match=PhiGuardUnavailableError.sentence[:20]) as refused:
        Analyzer.open(models, site=Site())

    assert name in refused.value.detail


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PhiGuardUnavailableError):
        Analyzer.open(tmp_path / "nowhere", site=Site())


def _restore(file: Path, original: Path) -> None:
    if file.is_dir() and not file.is_symlink():
        file.rmdir()
    file.unlink(missing_ok=True)
    file.symlink_to(original)
