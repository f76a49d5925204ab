"""Load a policy folder as a whole, or refuse it as a whole with file, line, reason and what to do.

1. read every byte once (`folder`); 2. check each YAML file (`document`); 3. check that the files agree with each
other; 4. check each Cedar policy against the schema (`statements`); 5. ask what each role may do and refuse a bundle
whose ``roles.yaml`` says otherwise.  Nothing of a refused folder is used.
"""

import pathlib
from collections.abc import Iterator
from types import MappingProxyType

from cedarpy import Schema
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import JsonValue

from appliance.errors import PolicyInvalidError
from appliance.policy.bundle import Bundle, Statement
from appliance.policy.document import Document, Path, read_document
from appliance.policy.evidence import Evidence
from appliance.policy.folder import SCHEMA, Folder, read_folder
from appliance.policy.phi import read_guard
from appliance.policy.providers import read_register
from appliance.policy.registers import EvidenceFile, Retention, RolesFile
from appliance.policy.restrictions import read_restrictions
from appliance.policy.roles import disagreements
from appliance.policy.statements import Form, parse_schema, parse_statements, policy_set
from appliance.policy.task import JsonObject, JsonOutput, TaskPolicy


def load_bundle(path: pathlib.Path) -> Bundle:
    """Return the checked bundle of a policy folder.  Raises PolicyInvalidError(``file:line: reason; what to do``)."""
    folder = read_folder(path)  # (1)
    tasks = dict(_tasks(folder))  # (2)
    providers = read_register("providers.yaml", folder.text("providers.yaml"), tasks=tasks, pins=folder.within("pins"))
    roles = read_document("roles.yaml", folder.text("roles.yaml"), RolesFile)
    retention = read_document("retention.yaml", folder.text("retention.yaml"), Retention)
    evidence = read_document("evidence.yaml", folder.text("evidence.yaml"), EvidenceFile)
    guard = read_guard("phi.yaml", folder.text("phi.yaml"))
    restrictions = read_restrictions("restrictions.yaml", folder.text("restrictions.yaml"), tasks=tasks)
    _check_evidence(evidence, tasks)  # (3)
    schema = parse_schema(SCHEMA, folder.text(SCHEMA))  # (4)
    forms = list(_statements(folder, schema))
    bundle = Bundle(
        digest=folder.digest(),
        tasks=MappingProxyType(tasks),
        providers=providers,
        restrictions=restrictions,
        roles=MappingProxyType(roles.value.roles),
        retention=retention.value,
        evidence=tuple(map(Evidence.from_row, evidence.value.evidence)),
        guard=guard,
        statements=MappingProxyType({statement.id: statement for statement, _form in forms}),
        policies=policy_set(forms),
        schema=schema,
    )
    for role, reason in disagreements(bundle):  # (5)
        raise roles.error(("roles", role, "actions"), reason)
    return bundle


def _tasks(folder: Folder) -> Iterator[tuple[str, TaskPolicy]]:
    for file in folder.matching(r"tasks/.*"):
        document = read_document(file, folder.text(file), TaskPolicy)
        task = document.value
        if file != f"tasks/{task.name}.yaml":
            raise document.error(("name",), f"'{task.name}' is not the file's name; rename one of them.")
        _check_schema(document, "input_schema", task.input_schema)
        _check_schema(document, "output_schema", task.output_schema)
        if isinstance(task.output, JsonOutput):
            _check_schema(document, "output", task.output.engine_schema, "schema")
        yield task.name, task


def _check_schema(document: Document[TaskPolicy], key: str, schema: JsonObject, *below: str) -> None:
    try:
        Draft202012Validator.check_schema(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    except SchemaError as error:
        path = (key, *below, *error.absolute_path)
        at = ".".join(str(part) for part in path)
        raise document.error(path, f"'{at}' is no JSON Schema 2020-12 ('{error.validator}' fails); mend it.") from error
    for path in _foreign_references(schema, (key, *below)):
        raise document.error(path, "a reference out of this file; write what it names here, as nothing may be fetched.")


def _foreign_references(value: JsonValue, at: Path) -> Iterator[Path]:
    """Yield each ``$ref`` that does not stay in the schema: a validator would fetch it over the network."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in ("$ref", "$dynamicRef") and not (isinstance(below, str) and below.startswith("#")):
                yield (*at, key)
            yield from _foreign_references(below, (*at, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _foreign_references(below, (*at, index))


def _check_evidence(document: Document[EvidenceFile], tasks: dict[str, TaskPolicy]) -> None:
    seen: set[tuple[str, str, str, str]] = set()
    for index, row in enumerate(document.value.evidence):
        if row.task not in tasks:
            raise document.error(
                ("evidence", index, "task"), f"there is no tasks/{row.task}.yaml; add it or remove this."
            )
        if row.key() in seen:
            raise document.error(
                ("evidence", index),
                "evidence for this task, route, model and prompt stands above; keep one of the two.",
            )
        seen.add(row.key())


def _statements(folder: Folder, schema: Schema) -> Iterator[Form]:
    first: dict[str, Statement] = {}
    for file in folder.matching(r".*\.cedar"):
        for statement, form in parse_statements(file, folder.text(file), schema):
            twin = first.setdefault(statement.id, statement)
            if twin is not statement:
                raise PolicyInvalidError(
                    f"{file}:{statement.line}: policy '{statement.id}' stands in {twin.file}:{twin.line} too; "
                    "rename one of them."
                )
            yield statement, form
