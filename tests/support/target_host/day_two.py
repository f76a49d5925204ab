"""What a site needs for its second day: a keeper of backups, a medium of a newer version, a client that never stops.

with steady_client(clinic, task, key=key) as client:
    controller.play("upgrade.yml")
assert client.wrong == []
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from appliance.medium.build import build
from appliance.medium.layout import Layout
from appliance.medium.ordering import Wish, order_from
from appliance.models.builder_process import Step
from tests.support.canaries import PEOPLE
from tests.support.target_host.clinic import Clinic, exchange_of
from tests.support.target_host.medium import MODEL
from tests.support.target_host.places import CACHE, ROOT, one_at_a_time

LABEL = "next.1"
"""Marks the version of the newer medium."""

_KEY = "Signs media for tests"
_PAUSE_S = 0.2


def newer_medium(suite: str) -> Path:
    """Return a medium of the same tree under a newer version; what did not change is linked, not copied."""
    folder = CACHE / f"medium-{suite}-{LABEL}"
    wish = Wish(
        checkout=ROOT,
        store=CACHE / "medium-store",
        suites=(suite,),
        engines=("cpu",),
        models=(ROOT / "var" / "models" / MODEL,),
        guard=ROOT / "var" / "models" / "guard",
        key=_KEY,
        gnupg=CACHE / "medium-gnupg",
        label=LABEL,
    )
    with one_at_a_time("medium"):
        build(order_from(wish), Layout(folder), now=datetime.now(UTC), report=_quiet)
    return folder


def _quiet(_: Step) -> None:
    """Show nothing."""


@dataclass(slots=True)
class SteadyClient:
    """Asks again and again from the LAN, and remembers what came back."""

    exchanges: list[str] = field(default_factory=list)
    """Answered with 200 and a receipt, each."""

    refused: int = 0
    """Attempts that met a closed door, or a 503 with its reason."""

    wrong: list[str] = field(default_factory=list)
    """Anything else: half an answer, another status, an answer without a receipt."""

    def ask(self, clinic: Clinic, task: str, *, key: str) -> None:
        """Ask once and judge the answer."""
        person = PEOPLE[0]
        try:
            answer = clinic.ask(task, key=key, person=person, body={"input": {"text": person.note()}})
        except (httpx.ConnectError, httpx.ConnectTimeout):
            self.refused += 1
        except httpx.HTTPError as error:
            self.wrong.append(type(error).__name__)
        else:
            self._judge(answer)

    def _judge(self, answer: httpx.Response) -> None:
        if answer.status_code == httpx.codes.OK and answer.headers.get("Appliance-Receipt") and answer.json():
            self.exchanges.append(exchange_of(answer))
        elif answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and answer.headers.get("Retry-After"):
            self.refused += 1
        else:
            self.wrong.append(f"{answer.status_code} {answer.text[:200]}")


@contextmanager
def steady_client(clinic: Clinic, task: str, *, key: str) -> Iterator[SteadyClient]:
    """Let a client ask until the block ends."""
    client, ending = SteadyClient(), threading.Event()

    def loop() -> None:
        while not ending.wait(_PAUSE_S):
            client.ask(clinic, task, key=key)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield client
    finally:
        ending.set()
        thread.join()
