import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from appliance.errors import PolicyInvalidError
from appliance.policy.folder import MAX_FILE_BYTES, MAX_FILES, Folder, read_folder
from tests.support.registers import a_provider, write_register


def test_every_file_is_read_once_by_its_path_in_the_folder(policies: Path) -> None:
    folder = read_folder(policies)

    assert folder.files["tasks/medical-coding.yaml"] == (policies / "tasks" / "medical-coding.yaml").read_bytes()
    assert "README.md" in folder.files
    assert folder.matching(r".*\.cedar") == ["escalation.cedar", "operation.cedar", "tasks.cedar", "trail.cedar"]


def test_the_digest_is_what_sha256sum_says(policies: Path) -> None:
    write_register(policies, a_provider())
    listing = "sha256sum *.cedar *.cedarschema *.yaml pins/*.pem tasks/*.yaml | LC_ALL=C sort -k 2 | sha256sum"
    said = subprocess.run(["sh", "-c", listing], cwd=policies, capture_output=True, check=True, text=True)  # noqa: S607

    assert read_folder(policies).digest() == said.stdout.split()[0]


def test_a_changed_byte_changes_the_digest(policies: Path) -> None:
    before = read_folder(policies).digest()

    (policies / "retention.yaml").write_text("bodies_years: 7\n")

    assert read_folder(policies).digest() != before


def test_a_renamed_file_changes_the_digest() -> None:
    one = Folder(Path(), {"a.cedar": b"x"}).digest()

    assert one == hashlib.sha256(f"{hashlib.sha256(b'x').hexdigest()}  a.cedar\n".encode()).hexdigest()
    assert Folder(Path(), {"b.cedar": b"x"}).digest() != one


def test_explanations_and_cases_are_not_in_force(policies: Path) -> None:
    before = read_folder(policies).digest()

    (policies / "README.md").write_text("changed")
    (policies / "cases" / "more.yaml").write_text("cases: []")

    assert read_folder(policies).digest() == before


@pytest.mark.parametrize(
    "name",
    [
        *("tasks.cedar~", "Tasks.cedar", "policy.yaml", ".hidden", "tasks/deep.cedar", "notes.txt", "tasks/A.yaml"),
        *("more.pem", "pins/host.key", "pins/Host.pem", "pins/more.yaml"),
    ],
)
def test_a_file_that_does_not_belong_is_refused_by_name(policies: Path, name: str) -> None:
    (policies / "pins").mkdir()
    (policies / name).write_text("")

    with pytest.raises(
        PolicyInvalidError, match="nothing of this name belongs in a policy folder; remove or rename"
    ) as e:
        read_folder(policies)
    assert repr(name) in e.value.public


def test_an_unknown_folder_is_refused(policies: Path) -> None:
    (policies / "old").mkdir()

    with pytest.raises(PolicyInvalidError, match="'old':1: nothing of this name"):
        read_folder(policies)


def test_a_folder_with_the_name_of_a_file_is_refused(policies: Path) -> None:
    (policies / "more.cedar").mkdir()

    with pytest.raises(PolicyInvalidError, match=r"'more.cedar':1: nothing of this name"):
        read_folder(policies)


def test_a_pipe_in_place_of_a_file_is_refused_and_never_waited_for(policies: Path) -> None:
    os.mkfifo(policies / "more.cedar")

    with pytest.raises(PolicyInvalidError, match=r"more.cedar:1: this is no plain file; put the file itself here"):
        read_folder(policies)


@pytest.mark.parametrize("name", ["more.cedar", "tasks/more.yaml", "pins/more.pem", "anything"])
def test_a_link_is_refused_wherever_it_points(policies: Path, name: str) -> None:
    (policies / "pins").mkdir()
    (policies / name).symlink_to(policies / "tasks.cedar")

    with pytest.raises(PolicyInvalidError, match=f"{name}:1: this is a symbolic link; put the file itself here"):
        read_folder(policies)


def test_a_linked_tasks_folder_is_refused(policies: Path, tmp_path: Path) -> None:
    (policies / "tasks").rename(tmp_path / "elsewhere")
    (policies / "tasks").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PolicyInvalidError, match="tasks:1: this is a symbolic link"):
        read_folder(policies)


def test_a_file_above_the_cap_is_refused(policies: Path) -> None:
    (policies / "more.cedar").write_bytes(b"/" * (MAX_FILE_BYTES + 1))

    with pytest.raises(PolicyInvalidError, match=r"more.cedar:1: larger than 256 KiB; shorten or split it"):
        read_folder(policies)


def test_a_folder_of_too_many_files_is_refused(policies: Path) -> None:
    for number in range(MAX_FILES):
        (policies / "cases" / f"case-{number}.yaml").touch()

    with pytest.raises(PolicyInvalidError, match="more than 500 files"):
        read_folder(policies)


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalidError, match=r"nowhere:1: cannot be read \(No such file or directory\)"):
        read_folder(tmp_path / "nowhere")


def test_a_missing_file_says_what_to_do(policies: Path) -> None:
    (policies / "roles.yaml").unlink()

    with pytest.raises(PolicyInvalidError, match=r"roles.yaml:1: the file is missing; restore it"):
        read_folder(policies).text("roles.yaml")


def test_text_that_is_no_utf_8_is_refused_with_its_line() -> None:
    folder = Folder(Path(), {"roles.yaml": b"a: 1\nb: \xff\n"})

    with pytest.raises(PolicyInvalidError, match=r"roles.yaml:2: this is no UTF-8"):
        folder.text("roles.yaml")
