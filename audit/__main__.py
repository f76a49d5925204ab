"""`python -m audit` and the `audit` console script: an auditor needs nothing else of this repository."""

from audit.cli.root import root
from audit.hardening import harden


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    harden()
    root(prog_name="audit")


if __name__ == "__main__":
    main()
