"""The act of the demo in which a request leaves: an appliance of its own, whose register names a stand-in.

1. Two officers change what may leave; neither can do it alone.
2. One discharge summary escalates, with its reasons, its agreement and its receipt.
3. What left is shown, as the provider saw it, and as the trail tells it.
4. The agreement is set to end within seconds, by two officers again; once it has, the next one is refused by itself.

It plays on ``HOME/sandbox`` with the engine of the appliance that runs; every answer and record of it says SANDBOX.
"""

import hashlib
import json
import secrets
import shutil
import ssl
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import yaml

from appliance.auth.private_file import write_private
from appliance.auth.registry import Registry
from appliance.cli import demo_notes
from appliance.cli.client import DEFAULT_ROLE
from appliance.cli.demo_appliance import appliance
from appliance.cli.demo_commands import add_officer, run, run_json
from appliance.cli.demo_register import AGREEMENT, CREDENTIAL, PROVIDER, TASK, copy_policies, write_register
from appliance.cli.demo_stage import Stage
from appliance.cli.demo_stand_in import StandInAddress, received, stand_in, texts_of
from appliance.cli.supervisor_claims import is_claimed
from appliance.cli.supervisor_probes import read_readiness
from appliance.clock import Clock
from appliance.config import Config, load_config, make_private
from appliance.errors import ConfigError
from appliance.policy.question import SANDBOX

ROLE = "release-officer"
FIRST, SECOND = "demo.first", "demo.second"
CASE = "DEMO-1"

MARK = "demo-sandbox"
"""A file that says that a folder is the demo's and may be emptied by the next demo."""

OPENS_WITHIN_S = 20.0
"""The gateway looks after its broker every five seconds."""

LEAST_LEFT_S = 6.0
"""An agreement must outlive its own approval; beside half as much again as the first one took."""

LOOK_EVERY_S = 0.2
ANSWER_WITHIN_S = 180.0

_SHOWN = ("recipient", "agreement", "counts", "kinds_left", "bytes", "digest")
"""Facts of a disclosure that are shown."""

_HARMLESS = frozenset({"agreement_ending"})
"""Warnings of ``/readyz`` under which the way out is open."""


def sandbox(outer: Stage, module: str) -> None:
    """Play the act; what it expected is kept with the rest of the demo's."""
    outer.title("A second appliance, whose register names a stand-in of a managed API: SANDBOX")
    home = empty(outer.config.home / SANDBOX)
    with stand_in(module, home / "stand-in") as address:
        config = _settle(outer, home, address)
        with appliance(config, outer.out) as running, ExitStack() as holds:
            client, key = Registry.open(config.clients, config.secrets).add(
                name="demo-ehr", tenant=SANDBOX, tasks=[TASK], roles=[DEFAULT_ROLE]
            )
            outer.out.print(f"Client {client.id} of the tenant {client.tenant} may use {TASK}.")
            trust = ssl.create_default_context(cafile=str(running.ca))
            http = holds.enter_context(
                httpx.Client(
                    base_url=running.url,
                    headers={"Authorization": f"Bearer {key}"},
                    verify=trust,
                    timeout=ANSWER_WITHIN_S,
                    trust_env=False,
                )
            )
            stage = replace(outer, config=config, running=running, http=http, patient=f"DEMO-{secrets.token_hex(4)}")
            _Act(stage, address).play()


class _Act:
    """The steps, and what one leaves for the next."""

    def __init__(self, stage: Stage, address: StandInAddress) -> None:
        self._stage = stage
        self._address = address
        self._folder = stage.config.home / "stand-in"
        self._keys: tuple[Path, ...] = ()

    def play(self) -> None:
        """Play every step."""
        took_s = self._approve_first()
        exchange = self._escalates()
        self._what_left()
        self._in_the_trail(exchange)
        self._ends(took_s)

    def _approve_first(self) -> float:
        """Put the register in force by two officers, and return how long that took."""
        stage = self._stage
        stage.title("appliance policy propose, and approve: two officers change what may leave")
        self._keys = tuple(add_officer(stage, name, ROLE) for name in (FIRST, SECOND))
        begun = time.monotonic()
        proposed = self._propose()
        alone = run(stage, "appliance", "policy", "approve", proposed, "--officer-key-file", str(self._keys[0]))
        stage.say("alone", alone.stderr.strip())
        stage.expect("nobody approves a change of their own", holds=alone.returncode == 1, found=alone.returncode)
        self._approve(proposed)
        return time.monotonic() - begun

    def _propose(self) -> str:
        key = str(self._keys[0])
        made = run_json(self._stage, "appliance", "policy", "propose", "--case", CASE, "--officer-key-file", key)
        changes = made.get("changes")
        for line in changes if isinstance(changes, list) else []:
            self._stage.say("change", line)
        return str(made.get("approval", ""))

    def _approve(self, proposed: str) -> None:
        """Approve as the second officer, and wait until the way out is open."""
        stage = self._stage
        key = str(self._keys[1])
        given = run_json(stage, "appliance", "policy", "approve", proposed, "--officer-key-file", key)
        stage.expect(f"{FIRST} proposed and {SECOND} approved it", holds=given.get("approved") is True, found=given)
        run(stage, "appliance", "policy", "reload")
        left = _closed_by(stage)
        stage.expect("gateway and broker hold the policy that was approved", holds=not left, found=left)

    def _escalates(self) -> str:
        stage = self._stage
        stage.title(f"POST /api/v1/tasks/{TASK}: the local model may not draft this, a managed one may")
        answer = self._ask()
        body = answer.json()
        stage.say("input", demo_notes.STAY)
        stage.say("draft", body.get("output", {}).get("summary", body.get("detail", "")))
        for reason in body.get("reasons", []):
            stage.say("because", reason)
        for warning in body.get("warnings", []):
            stage.say("warning", warning)
        told = {
            name: answer.headers.get(f"appliance-{name}", "") for name in ("route", "agreement", "sandbox", "model")
        }
        for name, value in told.items():
            stage.say(name, value)
        draft = json.dumps(body.get("output"), ensure_ascii=False)
        stage.expect("it is answered", holds=answer.status_code == httpx.codes.OK, found=answer.status_code)
        stage.expect("by the stand-in", holds=told["route"] == f"managed:{PROVIDER}", found=told["route"])
        stage.expect("under the agreement in force", holds=told["agreement"] == AGREEMENT, found=told["agreement"])
        stage.expect(
            "and it says SANDBOX", holds=told["sandbox"] == "SANDBOX" and "SANDBOX" in told["model"], found=told
        )
        stage.expect("the patient's own name is back in the draft", holds="Harkness" in draft, found=draft)
        stage.expect("it carries a receipt", holds=bool(answer.headers.get("appliance-receipt")), found="none")
        return str(body.get("exchange", ""))

    def _what_left(self) -> None:
        stage = self._stage
        stage.title("What left the building: the request as the provider received it")
        bodies = received(self._folder)
        for body in bodies:
            for text in texts_of(body)[1:]:
                stage.say("left", text)
        found = [each for each in demo_notes.STAY_IDENTIFIERS if any(each.encode() in body for body in bodies)]
        stage.expect("one request left", holds=len(bodies) == 1, found=len(bodies))
        stage.expect("with no identifier of anybody in it", holds=not found, found=found)

    def _in_the_trail(self, exchange: str) -> None:
        stage = self._stage
        stage.title("audit query --topic disclosures, and audit show: what the trail says of it")
        rows = _listed(run_json(stage, "audit", "query", "--topic", "disclosures").get("rows"))
        for row in rows:
            stage.say("row", ", ".join(str(row.get(name)) for name in ("time", "exchange", "route", "outcome")))
        stage.expect("one disclosure is recorded", holds=len(rows) == 1, found=len(rows))
        events = _listed(run_json(stage, "audit", "show", exchange).get("events"))
        kinds = [str(event["kind"]) for event in events]
        stage.say("records", ", ".join(kinds))
        order = [kind for kind in kinds if kind != "decision"]
        stage.expect(
            "the intent before the disclosure, and that before the release",
            holds=order == ["intent", "disclosure", "release", "outcome"],
            found=kinds,
        )
        self._disclosed(next((event["facts"] for event in events if event["kind"] == "disclosure"), {}))
        done = run(stage, "audit", "verify")
        stage.expect("the verdict is: verified", holds=done.returncode == 0, found=f"exit code {done.returncode}")

    def _disclosed(self, facts: object) -> None:
        """Hold what is recorded against what the provider received."""
        stage = self._stage
        told = facts if isinstance(facts, dict) else {}
        for name in _SHOWN:
            stage.say(name, told.get(name))
        digests = [f"sha256:{hashlib.sha256(body).hexdigest()}" for body in received(self._folder)]
        stage.expect("it names the very bytes that left", holds=digests == [told.get("digest")], found=digests)

    def _ends(self, took_s: float) -> None:
        stage = self._stage
        expires = datetime.now(UTC) + timedelta(seconds=LEAST_LEFT_S + 1.5 * took_s)
        stage.title(f"The agreement now ends at {expires:%H:%M:%S} UTC, in {(expires - datetime.now(UTC)).seconds} s")
        write_register(stage.config.policies, self._address, now=Clock().now(), expires=expires)
        self._approve(self._propose())
        with stage.out.status("waiting for the agreement to end"):
            while datetime.now(UTC) <= expires + timedelta(seconds=1):
                time.sleep(LOOK_EVERY_S)
        stage.title(f"POST /api/v1/tasks/{TASK}, once more: nobody touched anything, and the agreement has ended")
        answer = self._ask()
        said = str(answer.json().get("detail", ""))
        stage.say("refused", said)
        stage.expect("it is refused", holds=answer.status_code == httpx.codes.FORBIDDEN, found=answer.status_code)
        stage.expect("because the agreement has ended", holds=f"{AGREEMENT} " in said and "expired" in said, found=said)
        bodies = received(self._folder)
        stage.expect("and nothing more has left", holds=len(bodies) == 1, found=len(bodies))

    def _ask(self) -> httpx.Response:
        stage = self._stage
        return stage.http.post(
            f"/api/v1/tasks/{TASK}",
            json={"input": {"notes": demo_notes.STAY}, "people": [demo_notes.STAY_PERSON]},
            headers={"Appliance-Patient": stage.patient, "Appliance-User": stage.user},
        )


def _listed(value: object) -> list[dict[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def empty(home: Path) -> Path:
    """Return an empty folder for the sandbox.  Raises ConfigError if something else than a demo's sandbox is there."""
    if home.exists():
        if is_claimed(home) or not (home / MARK).exists():
            raise ConfigError(f"{home} is no sandbox that a demo has left behind, or is in use; move it away.")
        shutil.rmtree(home)
    make_private(home)
    write_private(home / MARK, b"The next demo empties this folder.\n")
    return home


def _settle(outer: Stage, home: Path, address: StandInAddress) -> Config:
    """Write settings, policy and the broker's credential, and return the settings."""
    config = outer.config
    copy_policies(config.policies, home / "policies", address)
    write_register(home / "policies", address, now=Clock().now(), expires=Clock().now() + timedelta(days=365))
    make_private(home / "broker")
    write_private(make_private(home / "broker" / "credentials") / CREDENTIAL, address.credential.read_bytes())
    stated = {
        "policies": str(home / "policies"),
        "cache": str(config.cache),
        "guard_models": str(config.guard_models),
        "engine": {"upstream": outer.running.upstream or f"unix:{config.engine_socket}"},
    }
    write_private(home / "appliance.yaml", yaml.safe_dump(stated).encode())
    write_private(home / "trail.yaml", yaml.safe_dump({"policies": str(home / "policies")}).encode())
    return load_config(home)


def _closed_by(stage: Stage) -> list[str]:
    """Wait until the way out is open, and return what still keeps it closed."""
    limit_s = time.monotonic() + OPENS_WITHIN_S
    while (found := _warnings(stage)) and time.monotonic() < limit_s:
        time.sleep(LOOK_EVERY_S)
    return found


def _warnings(stage: Stage) -> list[str]:
    body = read_readiness(stage.running.url, stage.running.ca).body
    codes = [str(each.get("code")) for each in _listed(body.get("warnings"))] if body else ["silent"]
    return [code for code in codes if code not in _HARMLESS]
