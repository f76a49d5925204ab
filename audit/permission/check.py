"""The one place of the trail that says yes or no to an officer: the site's Cedar policies, deny by default.

A policy that cannot be evaluated denies, where Cedar's own authorizer would skip it (cedar-policy ``authorizer.rs``,
``ErrorHandling::Skip``): a forbid that errs must not open a door.  A refusal says why in the policy's own sentence.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol

import yaml
from cedarpy import AuthzResult, Entities, PolicySet, Schema, is_authorized

from audit.errors import PermissionDeniedError, SettingsError
from audit.permission.folder import ROLES, SCHEMA, read_policy_files
from audit.permission.statements import Form, Statement, parse_schema, parse_statements, policy_set

Right = Literal["ReadTrail", "OpenBody", "ExportTrail", "ChangeRegister"]
"""What can be asked of the policy about the trail and about what may leave; names of Cedar actions."""

REMEMBERED = 4
"""Parsed folders, by the bytes of their files: a changed file is in force at the next question."""

PLAIN: Mapping[Right, str] = MappingProxyType(
    {
        "ReadTrail": "read the trail",
        "OpenBody": "open sealed requests and answers",
        "ExportTrail": "take a copy of the trail out",
        "ChangeRegister": "change who may get what leaves the building",
    }
)
"""Rights in plain words."""

TRAIL: Mapping[str, str] = MappingProxyType({"type": "Trail", "id": "trail"})
REGISTER: Mapping[str, str] = MappingProxyType({"type": "Register", "id": "register"})
"""What a right is asked about; `TRAIL` unless it is the right to change the register."""


class Person(Protocol):
    """The part of an officer that a policy can look at."""

    @property
    def name(self) -> str:
        """Return the officer's name."""
        ...

    @property
    def tenant(self) -> str:
        """Return the tenant; empty for the whole hospital."""
        ...

    @property
    def roles(self) -> Collection[str]:
        """Return the names of the roles."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """The policies of one folder, parsed and checked as a whole."""

    officer_roles: Mapping[str, str]
    """Roles that an officer can hold, each with what it is there for."""

    _statements: Mapping[str, Statement]
    _policies: PolicySet
    _schema: Schema

    @classmethod
    def load(cls, folder: Path) -> "Permissions":
        """Return the policies of a folder as it is now.  Raises SettingsError with file, line and what to do."""
        return _parsed(read_policy_files(folder))

    def check(self, officer: Person, right: Right) -> None:
        """Raise PermissionDeniedError, with the policy's reason, unless the policy permits this."""
        result = self._ask(officer, right)
        if result is not None and result.allowed and not result.diagnostics.errors:
            return
        raise PermissionDeniedError(self._reason(officer, right, result))

    def allows(self, officer: Person, right: Right) -> bool:
        """Say whether `check` would pass."""
        try:
            self.check(officer, right)
        except PermissionDeniedError:
            return False
        return True

    def check_roles(self, roles: Collection[str]) -> None:
        """Raise SettingsError for a role that no officer can hold."""
        for role in roles:
            if role not in self.officer_roles:
                raise SettingsError(
                    f"No officer can hold the role '{role[:64]}'; there are: {', '.join(sorted(self.officer_roles))}."
                )

    def _ask(self, officer: Person, right: Right) -> AuthzResult | None:
        """Return Cedar's answer; None when the question does not even fit the schema."""
        principal = {"type": "Officer", "id": officer.name}
        attributes = {"tenant": officer.tenant, "roles": sorted(officer.roles), "tasks": []}
        resource = dict(REGISTER if right == "ChangeRegister" else TRAIL)
        entities = [
            {"uid": principal, "attrs": attributes, "parents": []},
            {"uid": resource, "attrs": {}, "parents": []},
        ]
        request: dict[str, object] = {
            "principal": principal,
            "action": {"type": "Action", "id": right},
            "resource": resource,
            "context": "{}",
        }
        try:
            return is_authorized(
                request, self._policies, Entities.from_json_str(json.dumps(entities), self._schema), self._schema
            )
        except (ValueError, TypeError):
            return None

    def _reason(self, officer: Person, right: Right, result: AuthzResult | None) -> str:
        who, what = f"Officer {officer.name}", PLAIN[right]
        if result is None or result.diagnostics.errors:
            return f"{who} may not {what}: a policy could not be evaluated; run 'appliance policy check'."
        forbidding = [self._statements[each].reason for each in sorted(result.diagnostics.reasons)]
        if forbidding:
            return f"{who} may not {what}: {' '.join(forbidding)}"
        if not officer.roles:
            held = ", ".join(sorted(self.officer_roles))
            give = f"give one with 'audit officer roles {officer.name} --role ROLE' (of: {held})."
            return f"{who} has no role yet, so may not {what}; {give}"
        held = ", ".join(sorted(officer.roles))
        return f"{who} may not {what}: no policy permits it to {held}; see 'appliance policy table'."


@lru_cache(maxsize=REMEMBERED)
def _parsed(files: tuple[tuple[str, str], ...]) -> Permissions:
    """Parse a folder's files; half of the time of a question, so the newest folders stay parsed."""
    texts = dict(files)
    schema = parse_schema(SCHEMA, texts[SCHEMA])
    forms = list(_statements(texts, schema))
    return Permissions(
        officer_roles=MappingProxyType(_officer_roles(texts[ROLES])),
        _statements=MappingProxyType({statement.id: statement for statement, _form in forms}),
        _policies=policy_set(forms),
        _schema=schema,
    )


def _statements(texts: Mapping[str, str], schema: Schema) -> Iterator[tuple[Statement, Form]]:
    first: dict[str, Statement] = {}
    for file in texts:
        if file in (SCHEMA, ROLES):
            continue
        for statement, form in parse_statements(file, texts[file], schema):
            twin = first.setdefault(statement.id, statement)
            if twin is not statement:
                raise SettingsError(
                    f"{file}:{statement.line}: policy '{statement.id}' stands in {twin.file}:{twin.line} too; "
                    "rename one of them."
                )
            yield statement, form


def _officer_roles(text: str) -> dict[str, str]:
    """Return the officers' roles with their descriptions."""
    try:
        roles = yaml.safe_load(text)["roles"].items()
        return {str(name): str(role["description"]) for name, role in roles if role["principal"] == "Officer"}
    except (yaml.YAMLError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise SettingsError(f"{ROLES}: this is no register of roles; run 'appliance policy check'.") from error
