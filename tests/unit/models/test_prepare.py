import fcntl
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from appliance.errors import ConfigError, ManifestMismatchError
from appliance.models.builder_process import Step
from appliance.models.prepare import prepare
from appliance.models.verify import verify
from tests.support.model_folders import builder, pinned_folder, recipe


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "models" / "smollm2-135m-instruct-awq"


def _hidden(destination: Path) -> list[str]:
    return sorted(path.name for path in destination.parent.glob(".*") if not path.name.endswith(".lock"))


def test_a_build_is_put_in_place_whole_and_verified(destination: Path, tmp_path: Path) -> None:
    steps: list[Step] = []

    prepared = prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds"), report=steps.append)

    assert prepared.built
    assert verify(destination) == prepared.manifest
    assert sorted(prepared.manifest.files) == ["config.json", "model.safetensors"]
    assert prepared.manifest.tools == {"torch": "2.13.0"}
    assert prepared.manifest.calibration_digest is not None
    assert [step.name for step in steps] == ["finding scales", "finding scales", "hashing", "hashing"]
    assert _hidden(destination) == []


def test_the_engines_user_can_read_what_was_built(destination: Path, tmp_path: Path) -> None:
    prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds"))

    assert oct(destination.stat().st_mode & 0o777) == "0o755"
    assert {oct(path.stat().st_mode & 0o777) for path in destination.iterdir()} == {"0o644"}


def test_two_builds_have_one_digest(destination: Path, tmp_path: Path) -> None:
    first = prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds"))
    second = prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds"), replace=True)

    assert second.built
    assert first.manifest.digest == second.manifest.digest
    assert _hidden(destination) == []


def test_a_model_that_is_there_is_verified_and_not_built_again(destination: Path, tmp_path: Path) -> None:
    prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds"))

    again = prepare(recipe(tmp_path), destination, python=tmp_path / "no such python")

    assert not again.built


def test_a_sites_own_verified_model_is_left_as_it_is(destination: Path, tmp_path: Path) -> None:
    pinned_folder(destination)

    assert prepare(recipe(tmp_path), destination, python=tmp_path / "none").manifest.name == "llama-3.3-70b-awq"


def test_altered_weights_are_shown_and_not_built_over(destination: Path, tmp_path: Path) -> None:
    prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds"))
    destination.joinpath("model.safetensors").write_bytes(b"weightZ")

    with pytest.raises(ManifestMismatchError, match=r"model\.safetensors has changed.*--replace"):
        prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds"))

    assert prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds"), replace=True).built


def test_a_folder_without_a_manifest_is_somebodys_and_stays(destination: Path, tmp_path: Path) -> None:
    destination.mkdir(parents=True)
    destination.joinpath("notes.txt").write_text("mine")

    with pytest.raises(ManifestMismatchError, match=r"has no manifest\.json"):
        prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds"))

    assert destination.joinpath("notes.txt").read_text() == "mine"


def test_an_empty_folder_is_nobodys_and_is_filled(destination: Path, tmp_path: Path) -> None:
    destination.mkdir(parents=True)

    assert prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds")).built


@pytest.mark.parametrize("ending", ["fails", "says nothing at the end"])
def test_a_failed_build_leaves_no_model_and_names_its_log(destination: Path, tmp_path: Path, ending: str) -> None:
    with pytest.raises(ConfigError, match=r"The model builder failed.*build\.log says why"):
        prepare(recipe(tmp_path), destination, python=builder(tmp_path, ending))

    assert not destination.exists()
    assert _hidden(destination) == [".smollm2-135m-instruct-awq.build.log"]


def test_a_builder_that_talks_nonsense_is_stopped_at_once(destination: Path, tmp_path: Path) -> None:
    started = time.monotonic()

    with pytest.raises(ConfigError, match="not its own line"):
        prepare(recipe(tmp_path), destination, python=builder(tmp_path, "talks nonsense"))

    assert time.monotonic() - started < 30
    assert not destination.exists()


def test_a_builder_that_leaves_code_behind_makes_no_model(destination: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"what no model may hold: modeling\.py"):
        prepare(recipe(tmp_path), destination, python=builder(tmp_path, "leaves code"))

    assert not destination.exists()


def test_the_builder_sees_nothing_of_our_environment(
    destination: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")

    tools = prepare(recipe(tmp_path), destination, python=builder(tmp_path, "tells its environment")).manifest.tools

    assert "secret" not in tools.values()
    assert "HTTPS_PROXY" not in tools
    assert tools["HF_HUB_OFFLINE"] == "1"
    assert not Path(tools["HOME"]).exists()


def test_a_missing_builder_environment_says_what_to_run(destination: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Run 'make model'"):
        prepare(recipe(tmp_path), destination, python=tmp_path / "none")


def test_a_build_killed_in_the_middle_leaves_nothing_that_looks_whole(destination: Path, tmp_path: Path) -> None:
    python = builder(tmp_path, "hangs")
    child = os.fork()
    if child == 0:
        prepare(recipe(tmp_path), destination, python=python)
        os._exit(0)
    pid_file = _wait_for_one(destination, ".*.building-*/pid")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.kill(int(pid_file.read_text()), signal.SIGKILL)

    assert not destination.exists()
    assert prepare(recipe(tmp_path), destination, python=builder(tmp_path, "builds")).built
    assert _hidden(destination) == []


def _wait_for_one(destination: Path, pattern: str) -> Path:
    for _ in range(600):
        for path in destination.parent.glob(pattern):
            if path.read_text():
                return path
        time.sleep(0.05)
    raise AssertionError(pattern)


def test_a_second_prepare_waits_and_finds_the_model_built(destination: Path, tmp_path: Path) -> None:
    destination.parent.mkdir(parents=True)
    steps: list[str] = []
    with destination.parent.joinpath(f".{destination.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(
            target=lambda: prepare(
                recipe(tmp_path), destination, python=tmp_path / "none", report=lambda step: steps.append(step.name)
            )
        )
        waiting.start()
        while not steps:
            time.sleep(0.01)
        pinned_folder(destination)
    waiting.join(timeout=30)

    assert steps[0] == "waiting for another prepare"
    assert steps[-1] == "hashing"
