"""What people of a hospital do with an appliance: a system on the LAN that calls it, officers and root at its console.

clinic = Clinic(outside=outside, host=host, site=site)
clinic.wait_until_ready()
key = clinic.add_client("ehr", "document-classification")
answer = clinic.ask("document-classification", key=key, notes=PEOPLE[0].note())
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.canaries import Person
from tests.support.target_host.host import Done, TargetHost
from tests.support.target_host.site import HOSTNAME, Site
from tests.support.target_host.world import World

SERVICES = ("recorder", "engine", "broker", "gateway", "console")
"""The five programs."""

READY_WITHIN_S = 600.0
"""The engine compiles its kernels and loads its weights; on a busy machine that takes minutes."""

_RELEASE_ROLE = "release-officer"
_GATEWAY_PORT = 8443


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """One appliance and those around it."""

    outside: World
    host: TargetHost
    site: Site

    def http(
        self, method: str, path: str, *, key: str = "", headers: Mapping[str, str] | None = None, body: Any = None
    ) -> httpx.Response:
        """Ask the gateway from the LAN, with the hospital's authority as the only one that is trusted."""
        sent = {"Host": HOSTNAME, **({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        url = f"https://{self.host.address}:{_GATEWAY_PORT}{path}"

        def ask() -> httpx.Response:
            with httpx.Client(verify=self.site.trust(), trust_env=False, timeout=300.0) as client:
                return client.request(method, url, headers=sent, json=body, extensions={"sni_hostname": HOSTNAME})

        return self.outside.net.call(ask)

    def readiness(self) -> tuple[int, dict[str, Any]]:
        """Return what the gateway says of itself; status 0 if nobody answers."""
        try:
            answer = self.http("GET", "/readyz")
            return answer.status_code, answer.json()
        except (httpx.HTTPError, ValueError):
            return 0, {}

    def wait_until_ready(self) -> None:
        """Return once the gateway calls itself ready."""
        self.host.until(lambda: self.readiness()[0] == 200, within_s=READY_WITHIN_S)

    def add_client(self, name: str, *tasks: str) -> str:
        """Register a client and return its key."""
        words = [word for task in tasks for word in ("--task", task)]
        return str(self.told("appliance", "client", "add", name, *words)["key"])

    def ask(self, task: str, *, key: str, person: Person, body: Mapping[str, object]) -> httpx.Response:
        """Ask for a task about a person."""
        headers = {"Appliance-Patient": person.record, "Appliance-User": "dr.weiss"}
        return self.http("POST", f"/api/v1/tasks/{task}", key=key, headers=headers, body=body)

    def told(self, *words: str) -> Any:
        """Run one of the site's commands as root, with ``--json``, and return what it says."""
        return json.loads(self.host.exec(*words, "--json", within_s=300).output)

    def approve_policy(self) -> None:
        """Let one officer propose the policy as it is and another approve it, and put it in force."""
        files = [self.add_officer(name, role=_RELEASE_ROLE) for name in ("r.first", "r.second")]
        asked = self.told("appliance", "policy", "propose", "--case", "CHG-1", "--officer-key-file", files[0])
        self.told("appliance", "policy", "approve", str(asked["approval"]), "--officer-key-file", files[1])
        self.host.exec("appliance", "policy", "reload")

    def origin(self) -> str:
        """Return the name of the trail that is being written."""
        return self.host.exec("audit", "checkpoint").output.partition("\n")[0]

    def approve_restore(self, origin: str, keys: tuple[str, str]) -> str:
        """Let one officer ask for going on with a trail and another approve it; return the approval."""
        asking = ("audit", "approval", "request", "restore", origin, "--case", "DR-1", "--officer-key-file", keys[0])
        approval = str(self.told(*asking)["approval"])
        self.told("audit", "approval", "give", approval, "--officer-key-file", keys[1])
        return approval

    def add_officer(self, name: str, *, role: str) -> str:
        """Add an officer and return the file with the key, as the officer keeps it."""
        made = self.told("audit", "officer", "add", name, "--role", role)
        file = f"/root/{name}.key"
        self.host.write(file, f"{made['key']}\n", mode="0600")
        return file

    def main_process(self, service: str) -> int:
        """Return the number of a service's main process on the host; 0 if it has none."""
        shown = self.host.exec("systemctl", "show", "--property=MainPID", "--value", f"appliance-{service}.service")
        return int(shown.output)

    def is_active(self, service: str) -> bool:
        """Say whether a service runs and has said that it is ready."""
        return self.host.exec("systemctl", "is-active", f"appliance-{service}", check=False).output == "active\n"

    def sql(self, question: str) -> str:
        """Ask the trail's database as its administrator."""
        words = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "psql", "-d", "appliance", "-tAc"]
        return self.host.exec(*words, question).output.strip()

    def verify_isolation(self) -> Done:
        """Prove the isolation anew, whatever comes of it."""
        return self.host.exec("appliance", "isolation", "verify", check=False, within_s=300)

    def journal(self, service: str) -> str:
        """Return the last lines of a service's log."""
        return self.host.exec("journalctl", "-u", f"appliance-{service}", "-n", "40", "--no-pager", "-o", "cat").output


def exchange_of(answer: httpx.Response) -> str:
    """Return the id under which an answer is recorded."""
    exchange = answer.headers["Appliance-Exchange"]
    assert re.fullmatch(r"\w+", exchange)
    return str(exchange)
