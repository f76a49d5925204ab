"""The Cedar files cut into policies, each checked against the schema, each with its name, its reason and its line.

Cedar's parser recurses and kills the process on deep nesting (found with 1,000 parentheses), so length and nesting are
bounded before it sees the text.  A policy without ``@id`` and ``@reason`` is refused: a refusal must say why.
The same rules as `appliance policy check`, which also names the line inside a policy.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cedarpy import PolicySet, Schema, policies_to_json_str, validate_policies

from audit.errors import SettingsError

MAX_STATEMENT_CHARACTERS = 4_000
"""The longest policy that a person can review at a sight; bounds Cedar's recursion with `MAX_NESTING`."""

MAX_NESTING = 32
"""Brackets within brackets; Cedar's parser exhausts the stack somewhere between 600 and 1,000."""

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|[;(\[{<>}\])]', re.DOTALL)
_COMMENT = re.compile(r"//[^\n]*")
_ABOVE = re.compile(r"(?:\s+|//[^\n]*)*")
_ID = re.compile(r"[a-z][a-z0-9-]{1,62}[a-z0-9]")
_MEND = "mend it and run 'appliance policy check'."

Form = dict[str, object]
"""What Cedar's parser made of a policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One policy as it stands in the folder."""

    id: str
    reason: str
    """A plain sentence: what a person is told when it decides."""

    file: str
    line: int


def parse_schema(file: str, text: str) -> Schema:
    """Parse the schema.  Raises SettingsError."""
    for _piece in _pieces(file, text, brackets="()[]{}<>"):
        pass  # only its bounds
    try:
        return Schema.from_str(text)
    except ValueError as error:
        raise SettingsError(f"{file}: the schema does not hold; {_MEND}") from error


def parse_statements(file: str, text: str, schema: Schema) -> Iterator[tuple[Statement, Form]]:
    """Yield each policy of one file with its parsed form.  Raises SettingsError with its line and the reason."""
    for line, piece in _pieces(file, text, brackets="()[]{}"):
        try:
            parsed = json.loads(policies_to_json_str(piece))
        except ValueError as error:
            raise SettingsError(f"{file}:{line}: this is no Cedar policy; {_MEND}") from error
        policies = parsed["staticPolicies"]
        if len(policies) != 1:
            raise SettingsError(f"{file}:{line}: a template decides nothing here; write the policy out.")
        if not validate_policies(piece, schema).validation_passed:
            raise SettingsError(f"{file}:{line}: the policy does not fit the schema; {_MEND}")
        (form,) = policies.values()
        yield _statement(file, line, form), form


def policy_set(forms: Iterable[tuple[Statement, Form]]) -> PolicySet:
    """Return the policies parsed once, each under its own ``@id``."""
    static = {statement.id: form for statement, form in forms}
    return PolicySet.from_json_str(json.dumps({"templates": {}, "templateLinks": [], "staticPolicies": static}))


def _statement(file: str, line: int, form: Form) -> Statement:
    notes = form.get("annotations")
    notes = notes if isinstance(notes, dict) else {}
    name, reason = notes.get("id"), notes.get("reason")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise SettingsError(f'{file}:{line}: the policy needs @id("lower-case-words"); add it above this line.')
    if not isinstance(reason, str) or not reason.endswith(".") or not reason.isprintable():
        raise SettingsError(f"{file}:{line}: policy '{name}' needs @reason(\"A plain sentence.\"); add it.")
    return Statement(id=name, reason=reason, file=file, line=line)


def _pieces(file: str, text: str, *, brackets: str) -> Iterator[tuple[int, str]]:
    """Cut at each ``;`` outside of text, comments and brackets; yield the first line and the text of each piece."""
    start, depth = 0, 0
    for token in _TOKEN.finditer(text):
        sign = brackets.find(token[0])
        depth += 0 if sign < 0 else 1 - 2 * (sign % 2)
        if depth > MAX_NESTING:
            line = text.count("\n", 0, token.start()) + 1
            raise SettingsError(f"{file}:{line}: more than {MAX_NESTING} brackets within each other; simplify it.")
        if token[0] == ";" and depth <= 0:
            yield _piece(file, text, start=start, end=token.end())
            start, depth = token.end(), 0
    if _COMMENT.sub("", text[start:]).strip():
        yield _piece(file, text, start=start, end=len(text))


def _piece(file: str, text: str, *, start: int, end: int) -> tuple[int, str]:
    """Leave out blank lines and comments above a piece, so that its line is that of its first word."""
    skip = _ABOVE.match(text, start, end)
    first = start if skip is None else skip.end()
    line = text.count("\n", 0, first) + 1
    if end - first > MAX_STATEMENT_CHARACTERS:
        raise SettingsError(f"{file}:{line}: longer than {MAX_STATEMENT_CHARACTERS} characters; split it.")
    return line, text[first:end]
