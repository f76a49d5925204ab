"""``appliance task``: what may be asked of the appliance, as the policy bundle says it.

Shows the bundle on disk, which a running appliance uses after its next start or ``appliance policy reload``.
"""

from typing import Annotated

import typer

from appliance.cli.options import AsJson, Home, settings
from appliance.cli.show import console, print_json, table
from appliance.errors import ConfigError
from appliance.policy.load import load_bundle
from appliance.policy.task import TaskPolicy

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_tasks(*, home: Home = None, as_json: AsJson = False) -> None:
    """List the tasks of the policy bundle."""
    bundle = load_bundle(settings(home).policies)
    tasks = [bundle.tasks[name] for name in sorted(bundle.tasks)]
    if as_json:
        print_json([{"name": task.name, "title": task.title, **_essence(task)} for task in tasks])
        return
    rows = [
        (task.name, task.title, task.priority, _threshold(task), task.when_unmet, ", ".join(sorted(task.fields())))
        for task in tasks
    ]
    columns = ("task", "title", "priority", "edit rate at most", "when unmet", "input fields")
    console().print(table("", columns, rows))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="As 'task list' shows it.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show one task: prompt, schemas, limits, threshold."""
    bundle = load_bundle(settings(home).policies)
    task = bundle.tasks.get(name)
    if task is None:
        raise ConfigError(f"There is no task '{name}'; there are: {', '.join(sorted(bundle.tasks))}.")
    document = {**task.model_dump(mode="json", by_alias=True), "prompt_version": task.prompt_version}
    if as_json:
        print_json(document)
        return
    rows = [(key, value) for key, value in document.items() if not isinstance(value, dict)]
    out = console()
    out.print(table(f"{task.title} (policy {bundle.digest[:12]})", ("", ""), rows))
    for key, value in document.items():
        if isinstance(value, dict):
            out.print(f"\n{key}", style="bold")
            out.print_json(data=value)


def _essence(task: TaskPolicy) -> dict[str, object]:
    return {
        "description": task.description,
        "priority": task.priority,
        "threshold": task.threshold.model_dump(mode="json"),
        "when_unmet": task.when_unmet,
        "input_fields": sorted(task.fields()),
        "prompt_version": task.prompt_version,
    }


def _threshold(task: TaskPolicy) -> str:
    limit = task.threshold
    return f"{limit.edit_rate:.0%} at {limit.confidence:.0%}, n >= {limit.min_cases}"
