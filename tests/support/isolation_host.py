"""A host with the appliance's real units, its real rules and the real check, and a stand-in for each program.

What is proven is the sandbox and the firewall, which need no model, no database and no medium: a host is there in
seconds.  The whole appliance is proven by `test_host`.
"""

import json
import subprocess
import sysconfig
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.firewall_rules import PYTHON, ROOT, rules
from tests.support.target_host import TargetHost
from tests.support.target_host.host import Done
from tests.support.target_host.world import NETWORK

UNITS = ("recorder", "engine", "broker", "gateway", "console")

NETWORKED = ("broker", "gateway", "console")
"""Units that live in the host's network."""

VENDOR = "203.0.113.10"
"""The pretend Internet answers there."""

RELEASE = "/opt/appliance/releases/1"
CODE, LIBRARIES = "/opt/code", "/opt/libraries"
"""Where the host sees this checkout and the libraries of the interpreter that runs the tests."""

PROGRAM = f"{RELEASE}/gateway/bin/python"

STAND_IN = """
import os, socket, time
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"])
notify.send(b"READY=1")
while True:
    time.sleep(5)
    notify.send(b"WATCHDOG=1")
"""
"""Says that it is ready, and stays."""

DROP_IN = f"""
[Service]
ExecStart=
ExecStart={PROGRAM} /opt/stand_in.py
ExecPaths={CODE} {LIBRARIES}
LoadCredential=
Restart=no
SetLoginEnvironment=no
"""

NFTABLES = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
"""The unit that the others require; the rules themselves are loaded from outside, by this machine's nft."""

SET_UP = """
set -e
uid=861
for name in gateway engine broker recorder console metrics witness syslog; do
  groupadd -g $uid appliance-$name
  useradd -u $uid -g $uid -M -d /nonexistent -s /usr/sbin/nologin appliance-$name 2>/dev/null
  uid=$((uid + 1))
done
mkdir -p /opt/appliance/releases/1/gateway/bin /opt/appliance/releases/1/engine /run/postgresql /run/appliance-witness
ln -s /usr/bin/python3.11 /opt/appliance/releases/1/gateway/bin/python
ln -s releases/1 /opt/appliance/current
mkdir -p -m 0700 /etc/appliance/tls /etc/appliance/credentials
for pair in gateway:861 engine:862 broker:863 audit:864 witness:864 custodian:865 approvals:865; do
  install -d -m 0700 -o ${pair#*:} -g ${pair#*:} /var/lib/appliance/${pair%:*}
done
for name in gateway engine broker recorder console; do
  echo "d /run/appliance-$name 0750 appliance-$name appliance-$name" >> /etc/tmpfiles.d/appliance.conf
done
systemd-tmpfiles --create /etc/tmpfiles.d/appliance.conf
"""

TRY = """
import json, sys
from pathlib import Path
from typing import Any
from appliance.isolation.expectations import expected
from appliance.isolation.layers import start_filter, start_rules
from appliance.isolation.network_file import read_network
from appliance.isolation.running import running
network, home = read_network(), Path("/var/lib/appliance")
units = [expected(name, network, home) for name in sys.argv[2:]]
if sys.argv[1] == "filter":
    begun = [start_filter(unit, running(unit.service).cgroup, network) for unit in units]
else:
    begun = [start_rules(unit, network) for unit in units]
print(json.dumps({unit.name: [a.to_json() for a in each.finish()] for unit, each in zip(units, begun)}))
"""
"""One layer alone, for units of this host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolatedHost:
    """The host and what one can take away from it."""

    host: TargetHost
    rules: str

    def load_rules(self) -> None:
        """Load the firewall's file in one transaction, as its unit does."""
        self.host.in_network("nft", "-f", "-", given=self.rules)

    def drop_rules(self) -> None:
        """Take the rules away, as an operator's slip would."""
        self.host.in_network("nft", "flush", "ruleset")

    def set_filter(self, *, present: bool) -> None:
        """Take IPAddressDeny= away from every unit, or give it back."""
        for name in UNITS:
            file = f"/etc/systemd/system/appliance-{name}.service.d/zz-open.conf"
            if present:
                self.host.exec("rm", "-f", file)
            else:
                self.host.write(file, "[Service]\nIPAddressDeny=\nIPAddressAllow=\n")
        self.host.exec("systemctl", "daemon-reload")

    def refusals(self) -> dict[str, str]:
        """Start every unit anew; return for those that did not start what the check said."""
        services = [f"appliance-{name}.service" for name in UNITS]
        self.host.exec("systemctl", "reset-failed", *services, check=False)
        self.host.exec("systemctl", "restart", *services, check=False)
        return {name: self._said(name) for name in UNITS if not self._is_active(name)}

    def tried(self, layer: str, names: Iterable[str]) -> dict[str, set[str]]:
        """Try one layer alone; return the outcomes by unit, without the control's."""
        words = ("env", f"PYTHONPATH={CODE}:{LIBRARIES}", "python3", "-P", "-c", TRY, layer, *names)
        held = json.loads(self.host.exec(*words).output)
        return {name: {each["outcome"] for each in tries if each["group"] != "control"} for name, tries in held.items()}

    def _is_active(self, name: str) -> bool:
        return self.host.exec("systemctl", "is-active", f"appliance-{name}", check=False).output == "active\n"

    def _said(self, name: str) -> str:
        shown: Done = self.host.exec("journalctl", "-u", f"appliance-{name}", "-n", "8", "--no-pager", "-o", "cat")
        lines = [line for line in shown.output.splitlines() if "does not start" in line]
        return lines[-1] if lines else shown.output


def bind_code(host: TargetHost) -> None:
    """Let the host see this checkout and its libraries; before it boots."""
    for package in ("appliance", "audit"):
        host.binds[f"{CODE}/{package}"] = ROOT / package
    host.binds[LIBRARIES] = Path(sysconfig.get_paths()["purelib"])


def furnish(host: TargetHost, folder: Path) -> IsolatedHost:
    """Put the real units and rules on a bare host that is on."""
    host.exec("bash", "-c", SET_UP)
    host.write(f"{RELEASE}/gateway/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n")
    packages = f"{RELEASE}/gateway/lib/python3.11/site-packages"
    host.write(f"{packages}/code.pth", f"{CODE}\n{LIBRARIES}\n")
    host.write("/opt/stand_in.py", STAND_IN)
    host.exec("env", f"PYTHONPATH={CODE}:{LIBRARIES}", "python3", "-m", "appliance.release", "write", RELEASE)
    lan = [f"{NETWORK}.0/24"]
    answers = {f"appliance_{who}_networks": lan for who in ("client", "officer", "admin", "monitoring")}
    _units(host, folder, answers)
    provider = {"name": "api.vendor.example", "port": 443, "addresses": [VENDOR]}
    made = rules(folder, {**answers, "firewall_endpoints": [provider]})
    host.write("/etc/appliance/network.yaml", made.network)
    return IsolatedHost(host=host, rules=made.nftables)


def _units(host: TargetHost, folder: Path, answers: Mapping[str, Any]) -> None:
    # What a converge takes from the host: digests of the installed release and settings.
    told = json.dumps({**answers, "appliance_broker_addresses": [VENDOR], "unit_digests": {"stdout": "none"}})
    render = Path(__file__).with_name("render_isolated.py")
    subprocess.run((str(PYTHON), str(render), told, str(folder)), check=True)
    host.write("/etc/systemd/system/nftables.service", NFTABLES)
    for name in UNITS:
        service = f"appliance-{name}.service"
        text = (folder / service).read_text()
        host.write(f"/etc/systemd/system/{service}", text)
        host.write(f"/etc/systemd/system/{service}.d/stand-in.conf", DROP_IN)
    host.exec("systemctl", "daemon-reload")
