"""Runs the `appliance` command inside the test's own process, as `python -m appliance` would.

done = run("client", "list", "--json", home=tmp_path)
assert done.code == 0
"""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.cli.root import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return the one document on standard output."""
        return json.loads(self.out)


def run(*arguments: str, home: Path | None = None) -> Done:
    """Run one command to its end."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    where = ("--home", str(home)) if home else ()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([*arguments, *where])
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
    return Done(code=code, out=out.getvalue(), err=err.getvalue())
