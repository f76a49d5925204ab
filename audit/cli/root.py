"""The `audit` program: every command in its place."""

from audit.cli.accounting import disclosures
from audit.cli.approve import approval
from audit.cli.export import export
from audit.cli.feed import feed
from audit.cli.frame import commands
from audit.cli.keys import keys
from audit.cli.officer import officer
from audit.cli.query import query
from audit.cli.receipt import checkpoint, receipt
from audit.cli.restore import restore_trail
from audit.cli.show import show
from audit.cli.store import store
from audit.cli.verify import verify
from audit.cli.witness import witness

root = commands("Ask the audit trail, and prove that it is whole.")

for _command in (query, show, verify, receipt, checkpoint, disclosures, export, feed):
    root.command()(_command)
root.command("restore")(restore_trail)
root.add_typer(keys, name="keys")
root.add_typer(store, name="store")
root.add_typer(witness, name="witness")
root.add_typer(officer, name="officer")
root.add_typer(approval, name="approval")
