"""One whole appliance with a scripted engine for the chapters of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.replay_engine import ReplayEngine
from tests.support.running_appliance import RunningAppliance, running_appliance
from tests.support.threaded_engine import threaded_engine

TASKS = (
    "scheduling-message",
    "medical-coding",
    "discharge-summary",
    "document-classification",
    "prior-authorization-letter",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """An appliance, its scripted engine and a client that may use every task."""

    appliance: RunningAppliance
    engine: ReplayEngine
    http: httpx.Client


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    folder: Path = tmp_path_factory.mktemp("hospital")
    with threaded_engine(folder) as engine, running_appliance(folder, upstream=engine.url) as appliance:
        key = appliance.add_client("spec", tasks=TASKS).key
        with appliance.http(key) as http:
            yield Hospital(appliance=appliance, engine=engine, http=http)
