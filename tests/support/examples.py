"""How many examples a property gets: in continuous integration the same come in every run, so fewer will do."""

import os

FEW = 25 if "CI" in os.environ else 100
"""For a property of one function, or one whose examples each hold many cases."""
