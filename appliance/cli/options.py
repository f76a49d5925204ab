"""Options that several commands share, so that they are spelled and explained once.

::

    @app.command()
    def show(home: Home = None, as_json: AsJson = False) -> None:
        config = settings(home)
"""

from pathlib import Path
from typing import Annotated

import typer

from appliance.config import Config, load_config

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="Folder with all state of the appliance; APPLIANCE_HOME, or var/ in the checkout, when not given.",
        show_default=False,
    ),
]
"""``--home DIR`` as every command takes it."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text for people.")]
"""``--json`` as every command that prints data takes it."""


def settings(home: Path | None) -> Config:
    """Return the settings of the home folder.  Raises ConfigError naming file, key and reason."""
    return load_config(home.expanduser() if home else None)
