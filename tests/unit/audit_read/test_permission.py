import os
import shutil
from pathlib import Path

import pytest

from audit.errors import PermissionDeniedError, SettingsError
from audit.officers import Officer
from audit.permission import Permissions, Right
from tests.support.officers import POLICIES

ROLES = "roles: {guest: {description: x, principal: Officer, actions: []}}\n"
PERMIT = '@id("may-read")\n@reason("It may.")\npermit (principal, action == Action::"ReadTrail", resource);\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the shipped schema, one role, and no policy."""
    shutil.copy(POLICIES / "schema.cedarschema", tmp_path)
    (tmp_path / "roles.yaml").write_text(ROLES)
    return tmp_path


def _officer(*roles: str, name: str = "m.weber", tenant: str = "") -> Officer:
    return Officer(name=name, key_id="0" * 8, key_hmac="", created="", roles=roles, tenant=tenant)


@pytest.mark.parametrize(
    ("roles", "rights"),
    [
        ((), set()),
        (("compliance-officer",), {"ReadTrail", "ExportTrail"}),
        (("privacy-officer",), {"ReadTrail", "OpenBody", "ChangeRegister"}),
        (("release-officer",), {"ChangeRegister"}),
        (("quality-officer",), set()),
        (("compliance-officer", "privacy-officer"), {"ReadTrail", "ExportTrail", "OpenBody", "ChangeRegister"}),
        (("integration",), set()),
        (("operator",), set()),
    ],
)
def test_a_role_gives_the_rights_that_the_shipped_policy_says(roles: tuple[str, ...], rights: set[Right]) -> None:
    permissions = Permissions.load(POLICIES)
    every: tuple[Right, ...] = ("ReadTrail", "OpenBody", "ExportTrail", "ChangeRegister")

    assert {right for right in every if permissions.allows(_officer(*roles), right)} == rights


def test_an_officer_without_a_role_is_told_how_to_get_one() -> None:
    with pytest.raises(PermissionDeniedError, match=r"audit officer roles m\.weber --role ROLE.*privacy-officer"):
        Permissions.load(POLICIES).check(_officer(), "ReadTrail")


def test_a_refusal_names_what_is_missing() -> None:
    with pytest.raises(PermissionDeniedError, match="no policy permits it to compliance-officer"):
        Permissions.load(POLICIES).check(_officer("compliance-officer"), "OpenBody")


def test_a_policy_of_before_there_was_a_register_permits_nobody_to_change_it(folder: Path) -> None:
    schema = folder / "schema.cedarschema"
    text = schema.read_text()
    begin = text.index("action ChangeRegister")
    schema.write_text(text[:begin] + text[text.index("};", begin) + 2 :].replace("entity Register;", ""))
    (folder / "trail.cedar").write_text(PERMIT)
    permissions = Permissions.load(folder)

    assert permissions.allows(_officer("guest"), "ReadTrail")
    with pytest.raises(PermissionDeniedError, match="may not change who may get what leaves the building"):
        permissions.check(_officer("guest"), "ChangeRegister")


def test_nothing_is_permitted_by_an_empty_policy(folder: Path) -> None:
    assert not Permissions.load(folder).allows(_officer("guest"), "ReadTrail")


def test_a_forbid_wins_and_says_why(folder: Path) -> None:
    text = PERMIT + '@id("not-now")\n@reason("Not during the audit.")\nforbid (principal, action, resource);\n'
    (folder / "trail.cedar").write_text(text)

    with pytest.raises(PermissionDeniedError, match=r"Not during the audit\."):
        Permissions.load(folder).check(_officer("guest"), "ReadTrail")


def test_a_policy_that_cannot_be_evaluated_denies_what_another_permits(folder: Path) -> None:
    errs = (
        '@id("errs")\n@reason("It errs.")\nforbid (principal is Officer, action == Action::"ReadTrail", resource)\n'
        'when { principal.roles.contains("x") && 9223372036854775807 + 1 > 0 };\n'
    )
    (folder / "trail.cedar").write_text(PERMIT + errs)
    permissions = Permissions.load(folder)

    assert permissions.allows(_officer("guest"), "ReadTrail")
    with pytest.raises(PermissionDeniedError, match="could not be evaluated"):
        permissions.check(_officer("x"), "ReadTrail")


def test_a_name_that_is_no_unicode_denies() -> None:
    with pytest.raises(PermissionDeniedError, match="could not be evaluated"):
        Permissions.load(POLICIES).check(_officer("compliance-officer", name="\ud800"), "ReadTrail")


def test_a_policy_may_look_at_the_tenant(folder: Path) -> None:
    (folder / "trail.cedar").write_text(PERMIT.replace(");", ')\nwhen { principal.tenant == "east" };', 1))
    permissions = Permissions.load(folder)

    assert permissions.allows(_officer("guest", tenant="east"), "ReadTrail")
    assert not permissions.allows(_officer("guest", tenant="west"), "ReadTrail")


def test_a_changed_file_is_in_force_at_the_next_question(folder: Path) -> None:
    before = Permissions.load(folder).allows(_officer("guest"), "ReadTrail")
    (folder / "trail.cedar").write_text(PERMIT)

    assert (before, Permissions.load(folder).allows(_officer("guest"), "ReadTrail")) == (False, True)


def test_only_roles_that_an_officer_can_hold_are_taken() -> None:
    permissions = Permissions.load(POLICIES)

    permissions.check_roles(("privacy-officer",))
    with pytest.raises(SettingsError, match="'integration'; there are: compliance-officer"):
        permissions.check_roles(("integration",))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("trail.cedar", "permit (", r"trail\.cedar:1: this is no Cedar policy"),
        ("trail.cedar", "\n\n" + PERMIT.split("\n", 1)[1], r"trail\.cedar:3: the policy needs @id"),
        ("trail.cedar", PERMIT.replace('@reason("It may.")\n', ""), "needs @reason"),
        ("trail.cedar", PERMIT.replace("It may.", "It may"), "needs @reason"),
        ("trail.cedar", PERMIT + PERMIT, "'may-read' stands in trail.cedar:1 too"),
        ("trail.cedar", PERMIT.replace("ReadTrail", "Nonsense"), "does not fit the schema"),
        ("trail.cedar", PERMIT.replace("principal,", "principal == ?principal,"), "a template decides nothing"),
        ("trail.cedar", "(" * 1000, "more than 32 brackets"),
        ("trail.cedar", "// x\n" + PERMIT + "// " + "y" * 100 + "\n@id" + " " * 5000 + "x", "longer than 4000"),
        ("trail.cedar", b"\xff", "no UTF-8"),
        ("trail.cedar", "x" * 300_000, "larger than 256 KiB"),
        ("schema.cedarschema", "entity;", "the schema does not hold"),
        ("roles.yaml", "roles: [", "no register of roles"),
        ("roles.yaml", "roles: {a: {}}", "no register of roles"),
        ("roles.yaml", "[]", "no register of roles"),
    ],
)
def test_a_broken_folder_refuses_everybody_and_says_which_line(
    folder: Path, name: str, content: str | bytes, told: str
) -> None:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    with pytest.raises(SettingsError, match=told):
        Permissions.load(folder)


def test_a_trailing_comment_is_no_policy(folder: Path) -> None:
    (folder / "trail.cedar").write_text(PERMIT + "// the end\n")

    assert Permissions.load(folder).allows(_officer("guest"), "ReadTrail")


def test_a_missing_folder_says_where_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"'policies' in trail\.yaml"):
        Permissions.load(tmp_path / "absent")


def test_a_missing_schema_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"schema\.cedarschema cannot be read"):
        Permissions.load(tmp_path)


def test_a_link_and_a_pipe_are_no_policy(folder: Path) -> None:
    (folder / "link.cedar").symlink_to(POLICIES / "trail.cedar")
    with pytest.raises(SettingsError, match="cannot be read"):
        Permissions.load(folder)

    (folder / "link.cedar").unlink()
    os.mkfifo(folder / "pipe.cedar")
    with pytest.raises(SettingsError, match="no plain file"):
        Permissions.load(folder)


def test_a_folder_with_too_many_files_is_refused(folder: Path) -> None:
    for number in range(101):
        (folder / f"a{number}.cedar").write_text("")

    with pytest.raises(SettingsError, match="more than 100"):
        Permissions.load(folder)
