"""The root on a real PKCS#11 token (SoftHSM): what opens it, and what a person reads when it does not."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from audit.errors import OpenError
from audit.keyring import open_custodian, open_root, rotation
from audit.keyring.child import run_child
from audit.keyring.pkcs11_root import PROGRAM, TokenProtector
from audit.keyring.root import RootFile
from tests.support.softhsm import LABEL, PIN, SoftToken, soft_token
from tests.support.spawned import Spawned, spawned
from tests.support.trails import new_trail


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftToken:
    made = soft_token(tmp_path / "hsm")
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.configuration))
    return made


@pytest.fixture
def folder(tmp_path: Path, token: SoftToken) -> Path:
    """Return a custodian's folder whose root is on the token."""
    new_trail(tmp_path)
    opened = open_root(tmp_path / "custodian")
    rotation.move_root(opened, rotation.kept_root(opened, protector(token)))
    return tmp_path / "custodian"


def protector(token: SoftToken) -> TokenProtector:
    return TokenProtector(module=token.module, token=LABEL, pin=PIN.encode())


def ask(token: SoftToken, **changes: str) -> dict[str, str]:
    """Ask the program that speaks to the token."""
    question = {
        "op": "unwrap", "module": str(token.module), "token": LABEL, "pin": PIN, "key": "", "data": "", "identity": "",
        **changes,
    }  # fmt: skip
    ended = run_child([sys.executable, "-m", PROGRAM], data=json.dumps(question).encode())
    answer: dict[str, str] = json.loads(ended.out)
    return answer


def test_months_open_by_the_tokens_pin_and_the_passphrase_is_gone_from_the_machine(folder: Path) -> None:
    assert open_custodian(folder, passphrase=PIN.encode()).secrets("2026-11").month == "2026-11"
    assert not (folder / "passphrase").exists()
    assert PIN.encode() not in b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_rotation_on_the_token_keeps_every_month(folder: Path) -> None:
    before = open_custodian(folder, passphrase=PIN.encode()).secrets("2026-12")

    rotation.rotate_root(open_root(folder, passphrase=PIN.encode()))

    assert open_custodian(folder, passphrase=PIN.encode()).secrets("2026-12") == before


def test_the_key_never_leaves_the_token(folder: Path, token: SoftToken) -> None:
    command = [
        "pkcs11-tool", "--module", str(token.module), "--token-label", LABEL, "--login", "--pin", PIN, "--list-objects",
    ]  # fmt: skip

    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "never extractable" in listed
    assert RootFile.read(folder).text("key") in listed


def test_a_wrong_pin_is_tried_once(folder: Path, token: SoftToken) -> None:
    seen: list[Spawned] = []
    with spawned(seen), pytest.raises(OpenError, match="tried once"):
        open_custodian(folder, passphrase=b"0000")

    assert len(seen) == 1
    assert ask(token, pin="0000")["refused"] == "pin"


def test_the_pin_is_in_no_argument_and_no_environment(folder: Path) -> None:
    seen: list[Spawned] = []
    with spawned(seen):
        open_custodian(folder, passphrase=PIN.encode())

    assert seen
    assert all(PIN not in " ".join(child.everything()) for child in seen)


def test_a_token_that_is_away_is_named(folder: Path, token: SoftToken) -> None:
    token.lose()

    with pytest.raises(OpenError, match=f"no token named '{LABEL}'"):
        open_custodian(folder, passphrase=PIN.encode())


def test_two_tokens_of_one_name_are_told(folder: Path, token: SoftToken) -> None:
    token.add(LABEL)

    with pytest.raises(OpenError, match="several tokens"):
        open_custodian(folder, passphrase=PIN.encode())


def test_a_key_that_is_not_on_the_token_is_told(folder: Path) -> None:
    change(folder, "key", "00" * 16)

    with pytest.raises(OpenError, match="not on the token"):
        open_custodian(folder, passphrase=PIN.encode())


def test_a_library_that_is_not_there_is_named(folder: Path) -> None:
    change(folder, "module", "/nowhere/lib.so")

    with pytest.raises(OpenError, match=r"/nowhere/lib\.so cannot be loaded"):
        open_custodian(folder, passphrase=PIN.encode())


def test_a_root_of_another_trail_does_not_open(folder: Path) -> None:
    change(folder, "origin", "hospital.example/b2")

    with pytest.raises(OpenError, match=r"does not open root\.json"):
        open_custodian(folder, passphrase=PIN.encode())


def test_a_damaged_root_does_not_open(folder: Path) -> None:
    change(folder, "root", "00" * 60)

    with pytest.raises(OpenError, match=r"does not open root\.json"):
        open_custodian(folder, passphrase=PIN.encode())


def test_something_else_under_the_tokens_key_is_no_root(folder: Path, token: SoftToken) -> None:
    file = RootFile.read(folder)
    wrapped = replace(protector(token), key=file.text("key")).wrap(b"short", origin=file.origin)
    change(folder, "root", str(wrapped["root"]))

    with pytest.raises(OpenError, match="holds no root key"):
        open_custodian(folder, passphrase=PIN.encode())


def test_a_pin_that_is_no_text_is_not_tried(folder: Path) -> None:
    with pytest.raises(OpenError, match="no text"):
        open_custodian(folder, passphrase=b"\xff\xfe")


def test_a_library_that_crashes_takes_nothing_with_it(folder: Path, tmp_path: Path) -> None:
    source, library = tmp_path / "crash.c", tmp_path / "crash.so"
    source.write_text("#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { abort(); }\n")
    subprocess.run(["/usr/bin/cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    change(folder, "module", str(library))

    with pytest.raises(OpenError, match="broke off"):
        open_custodian(folder, passphrase=PIN.encode())


def test_what_a_token_refuses_for_other_reasons_is_said_by_its_name(token: SoftToken) -> None:
    refusing = replace(protector(token), token="x" * 3)

    assert "GeneralError" in refusing.sentence({"refused": "failed", "detail": "GeneralError"})


@pytest.mark.parametrize("name", ["locked", "final", "extractable", "mechanism"])
def test_each_refusal_says_what_to_do(token: SoftToken, name: str) -> None:
    assert ";" in protector(token).sentence({"refused": name})


def test_a_key_that_can_be_taken_out_is_not_used(token: SoftToken) -> None:
    made = import_key(token, extractable=True)

    assert ask(token, op="wrap", key=made, data="00" * 32)["refused"] == "extractable"


def import_key(token: SoftToken, *, extractable: bool) -> str:
    """Make a key on the token as a careless administrator would."""
    command = [
        "pkcs11-tool", "--module", str(token.module), "--token-label", LABEL, "--login", "--pin", PIN, "--keygen",
        "--key-type", "AES:32", "--id", "aa" * 16, "--label", "careless", *(["--extractable"] if extractable else []),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return "aa" * 16


def change(folder: Path, name: str, value: str) -> None:
    file = RootFile.read(folder)
    RootFile(path=file.path, members={**file.members, name: value}).replace()


def test_the_program_says_what_it_cannot_do_and_prints_nothing_else(token: SoftToken) -> None:
    assert ask(token, key="00")["refused"] == "key"
    assert os.environ["SOFTHSM2_CONF"]
