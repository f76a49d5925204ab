"""Renders the units as `render_units` does, for a site with other answers.

.venv-ansible/bin/python tests/support/render_isolated.py '{"appliance_client_networks": []}' FOLDER
"""

import json
import sys
from pathlib import Path

import render_units

if __name__ == "__main__":
    render_units.SITE.update(json.loads(sys.argv[1]))
    render_units.main("cpu", Path(sys.argv[2]))
