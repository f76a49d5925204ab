import errno
import json
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from appliance.errors import ConfigError, ManifestMismatchError
from appliance.medium.build import build
from appliance.medium.contents import Contents
from appliance.medium.layout import Layout
from appliance.medium.signing import Signer
from appliance.medium.suites import Suite
from appliance.medium.verify import SIGNATURE, SUMS, check_medium, list_files
from appliance.models.builder_process import Step
from tests.support.small_builds import BUILT_AT, small_order


def quiet(_: Step) -> None:
    """Show no progress."""


@pytest.fixture(scope="module")
def told() -> list[Step]:
    return []


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, signer: Signer, told: list[Step]) -> Path:
    folder = tmp_path_factory.mktemp("build")
    build(small_order(folder, signer), Layout(folder / "medium"), now=BUILT_AT, report=told.append)
    return folder / "medium"


def test_a_medium_holds_what_a_server_needs_and_nothing_that_is_not_tracked(built: Path) -> None:
    assert set(list_files(built)) == {
        "MEDIUM.json", "verify", "install",
        "ansible/site.yml", "ansible/link.yml", "ansible/medium/install", "ansible/medium/packages.yml",
        "policies/tasks.cedar", "locks/gateway.lock", "locks/appliance.lock",
        "wheels/setuptools-1.0-py3-none-any.whl", "wheels/own-1.0.0-py3-none-any.whl",
        "apt/bookworm/InRelease", "apt/bookworm/Packages", "apt/bookworm/pool/hello_1%3a2.0_amd64.deb",
        "models/model/manifest.json", "models/model/config.json", "models/model/tokenizer.json",
        "models/model/model-00001-of-00002.safetensors", "models/model/model-00002-of-00002.safetensors",
        "models/model/model.safetensors.index.json", "guard/names",
        "sbom/bookworm-gateway.cdx.json", "sbom/bookworm-engine-cpu.cdx.json", "sbom/bookworm-packages.cdx.json",
        "sbom/models.cdx.json",
    }  # fmt: skip


def test_it_says_what_it_is(built: Path) -> None:
    contents = Contents.from_medium(built)
    assert contents.version == "1.0.0"
    assert contents.built_at == "2026-11-23T12:00:00Z"
    assert not contents.source.modified
    suite = contents.suites["bookworm"]
    assert (suite.python, suite.packages, suite.unknown_packages) == ("3.11", 1, ("driver",))
    assert suite.environments["gateway"] == ("locks/gateway.lock", "locks/appliance.lock")


def test_it_can_be_checked_with_the_distributions_own_programs(built: Path, signer: Signer, tmp_path: Path) -> None:
    (tmp_path / "key.gpg").write_bytes(signer.public())
    gpgv = ["gpgv", "--keyring", str(tmp_path / "key.gpg")]
    subprocess.run([*gpgv, SIGNATURE, SUMS], cwd=built, check=True, capture_output=True)
    subprocess.run([*gpgv, "apt/bookworm/InRelease"], cwd=built, check=True, capture_output=True)
    sums = ["sha256sum", "--check", "--strict", "--quiet", SUMS]
    subprocess.run(sums, cwd=built, check=True, capture_output=True)


def test_its_programs_can_be_started_and_everybody_may_read_all_files(built: Path) -> None:
    modes = {name: stat.S_IMODE((built / name).stat().st_mode) for name in list_files(built)}
    assert {name for name, mode in modes.items() if mode == 0o755} >= {"install", "ansible/medium/install"}
    assert set(modes.values()) <= {0o644, 0o755}
    assert not (built / "ansible/link.yml").is_symlink()


def test_our_own_wheel_is_pinned_by_its_digest(built: Path) -> None:
    lock = (built / "locks/appliance.lock").read_text()
    digests = dict(line.split("  ")[::-1] for line in (built / SUMS).read_text().splitlines())
    assert lock.startswith("clinical-inference-appliance==1.0.0 \\\n")
    assert digests["wheels/own-1.0.0-py3-none-any.whl"] in lock


def test_its_bills_of_materials_are_cyclonedx_and_name_version_digest_and_licence(built: Path) -> None:
    for path in sorted((built / "sbom").iterdir()):
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text()) is None, path.name
    wheel = json.loads((built / "sbom/bookworm-gateway.cdx.json").read_text())["components"][0]
    assert wheel["purl"] == "pkg:pypi/setuptools@1.0"
    assert wheel["licenses"] == [{"license": {"name": "MIT"}}]
    package = json.loads((built / "sbom/bookworm-packages.cdx.json").read_text())["components"][0]
    assert package["purl"] == "pkg:deb/debian/hello@1%3A2.0?arch=amd64&distro=bookworm"


def test_the_next_version_links_what_did_not_change(tmp_path: Path, signer: Signer, built: Path) -> None:
    place = tmp_path / "medium"
    build(small_order(tmp_path, signer), Layout(place), now=BUILT_AT, report=quiet)
    own = "wheels/own-1.0.0-py3-none-any.whl"
    assert (place / own).read_bytes() == (built / own).read_bytes(), "the same source gives the same wheel"
    before = {name: (place / name).stat().st_ino for name in list_files(place)}
    proven = build(small_order(tmp_path, signer, label="trial.2"), Layout(place), now=BUILT_AT, report=quiet)
    after = {name: (place / name).stat().st_ino for name in list_files(place)}
    kept = {name for name in after if before.get(name) == after[name]}
    assert proven.version == "1.0.0+trial.2"
    assert "wheels/own-1.0.0+trial.2-py3-none-any.whl" in after
    assert "wheels/own-1.0.0-py3-none-any.whl" not in after
    assert {"models/model/config.json", "apt/bookworm/pool/hello_1%3a2.0_amd64.deb", "guard/names"} <= kept
    assert (tmp_path / "model/config.json").stat().st_ino not in after.values()


def test_a_build_that_fails_leaves_the_last_medium_whole(tmp_path: Path, signer: Signer, built: Path) -> None:
    order = small_order(tmp_path, signer)
    shutil.copytree(built, tmp_path / "medium")
    (tmp_path / "model/config.json").write_text("{}")
    with pytest.raises(ManifestMismatchError, match=r"config\.json has changed"):
        build(order, Layout(tmp_path / "medium"), now=BUILT_AT, report=quiet)
    assert check_medium(tmp_path / "medium", signer.public()).version == "1.0.0"


def test_guard_models_that_are_not_those_pinned_are_refused(tmp_path: Path, signer: Signer) -> None:
    order = small_order(tmp_path, signer)
    (tmp_path / "guard/names").write_bytes(b"other")
    with pytest.raises(ConfigError, match="make gateway"):
        build(order, Layout(tmp_path / "medium"), now=BUILT_AT, report=quiet)


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, ConfigError), (errno.EIO, OSError)])
def test_a_full_disk_is_told_as_such(tmp_path: Path, signer: Signer, number: int, kind: type[Exception]) -> None:
    def fail(_: Suite) -> None:
        raise OSError(number, os.strerror(number))

    order = replace(small_order(tmp_path, signer), resolve=fail)  # type: ignore[arg-type]
    with pytest.raises(kind, match=r"is full|Input/output"):
        build(order, Layout(tmp_path / "medium"), now=BUILT_AT, report=quiet)


def test_progress_counts_up_to_its_end(built: Path, told: list[Step]) -> None:
    assert built.is_dir()
    assert [step.done for step in told] == list(range(len(told)))
    assert told[-1].done == told[-1].total


def test_a_tool_that_is_absent_is_named_with_its_package(
    tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = small_order(tmp_path, signer)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt-get install apt apt-utils"):
        build(order, Layout(tmp_path / "medium"), now=BUILT_AT, report=quiet)
