"""A real broker process reads what is handed to it and refuses what still names somebody, and tells nobody whom."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.clinical_text import SafeText
from appliance.config import load_config
from appliance.errors import ApplianceError, EscalationError, PhiBlockedError, PhiGuardUnavailableError
from appliance.escalation.client import BrokerClient
from appliance.escalation.wire import DiscloseRequest, read_frame, to_answer, to_frame
from tests.support.spawned import Spawned, spawned
from tests.support.tripwires import PATIENT, keyed

REQUEST = DiscloseRequest(exchange_id="ex_1", task="discharge-summary", provider="acme", policy_digest="0" * 64)
SAFE = "Mark Ellis (MRN ZQ-10442) was seen on March 4, 2019 with knee pain; metoprolol 25 mg twice a day."
ISSUED = ("Mark Ellis", "ZQ-10442", "March 4, 2019")

CANARIES = ("Vanterpool", "Wilhelmina", "219-09-9999", "KX-20771", "867-5309")


class BrokerProcess:
    """One broker on its socket."""

    def __init__(self, socket: Path, log: Path, process: subprocess.Popen[bytes], seen: Spawned) -> None:
        self.client, self.socket, self.log, self.process, self.seen = BrokerClient(socket), socket, log, process, seen

    def told(self) -> str:
        """Return what others can read of it: its log, its arguments and its environment."""
        environment = Path(f"/proc/{self.process.pid}/environ").read_text()
        return "\n".join([self.log.read_text(), environment, *self.seen.everything()])


@pytest.fixture
def broker(tmp_path: Path, policies: Path) -> Iterator[BrokerProcess]:
    (tmp_path / "appliance.yaml").write_text(f"policies: {policies}\n")
    socket, log = load_config(tmp_path).broker_socket, tmp_path / "broker.log"
    seen: list[Spawned] = []
    with log.open("wb") as output, spawned(seen):
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance.broker", "--home", str(tmp_path)],
            stdout=output,
            stderr=output,
            env={name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        )
    with process:
        limit_s = time.monotonic() + 30
        while not socket.exists() and process.poll() is None and time.monotonic() < limit_s:
            time.sleep(0.02)
        yield BrokerProcess(socket, log, process, seen[0])
        process.send_signal(signal.SIGTERM)


async def _refusal(broker: BrokerProcess, body: str) -> ApplianceError:
    with pytest.raises(ApplianceError) as refused:
        await broker.client.disclose(REQUEST, SafeText(body), identifiers=keyed(PATIENT, issued=ISSUED))
    return refused.value


async def test_what_the_guard_replaced_goes_on_to_the_agreements(broker: BrokerProcess) -> None:
    for body in (SAFE, json.dumps({"messages": [{"role": "user", "content": SAFE}]})):
        refused = await _refusal(broker, body)

        assert type(refused) is EscalationError
        assert refused.detail == "no_agreement_in_force"


@pytest.mark.parametrize(
    "left",
    ["Vanterpool", "WILHELMINA", "KX-20771", "219-09-9999", "(312) 867-5309", "Dr. Vanterpool", "MjE5LTA5LTk5OTk="],
)
async def test_one_identifier_left_anywhere_stops_the_request_and_is_told_nowhere(
    broker: BrokerProcess, left: str
) -> None:
    refused = await _refusal(broker, json.dumps({"messages": [{"content": SAFE}, {"content": f"also {left} here"}]}))

    assert type(refused) is PhiBlockedError
    told = broker.told() + refused.public + refused.detail + repr(refused)
    assert "identifiers_left" in told
    assert [canary for canary in CANARIES if canary.casefold() in told.casefold()] == []


async def test_a_request_without_identifiers_to_look_for_is_refused(broker: BrokerProcess) -> None:
    reader, writer = await asyncio.open_unix_connection(str(broker.socket))
    writer.write(to_frame(REQUEST, SAFE.encode()))
    frame = await read_frame(reader)
    writer.close()

    assert frame is not None
    answer = to_answer(frame.header)
    assert answer.type == "refusal"
    assert answer.code == "phi_guard_unavailable"


async def test_a_body_that_cannot_be_read_whole_is_refused_and_the_broker_goes_on(broker: BrokerProcess) -> None:
    deep = "[" * 200_000

    assert type(await _refusal(broker, deep)) is PhiGuardUnavailableError
    assert (await broker.client.hello()).state == "ready"


async def test_a_broker_that_dies_while_it_reads_is_no_consent(broker: BrokerProcess) -> None:
    long = SAFE * 8_000
    asked = asyncio.ensure_future(_refusal(broker, long))
    await asyncio.sleep(0.3)
    broker.process.kill()

    assert type(await asked) is EscalationError
