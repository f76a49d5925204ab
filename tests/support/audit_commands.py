"""Runs the `audit` command inside the test's own process, as `python -m audit` would."""

from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from audit.cli.root import root


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


def audit(*arguments: str, home: Path) -> Done:
    """Run one command on a home to its end."""
    result = CliRunner().invoke(root, [*arguments, "--home", str(home)], catch_exceptions=False)
    return Done(code=result.exit_code, out=result.stdout, err=result.stderr)
