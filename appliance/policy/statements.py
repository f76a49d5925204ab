"""The Cedar files of the bundle: cut into policies, each checked against the schema, each with its line.

Cedar's own errors carry no position, so every policy is parsed by itself and an error is placed on its line.  Its
parser recurses and kills the process on deep nesting (found with 1,000 parentheses), so length and nesting are
bounded before it sees the text.  A policy without ``@id`` and ``@reason`` is refused: a decision must say why.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Literal

from cedarpy import PolicySet, Schema, policies_to_json_str, validate_policies
from pydantic import JsonValue, TypeAdapter

from appliance.errors import PolicyInvalidError
from appliance.policy.bundle import Statement
from appliance.policy.folder import SCHEMA
from appliance.policy.task import JsonObject

MAX_STATEMENT_CHARACTERS = 4_000
"""The longest policy that a person can review at a sight; bounds Cedar's recursion with `MAX_NESTING`."""

MAX_NESTING = 32
"""Brackets within brackets; Cedar's parser exhausts the stack somewhere between 600 and 1,000."""

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|[;(\[{<>}\])]', re.DOTALL)
_COMMENT = re.compile(r"//[^\n]*")
_ABOVE = re.compile(r"(?:\s+|//[^\n]*)*")
_ID = re.compile(r"[a-z][a-z0-9-]{1,62}[a-z0-9]")
_QUOTED = re.compile(r"[`'\"]([^`'\"]+)[`'\"]|: (\w+)$")

Form = tuple[Statement, JsonObject]
"""A policy and what Cedar's parser made of it."""

_Parsed = TypeAdapter(dict[str, dict[str, dict[str, JsonValue]] | list[JsonValue]])


def parse_schema(file: str, text: str) -> Schema:
    """Parse the schema.  Raises PolicyInvalidError with the line of the declaration at fault."""
    pieces = list(_pieces(file, text, brackets="()[]{}<>"))
    try:
        return Schema.from_str(text)
    except ValueError as error:
        line = next((line for line, piece in pieces if _is_no_schema(piece)), None) or _place(str(error), 1, text)
        raise PolicyInvalidError(
            f"{file}:{line}: the schema does not hold ({_words(error)}); mend this declaration."
        ) from error


def parse_statements(file: str, text: str, schema: Schema) -> Iterator[Form]:
    """Yield each policy of one file with its parsed form.  Raises PolicyInvalidError with its line and the reason."""
    for line, piece in _pieces(file, text):
        try:
            parsed = _Parsed.validate_json(policies_to_json_str(piece))
        except ValueError as error:
            at = _place(str(error), line, piece)
            raise PolicyInvalidError(f"{file}:{at}: this is no Cedar policy ({_words(error)}); mend it.") from error
        policies = parsed["staticPolicies"]
        if not isinstance(policies, dict) or len(policies) != 1:
            raise PolicyInvalidError(f"{file}:{line}: a template decides nothing here; write the policy out.")
        (form,) = policies.values()
        _check(file, line, piece, schema)
        yield _statement(file, line, piece, form), dict(form)


def policy_set(forms: Iterable[Form]) -> PolicySet:
    """Return the policies parsed once, each under its own ``@id``."""
    static = {statement.id: form for statement, form in forms}
    return PolicySet.from_json_str(json.dumps({"templates": {}, "templateLinks": [], "staticPolicies": static}))


def _check(file: str, line: int, piece: str, schema: Schema) -> None:
    result = validate_policies(piece, schema)
    if not result.validation_passed:
        reason = result.errors[0].error.removeprefix("for policy `policy0`, ")
        at = _place(reason, line, piece)
        raise PolicyInvalidError(f"{file}:{at}: the policy does not fit {SCHEMA} ({reason}); mend one of them.")


def _statement(file: str, line: int, piece: str, form: dict[str, JsonValue]) -> Statement:
    notes = form.get("annotations")
    notes = notes if isinstance(notes, dict) else {}
    name, reason = notes.get("id"), notes.get("reason")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise PolicyInvalidError(f'{file}:{line}: the policy needs @id("lower-case-words"); add it above this line.')
    if not isinstance(reason, str) or not reason.endswith(".") or not reason.isprintable():
        raise PolicyInvalidError(f"{file}:{line}: policy '{name}' needs @reason(\"A plain sentence.\"); add it.")
    effect: Literal["permit", "forbid"] = "permit" if form["effect"] == "permit" else "forbid"
    return Statement(id=name, effect=effect, reason=reason, file=file, line=line, text=piece)


def _pieces(file: str, text: str, *, brackets: str = "()[]{}") -> Iterator[tuple[int, str]]:
    """Cut at each ``;`` outside of text, comments and brackets; yield the first line and the text of each piece."""
    start, depth = 0, 0
    for token in _TOKEN.finditer(text):
        sign = brackets.find(token[0])
        depth += 0 if sign < 0 else 1 - 2 * (sign % 2)
        if depth > MAX_NESTING:
            line = text.count("\n", 0, token.start()) + 1
            raise PolicyInvalidError(f"{file}:{line}: more than {MAX_NESTING} brackets within each other; simplify it.")
        if token[0] == ";" and depth <= 0:
            yield _piece(file, text, start, token.end())
            start, depth = token.end(), 0
    if _COMMENT.sub("", text[start:]).strip():
        yield _piece(file, text, start, len(text))


def _piece(file: str, text: str, start: int, end: int) -> tuple[int, str]:
    """Leave out blank lines and comments above a piece, so that its line is that of its first word."""
    skip = _ABOVE.match(text, start, end)
    first = start if skip is None else skip.end()
    line = text.count("\n", 0, first) + 1
    if end - first > MAX_STATEMENT_CHARACTERS:
        raise PolicyInvalidError(f"{file}:{line}: longer than {MAX_STATEMENT_CHARACTERS} characters; split it.")
    return line, text[first:end]


def _is_no_schema(piece: str) -> bool:
    try:
        Schema.from_str(piece)
    except ValueError as error:
        return str(error).startswith("error parsing schema")
    return False


def _place(message: str, line: int, piece: str) -> int:
    """Return the line in a piece where the word that Cedar's message quotes stands, if it stands on one line only."""
    for match in _QUOTED.finditer(message):
        word = match[1] or match[2]
        lines = [number for number, content in enumerate(piece.split("\n")) if word in content]
        if len(lines) == 1:
            return line + lines[0]
    return line


def _words(error: ValueError) -> str:
    return " ".join(str(error).split())
