"""The `audit` program: every command in its place."""

from audit.cli.approve import approval
from audit.cli.frame import commands
from audit.cli.keys import keys
from audit.cli.officer import officer
from audit.cli.query import query
from audit.cli.receipt import checkpoint, receipt
from audit.cli.show import show
from audit.cli.verify import verify

root = commands("Ask the audit trail, and prove that it is whole.")

for _command in (query, show, verify, receipt, checkpoint):
    root.command()(_command)
root.add_typer(keys, name="keys")
root.add_typer(officer, name="officer")
root.add_typer(approval, name="approval")
