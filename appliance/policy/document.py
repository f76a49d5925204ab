"""One YAML file of the bundle, read strictly and with the line of every key.

Duplicate keys, aliases, deep nesting and numbers that are none are refused: each is a way to make a file mean something
other than what a reviewer sees.  Errors name file and line and say what to do; they repeat keys, never values.
"""

import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from typing_extensions import override

from appliance.errors import PolicyInvalidError

MAX_DEPTH = 32
"""The deepest output schema of the task pack has 9 levels; the composer recurses."""

Path = tuple[str | int, ...]
"""Keys and indexes from the top of a document to a value."""

ModelT = TypeVar("ModelT", bound=BaseModel)
"""The model that a document is checked against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document(Generic[ModelT]):
    """A checked file and where its keys stand."""

    file: str
    value: ModelT
    lines: dict[Path, int]

    def error(self, path: Path, reason: str) -> PolicyInvalidError:
        """Return the error for one key of this file."""
        return PolicyInvalidError(f"{self.file}:{_line(self.lines, path)}: {reason}")


def read_document(file: str, text: str, model: type[ModelT]) -> Document[ModelT]:
    """Parse and check one file.  Raises PolicyInvalidError with its line, the reason and what to do."""
    data, lines = _parse(file, text)
    try:
        value = model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = tuple(first["loc"])
        raise PolicyInvalidError(
            f"{file}:{_line(lines, path)}: {_sentence(path, first['type'], first['msg'])}"
        ) from error
    return Document(file=file, value=value, lines=lines)


def _sentence(path: Path, kind: str, message: str) -> str:
    key = ".".join(str(part) for part in path) or "the file"
    match kind:
        case "missing":
            return f"'{key}' is missing; add it."
        case "extra_forbidden":
            return f"'{key}' is no known key; remove it or mend its spelling."
        case _:
            return f"'{key}': {message.removeprefix('Value error, ')}."


def _line(lines: dict[Path, int], path: Path) -> int:
    """Return the line of a path, or of the deepest part of it that the file has.

    Pydantic puts names of union members into a path, which the file does not have: they are passed over.
    """
    at: Path = ()
    for part in path:
        if (*at, part) in lines:
            at = (*at, part)
    return lines[at]


def _parse(file: str, text: str) -> tuple[object, dict[Path, int]]:
    try:
        loader = _Loader(file, text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise PolicyInvalidError(f"{file}:1: this must be a mapping of keys to values; see policies/README.md.")
        lines: dict[Path, int] = {(): 1}
        for path, line in _walk(node, ()):
            if path in lines:
                raise PolicyInvalidError(
                    f"{file}:{line}: '{path[-1]}' stands here a second time; remove one of the two."
                )
            lines[path] = line
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise PolicyInvalidError(f"{file}:{line}: this is no YAML that we read ({error.problem}); mend it.") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyInvalidError(f"{file}:{line}: a character that YAML does not allow; remove it.") from error


def _walk(node: yaml.MappingNode | yaml.SequenceNode, at: Path) -> Iterator[tuple[Path, int]]:
    if isinstance(node, yaml.MappingNode):
        children: list[tuple[str | int, yaml.Node, yaml.Node]] = [
            (str(key.value), key, value) for key, value in node.value
        ]
    else:
        children = [(index, value, value) for index, value in enumerate(node.value)]
    for part, marked, child in children:
        yield (*at, part), marked.start_mark.line + 1
        if isinstance(child, yaml.MappingNode | yaml.SequenceNode):
            yield from _walk(child, (*at, part))


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without aliases, deep nesting, other keys than text, or numbers that are none."""

    def __init__(self, file: str, text: str) -> None:
        super().__init__(text)
        self._file = file
        self._depth = 0

    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise self._refusal(event, "an alias; write the value out")
        if self._depth == MAX_DEPTH:
            raise self._refusal(event, "nested too deeply; flatten it")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        for key, _value in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise self._refusal(key, "a key that is no plain text; quote it")
        return super().construct_mapping(node, deep=deep)

    @override
    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        try:
            value = super().construct_object(node, deep=deep)
        except ValueError as error:
            raise self._refusal(node, "a date or number out of range; mend it") from error
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refusal(node, "a number that is none; mend it")
        return value

    def _refusal(self, at: yaml.Node | yaml.Event, reason: str) -> PolicyInvalidError:
        line = at.start_mark.line + 1 if at.start_mark is not None else 1
        return PolicyInvalidError(f"{self._file}:{line}: {reason}.")
