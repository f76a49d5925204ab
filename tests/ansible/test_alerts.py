"""The alert rules and the dashboard that a site loads: they are valid, they fire, and they name series that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from appliance.config import CHECKOUT

FILES = CHECKOUT / "ansible" / "roles" / "observability" / "files"
CASES = Path(__file__).with_name("alerts.test.yml")
PROMTOOL = shutil.which("promtool") or CHECKOUT / ".cache" / "promtool"

LIMIT_S = 60

promtool = pytest.mark.skipif(not Path(PROMTOOL).exists(), reason="promtool is not here; '.ci/promtool' fetches it")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FILES / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    made: dict[str, Any] = json.loads((FILES / "dashboard.json").read_text())
    return made


def expressions() -> list[str]:
    shown = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    return [rule["expr"] for rule in alerts()] + shown


def series_of_the_code() -> set[str]:
    """Return every name that the gateway hands out, with the suffixes of Prometheus' types."""
    texts = [file.read_text() for file in (CHECKOUT / "appliance").rglob("*.py")]
    names = {name for text in texts for name in re.findall(r'"(appliance_[a-z_]+)"', text)}
    return {name + suffix for name in names for suffix in ("", "_total", "_bucket", "_count", "_sum")}


@promtool
def test_prometheus_takes_the_alert_rules() -> None:
    done = subprocess.run(
        [PROMTOOL, "check", "rules", FILES / "alerts.yml"], capture_output=True, text=True, check=False, timeout=LIMIT_S
    )

    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_each_alert_fires_when_it_must_and_is_silent_when_it_should_be(tmp_path: Path) -> None:
    for file in (FILES / "alerts.yml", CASES):
        shutil.copy(file, tmp_path)

    done = subprocess.run(
        [PROMTOOL, "test", "rules", CASES.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_and_dashboard_ask_only_for_series_that_the_gateway_hands_out() -> None:
    asked = {name for text in expressions() for name in re.findall(r"\bappliance_[a-z_]+\b", text)}

    assert asked - series_of_the_code() == set()


def test_every_alert_says_what_to_do_and_stands_in_the_operators_book() -> None:
    book = (CHECKOUT / "ansible" / "README.md").read_text()

    for rule in alerts():
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["action"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert f"`{rule['alert']}`" in book, rule["alert"]


def test_no_two_panels_of_the_dashboard_lie_over_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
