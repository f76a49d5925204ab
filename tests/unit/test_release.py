import json
import os
from pathlib import Path

import pytest

from appliance.errors import ManifestMismatchError
from appliance.release import FILE_NAME, SMALL, check_release, main, write_release


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "1.0.0"
    for part in ("gateway", "engine"):
        (folder / part / "bin").mkdir(parents=True)
        (folder / part / "bin" / "python").symlink_to("/usr/bin/python3")
        (folder / part / "module.py").write_text("x = 1\n")
        (folder / part / "module.pyc").write_bytes(b"compiled")
    write_release(folder)
    return folder


def refused(folder: Path, part: str | None = None) -> str:
    with pytest.raises(ManifestMismatchError) as caught:
        check_release(folder, part)
    return caught.value.public


def test_an_installed_version_that_nobody_touched_may_start(release: Path) -> None:
    check_release(release)
    check_release(release, "gateway")


def test_the_switch_to_the_current_version_is_followed(release: Path) -> None:
    current = release.parent / "current"
    current.symlink_to(release.name)
    check_release(current, "gateway")


def test_an_altered_an_added_and_a_removed_file_stop_the_start_by_name(release: Path) -> None:
    (release / "gateway/module.pyc").write_bytes(b"Compiled")
    (release / "gateway/added.pth").write_text("import evil")
    (release / "gateway/module.py").unlink()
    sentence = refused(release, "gateway")
    for words in ("gateway/module.py is missing", "gateway/added.pth is extra", "gateway/module.pyc has changed"):
        assert words in sentence
    assert "run the playbook again" in sentence


def test_another_part_does_not_stop_a_unit_that_does_not_use_it(release: Path) -> None:
    (release / "engine/module.py").write_text("x = 2\n")
    check_release(release, "gateway")
    assert "engine/module.py has changed" in refused(release)


def test_an_interpreter_that_points_elsewhere_is_found(release: Path) -> None:
    link = release / "gateway/bin/python"
    link.unlink()
    link.symlink_to("/home/somebody/python3")
    assert "gateway/bin/python has changed" in refused(release, "gateway")


def test_a_file_replaced_by_a_pipe_is_found_and_never_waited_for(release: Path) -> None:
    (release / "gateway/module.py").unlink()
    os.mkfifo(release / "gateway/module.py")
    assert "gateway/module.py has changed" in refused(release, "gateway")


def test_a_half_finished_version_is_refused_with_what_to_do(release: Path) -> None:
    (release / FILE_NAME).unlink()
    assert "not installed to its end" in refused(release)


def test_a_part_that_is_not_listed_or_not_there_is_refused(release: Path) -> None:
    assert "does not list 'guard'" in refused(release, "guard")
    for path in sorted((release / "engine").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    (release / "engine").rmdir()
    assert "cannot be read" in refused(release, "engine")


@pytest.mark.parametrize(
    "content",
    ["no json", "[]", '{"format": 2, "parts": {}}', '{"format": 1}', '{"format": 1, "parts": {"gateway": []}}'],
)
def test_a_list_that_is_none_of_ours_is_refused(release: Path, content: str) -> None:
    (release / FILE_NAME).write_text(content)
    assert "run the playbook again" in refused(release)


def test_a_list_that_cannot_be_read_is_refused(release: Path) -> None:
    (release / FILE_NAME).unlink()
    (release / FILE_NAME).mkdir()
    assert "cannot be read" in refused(release)


def test_many_files_are_read_by_several_processes_and_each_difference_is_still_named(release: Path) -> None:
    for number in range(4 * SMALL):
        (release / "engine" / f"file{number:03}").write_bytes(b"x" * number)
    write_release(release)
    check_release(release)
    (release / "engine/file123").write_bytes(b"y" * 123)
    assert "engine/file123 has changed" in refused(release, "engine")


def test_of_many_differences_some_are_named_and_the_rest_counted(release: Path) -> None:
    for number in range(12):
        (release / "engine" / f"more{number:02}").write_bytes(b"x")
    assert "and 2 more" in refused(release, "engine")


def test_the_installer_writes_and_checks_by_command(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (release / FILE_NAME).unlink()
    assert main(["write", str(release)]) == 0
    assert json.loads((release / FILE_NAME).read_text())["parts"].keys() == {"gateway", "engine"}
    assert main(["check", str(release), "--part", "gateway"]) == 0
    (release / "gateway/module.py").write_text("x = 2\n")
    assert main(["check", str(release), "--part", "gateway"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_that_cannot_be_read_counts_as_changed(release: Path) -> None:
    path = release / "gateway/module.py"
    path.unlink()
    path.symlink_to("module.pyc")
    assert "gateway/module.py has changed" in refused(release, "gateway")
