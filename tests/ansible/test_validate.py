"""Role validate: each bad input of a site is found before anything is changed, with what to do about it.

The role's checks are small programs that read a question and write findings; here each is asked as the role asks it.
"""

import datetime as dt
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.nvidia_smi import write_nvidia_smi

FILES = Path(__file__).parents[2] / "ansible" / "roles" / "validate" / "files"
POLICIES = Path(__file__).parents[2] / "policies"
RELEASES = {"debian": ["12", "13"], "ubuntu": ["22.04", "24.04"]}
HOSTNAME = "appliance.hospital.example"


def _ask(program: str, wanted: dict[str, Any], *, path: str = os.environ["PATH"]) -> dict[str, list[str]]:
    """Run a check of the role as the role does: its text as an argument, the question on its standard input."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", (FILES / f"{program}.py").read_text()],
        input=json.dumps(wanted), capture_output=True, text=True, check=True, env={"PATH": path},
    )  # fmt: skip
    answer: dict[str, list[str]] = json.loads(done.stdout)
    return answer


def _machine(tmp_path: Path, **changed: Any) -> dict[str, Any]:
    """Return the question about a server that is fine."""
    (tmp_path / "etc").mkdir(exist_ok=True)
    (tmp_path / "proc").mkdir(exist_ok=True)
    (tmp_path / "run/systemd/system").mkdir(parents=True, exist_ok=True)
    (tmp_path / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
    (tmp_path / "proc/meminfo").write_text("MemTotal:       131000000 kB\n")
    fine = {
        "root": str(tmp_path),
        "releases": RELEASES,
        "memory_gib": 4,
        "disks": [{"path": str(tmp_path / "opt/appliance"), "gib": 0.001}],
        "now": time.time(),
        "clock_tolerance_s": 60,
    }
    return {**fine, **changed}


def test_a_server_that_is_fine_has_no_finding(tmp_path: Path) -> None:
    assert _ask("machine", _machine(tmp_path))["findings"] == []


def test_another_system_is_refused_with_those_that_are_supported(tmp_path: Path) -> None:
    wanted = _machine(tmp_path)
    (tmp_path / "etc/os-release").write_text('ID="rocky"\nVERSION_ID="9.4"\n')

    (finding,) = _ask("machine", wanted)["findings"]

    assert "This is rocky 9.4" in finding
    assert "debian 12 or 13, ubuntu 22.04 or 24.04" in finding


def test_too_little_memory_is_refused_in_figures(tmp_path: Path) -> None:
    (finding,) = _ask("machine", _machine(tmp_path, memory_gib=512))["findings"]

    assert finding.startswith("There are 124.9 GiB of memory, and this profile needs 512.")


def test_too_little_disk_is_refused_once_for_folders_that_share_it(tmp_path: Path) -> None:
    disks = [{"path": str(tmp_path / name), "gib": 500_000} for name in ("opt", "var")]

    (finding,) = _ask("machine", _machine(tmp_path, disks=disks))["findings"]

    assert f"The disk of {tmp_path}/opt and {tmp_path}/var has" in finding
    assert "1000000.0 are needed" in finding


def test_what_the_appliance_holds_already_counts_as_room(tmp_path: Path) -> None:
    held = tmp_path / "opt" / "appliance"
    held.mkdir(parents=True)
    (held / "weights").write_bytes(b"w" * 4_000_000)
    status = os.statvfs(tmp_path)
    free_gib = status.f_bavail * status.f_frsize / 1024**3

    def findings(beyond_gib: float) -> list[str]:
        disks = [{"path": str(held), "gib": free_gib + beyond_gib}]
        return _ask("machine", _machine(tmp_path, disks=disks))["findings"]

    # The machine's other programs write meanwhile, so the sizes are far apart.
    assert findings(-5) == []
    assert findings(50) != []


@pytest.mark.parametrize(("off_s", "word"), [(3600, "behind"), (-3600, "ahead of")])
def test_a_clock_off_by_an_hour_is_refused(tmp_path: Path, off_s: int, word: str) -> None:
    (finding,) = _ask("machine", _machine(tmp_path, now=time.time() + off_s))["findings"]

    assert f"s {word} the controller's" in finding
    assert "timedatectl" in finding


def _gpus(tmp_path: Path, **changed: Any) -> dict[str, Any]:
    return {"root": str(tmp_path), "profile": "a100x2", "count": 2, "name": "A100", "memory_mib": 80000, **changed}


def _path(folder: Path) -> str:
    return f"{folder}:/usr/bin:/bin"


def test_two_gpus_joined_by_nvlink_are_fine(tmp_path: Path) -> None:
    path = _path(write_nvidia_smi(tmp_path / "bin"))

    assert _ask("gpus", _gpus(tmp_path), path=path) == {"findings": [], "remarks": []}


def test_a_profile_without_gpus_asks_nobody(tmp_path: Path) -> None:
    assert _ask("gpus", _gpus(tmp_path, count=0)) == {"findings": [], "remarks": []}


@pytest.mark.parametrize(("gpus", "words"), [(0, "There is no GPU"), (1, "There is one GPU")])
def test_too_few_gpus_are_refused(tmp_path: Path, gpus: int, words: str) -> None:
    path = _path(write_nvidia_smi(tmp_path / "bin", gpus=gpus))

    (finding,) = _ask("gpus", _gpus(tmp_path), path=path)["findings"]

    assert finding.startswith(f"{words}, and profile a100x2 needs 2.")


def test_gpus_that_are_not_joined_by_nvlink_are_refused(tmp_path: Path) -> None:
    path = _path(write_nvidia_smi(tmp_path / "bin", joined="SYS"))

    (finding,) = _ask("gpus", _gpus(tmp_path), path=path)["findings"]

    assert finding.startswith("GPU 0 and GPU 1 are joined by SYS and not by NVLink")


def test_gpus_with_half_the_memory_are_refused(tmp_path: Path) -> None:
    path = _path(write_nvidia_smi(tmp_path / "bin", name="NVIDIA A100-PCIE-40GB", mib=40960))

    findings = _ask("gpus", _gpus(tmp_path), path=path)["findings"]

    assert [each[:22] for each in findings] == ["GPU 0 has 40960 MiB, a", "GPU 1 has 40960 MiB, a"]


def test_gpus_are_counted_on_the_bus_while_there_is_no_driver(tmp_path: Path) -> None:
    for name, vendor, kind in [("0", "0x10de", "0x030200"), ("1", "0x10de", "0x068000"), ("2", "0x8086", "0x030000")]:
        device = tmp_path / "sys/bus/pci/devices" / name
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n")
        (device / "class").write_text(f"{kind}\n")

    answer = _ask("gpus", _gpus(tmp_path), path="/nowhere")

    assert answer["findings"][0].startswith("There is one GPU")
    assert "driver is not here yet" in answer["remarks"][0]


def _pair(folder: Path, name: str = "gateway", *, hostname: str = HOSTNAME, days: int = 90) -> dict[str, str]:
    """Make a certificate and its key, as an authority would issue it; one of negative days has expired."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "appliance")])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=100))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "certificate_file": str(folder / f"{name}.crt"),
        "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "key_file": str(folder / f"{name}.key"),
        "key": key.private_bytes(*form).decode(),
    }


def _certificates(*pairs: dict[str, str]) -> dict[str, list[str]]:
    return _ask("certificates", {"hostname": HOSTNAME, "pairs": pairs})


def test_a_certificate_that_fits_has_no_finding(tmp_path: Path) -> None:
    assert _certificates(_pair(tmp_path)) == {"findings": [], "remarks": []}


def test_a_certificate_that_ends_soon_is_remarked(tmp_path: Path) -> None:
    answer = _certificates(_pair(tmp_path, days=10))

    assert answer["findings"] == []
    assert answer["remarks"][0].endswith("gateway.crt ends in 9 days; have it renewed.")


def test_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    (finding,) = _certificates(_pair(tmp_path, days=-1))["findings"]

    assert "gateway.crt expired on " in finding


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    (finding,) = _certificates(_pair(tmp_path, hostname="other.hospital.example"))["findings"]

    assert f"gateway.crt is not made out to '{HOSTNAME}'" in finding


def test_a_key_that_does_not_fit_is_refused_and_not_repeated(tmp_path: Path) -> None:
    one, other = _pair(tmp_path), _pair(tmp_path, "console")

    (finding,) = _certificates({**one, "key": other["key"], "key_file": other["key_file"]})["findings"]

    assert "console.key does not fit " in finding
    assert "PRIVATE" not in finding


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (finding,) = _certificates({**_pair(tmp_path), "certificate": "hello"})["findings"]

    assert "is no certificate in PEM form" in finding


def _network(**changed: Any) -> dict[str, Any]:
    names = ("client", "officer", "admin", "monitoring")
    networks = {f"appliance_{name}_networks": ["10.20.0.0/16"] for name in names}
    return {
        "users": {"gateway": 60_861}, "ports": {}, "networks": networks, "addresses": [], "ssh_port": 22,
        "has_time_servers": True, **changed,
    }  # fmt: skip


def _findings_of_network(**changed: Any) -> list[str]:
    """Leave out what is said of the session: the tests may run over ssh."""
    findings = _ask("network", _network(**changed))["findings"]
    return [each for each in findings if not each.startswith("This play ")]


def test_networks_that_are_fine_have_no_finding() -> None:
    assert _findings_of_network() == []


def test_a_number_that_is_somebody_elses_is_refused_with_the_name() -> None:
    findings = _findings_of_network(users={"gateway": 1})

    assert findings[0].startswith("The user number 1 belongs to 'daemon', and appliance-gateway needs it.")
    assert findings[1].startswith("The group number 1 belongs to 'daemon'")


def test_a_port_in_use_is_refused_with_the_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])

        (finding,) = _findings_of_network(ports={port: "gateway"})

    assert finding.startswith(f"Port {port} is in use by '")
    assert f"(process {os.getpid()})" in finding


def test_a_network_that_is_none_and_one_that_is_everything_are_refused() -> None:
    networks = {**_network()["networks"], "appliance_client_networks": ["10.300.0.0/16", "0.0.0.0/0"]}

    findings = _findings_of_network(networks=networks)

    assert [each.partition(";")[0] for each in findings] == [
        "appliance_client_networks: '10.300.0.0/16' is no network such as 10.20.0.0/24",
        "appliance_client_networks: 0.0.0.0/0 is the whole world",
    ]


def test_a_time_server_by_name_is_refused_because_nothing_asks_dns() -> None:
    (finding,) = _findings_of_network(addresses=[["appliance_ntp_servers", "ntp.hospital.example"]])

    assert "'ntp.hospital.example' is no IP address, and the server asks no DNS" in finding


def test_no_administrators_network_is_refused_because_it_locks_everybody_out() -> None:
    networks = {**_network()["networks"], "appliance_admin_networks": []}

    (finding,) = _findings_of_network(networks=networks)

    assert finding.startswith("appliance_admin_networks is empty")


def _medium(folder: Path) -> dict[str, str]:
    model = folder / "models" / "small"
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(b"12345")
    (model / "manifest.json").write_text('{"files":{"model.safetensors":{"size":5}}}')
    (folder / "MEDIUM.json").write_text('{"suites":{"bookworm":{}},"engines":["cpu"]}')
    return {"medium": str(folder), "release": "bookworm", "profile": "cpu", "model": "small"}


def test_a_medium_that_fits_has_no_finding(tmp_path: Path) -> None:
    assert _ask("medium", _medium(tmp_path))["findings"] == []


def test_a_medium_that_is_not_mounted_is_refused(tmp_path: Path) -> None:
    (finding,) = _ask("medium", {**_medium(tmp_path), "medium": "/nowhere"})["findings"]

    assert finding.startswith("There is no medium at /nowhere")


def test_a_medium_for_another_release_and_engine_is_refused(tmp_path: Path) -> None:
    findings = _ask("medium", {**_medium(tmp_path), "release": "noble", "profile": "a100x2"})["findings"]

    assert [each.partition(".")[0] for each in findings] == [
        "The medium is made for bookworm, and this server runs noble",
        "The medium holds no engine for profile a100x2",
    ]


def test_weights_that_do_not_match_their_manifest_are_refused_by_name(tmp_path: Path) -> None:
    wanted = _medium(tmp_path)
    (tmp_path / "models/small/model.safetensors").write_bytes(b"1234")

    (finding,) = _ask("medium", wanted)["findings"]

    assert "model.safetensors has 4 bytes and not the 5 of its manifest" in finding


def _site(policies: Path | str, **changed: Any) -> dict[str, Any]:
    return {"files": {}, "policies": str(policies), "provider_addresses": [], "credentials": [], **changed}


def _copied(folder: Path) -> Path:
    return shutil.copytree(POLICIES, folder / "policies")


def test_the_mediums_own_policies_have_no_finding() -> None:
    assert _ask("controller", _site(POLICIES)) == {"findings": [], "remarks": []}


def test_a_file_that_is_missing_is_named_with_its_variable() -> None:
    answer = _ask("controller", _site("", files={"appliance_medium_key": "/nowhere/key.gpg"}))

    assert answer["findings"][0].startswith("appliance_medium_key: there is no file /nowhere/key.gpg")


def test_a_policy_that_does_not_load_is_refused_with_file_and_line(tmp_path: Path) -> None:
    folder = _copied(tmp_path)
    (folder / "roles.yaml").write_text("roles:\n  - {name: nurse\n")
    (folder / "retention.yaml").unlink()

    findings = _ask("controller", _site(folder))["findings"]

    assert any("retention.yaml is missing" in each for each in findings)
    assert any("roles.yaml:3 cannot be read as YAML" in each for each in findings)


def test_a_provider_that_could_not_be_reached_is_refused(tmp_path: Path) -> None:
    folder = _copied(tmp_path)
    provider = {"name": "cloud", "credential": "cloud.key", "agreements": [{"expires": "2020-01-01"}]}
    host = {"name": "api.cloud.example", "addresses": ["203.0.113.0/24"], "ca": "root.pem"}
    (folder / "providers.yaml").write_text(yaml.safe_dump({"hosts": [host], "providers": [provider]}))

    answer = _ask("controller", _site(folder))

    assert "pins api.cloud.example to ranges, and this server asks no DNS" in answer["findings"][0]
    assert "names the credential 'cloud.key' for cloud" in answer["findings"][1]
    assert answer["remarks"] == ["No agreement with cloud is in force any more; nothing goes there until one is."]


def test_a_register_of_another_shape_is_refused_and_not_a_crash(tmp_path: Path) -> None:
    folder = _copied(tmp_path)
    (folder / "providers.yaml").write_text("hosts: [3]\nproviders: [4]\n")

    (finding,) = _ask("controller", _site(folder))["findings"]

    assert "is not as its comment tells" in finding
