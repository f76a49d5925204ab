import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.medium import verify
from appliance.medium.signing import Signer
from appliance.medium.verify import SIGNATURE, SUMS, MediumRefusedError, check_medium, parse_sums
from tests.support.media import FILES, sign, stop_agent


def refused(folder: Path, key: bytes, **site: str) -> MediumRefusedError:
    with pytest.raises(MediumRefusedError) as caught:
        check_medium(folder, key, site_models=site)
    return caught.value


def test_a_whole_medium_is_accepted_and_told_by_version_and_signer(medium: Path, key: bytes) -> None:
    told: list[tuple[int, int]] = []
    proven = check_medium(medium, key, progress=lambda done, total: told.append((done, total)))
    assert (proven.version, proven.files) == ("1.2.3", len(FILES))
    assert proven.size_bytes == sum(map(len, FILES.values()))
    assert len(proven.signer) == 40
    assert told[-1] == (proven.size_bytes, proven.size_bytes)


def test_a_medium_with_one_altered_byte_is_refused_by_name(medium: Path, key: bytes) -> None:
    (medium / "wheels/a-1-py3-none-any.whl").write_bytes(b"whEel")
    error = refused(medium, key)
    assert error.differences.lines() == ["altered: wheels/a-1-py3-none-any.whl"]
    assert "copy it again" in error.sentence


def test_every_missing_and_surplus_file_is_named(medium: Path, key: bytes) -> None:
    (medium / "apt/bookworm/InRelease").unlink()
    (medium / "models/small/extra.safetensors").write_bytes(b"x")
    (medium / "wheels/line\nbreak").write_bytes(b"x")
    lines = refused(medium, key).differences.lines()
    assert lines[0] == "missing: apt/bookworm/InRelease"
    assert lines[1:] == ["surplus: models/small/extra.safetensors", "surplus: wheels/line\\nbreak"]


def test_a_link_in_place_of_a_file_is_refused_even_if_it_leads_to_the_same_bytes(medium: Path, key: bytes) -> None:
    path = medium / "apt/bookworm/InRelease"
    path.rename(medium.parent / "elsewhere")
    path.symlink_to(medium.parent / "elsewhere")
    assert refused(medium, key).differences.altered == ("apt/bookworm/InRelease",)


@pytest.mark.parametrize("name", [SUMS, SIGNATURE])
def test_a_half_copied_medium_without_list_or_signature_is_refused(medium: Path, key: bytes, name: str) -> None:
    (medium / name).unlink()
    error = refused(medium, key)
    assert error.differences.missing == (name,)
    assert "not copied to its end" in error.sentence


def test_a_medium_signed_by_an_unknown_key_is_refused(medium: Path, stranger: Signer) -> None:
    assert "signed by another key" in refused(medium, stranger.public()).sentence


def test_a_list_that_was_changed_after_signing_is_refused(medium: Path, key: bytes) -> None:
    (medium / SUMS).write_bytes((medium / SUMS).read_bytes().replace(b"a", b"b", 1))
    assert refused(medium, key).differences.altered == (SUMS,)


def test_a_signature_of_garbage_is_refused(medium: Path, key: bytes) -> None:
    (medium / SIGNATURE).write_bytes(b"no signature")
    assert refused(medium, key).differences.altered == (SUMS,)


def test_an_armored_key_is_refused_with_what_to_do(medium: Path) -> None:
    assert "--dearmor" in refused(medium, b"-----BEGIN PGP PUBLIC KEY BLOCK-----").sentence


def test_an_expired_key_is_refused(medium: Path, tmp_path: Path) -> None:
    home = tmp_path / "gpg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", ""]
    made = [*gpg, "--faked-system-time", "20200101T000000!", "--quick-gen-key", "old", "ed25519", "sign", "1d"]
    subprocess.run(made, check=True, capture_output=True)
    signed = subprocess.run(
        [*gpg, "--faked-system-time", "20200101T010000!", "--detach-sign", "--output", "-", str(medium / SUMS)],
        check=True,
        capture_output=True,
    ).stdout
    (medium / SIGNATURE).write_bytes(signed)
    old = Signer(key="old", home=home)
    public = old.public()
    stop_agent(old)
    assert "expired" in refused(medium, public).sentence


def test_without_a_program_that_checks_signatures_nothing_is_accepted(
    medium: Path, key: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install gpgv" in refused(medium, key).sentence


@pytest.mark.parametrize(("status", "accepted"), [(0, True), (1, False)])
def test_sqv_is_believed_where_there_is_no_gpgv(
    medium: Path, key: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, status: int, accepted: bool
) -> None:
    program = tmp_path / "bin" / "sqv"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/sh\n[ $1 = --keyring ] && [ -s $2 ] && [ -s $3 ] && [ -s $4 ] && echo ABCD\nexit {status}\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    if accepted:
        assert check_medium(medium, key).signer == "ABCD"
    else:
        assert "does not fit" in refused(medium, key).sentence


@pytest.mark.parametrize(
    "line", ["", "abc  x", f"{'0' * 64} x", f"{'0' * 64}  ../x", f"{'0' * 64}  /x", f"{'0' * 64}  SHA256SUMS.sig",
             f"{'0' * 64}  site-models/x", f"{'0' * 64}  MEDIUM.json"]
)  # fmt: skip
def test_a_list_with_a_line_that_no_builder_writes_is_refused(line: str) -> None:
    with pytest.raises(MediumRefusedError, match="no builder writes"):
        parse_sums(f"{'0' * 64}  MEDIUM.json\n{line}\n".encode())


def test_a_signed_folder_that_is_no_medium_is_refused(tmp_path: Path, signer: Signer, key: bytes) -> None:
    (tmp_path / "x").write_bytes(b"x")
    sign(tmp_path, signer)
    assert "no install medium" in refused(tmp_path, key).sentence


def test_a_list_too_large_to_be_one_is_refused(medium: Path, key: bytes) -> None:
    with (medium / SUMS).open("wb") as file:
        file.truncate(verify.MAX_SUMS_BYTES + 1)
    assert "too large" in refused(medium, key).sentence


def put_site_model(medium: Path) -> str:
    folder = medium / "site-models" / "own-70b"
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"weights")
    entry = {"sha256": hashlib.sha256(b"weights").hexdigest(), "size": 7}
    manifest = json.dumps({"files": {"weights.safetensors": entry}}).encode()
    (folder / "manifest.json").write_bytes(manifest)
    return hashlib.sha256(manifest).hexdigest()


def test_the_sites_own_weights_are_accepted_by_the_digest_that_the_site_states(medium: Path, key: bytes) -> None:
    digest = put_site_model(medium)
    proven = check_medium(medium, key, site_models={"own-70b": f"sha256:{digest}"})
    assert proven.site_models == {"own-70b": f"sha256:{digest}"}
    assert proven.files == len(FILES) + 2


def test_weights_in_the_slot_that_nobody_stated_are_refused(medium: Path, key: bytes) -> None:
    put_site_model(medium)
    assert set(refused(medium, key).differences.surplus) == {
        "site-models/own-70b/manifest.json", "site-models/own-70b/weights.safetensors",
    }  # fmt: skip


def test_weights_with_another_digest_than_stated_are_refused(medium: Path, key: bytes) -> None:
    put_site_model(medium)
    assert "inventory" in refused(medium, key, **{"own-70b": "0" * 64}).sentence


def test_altered_weights_in_the_slot_are_refused_by_name(medium: Path, key: bytes) -> None:
    digest = put_site_model(medium)
    (medium / "site-models/own-70b/weights.safetensors").write_bytes(b"wEights")
    assert refused(medium, key, **{"own-70b": digest}).differences.lines() == [
        "altered: site-models/own-70b/weights.safetensors"
    ]


def test_a_manifest_in_the_slot_that_is_none_or_leaves_its_folder_is_refused(medium: Path, key: bytes) -> None:
    folder = medium / "site-models" / "own"
    folder.mkdir(parents=True)
    for content in (b"no json", b"[]", b'{"files": {"a": 1}}', b'{"files": {"../../x": {"sha256": "0"}}}'):
        (folder / "manifest.json").write_bytes(content)
        assert "no manifest" in refused(medium, key, own=hashlib.sha256(content).hexdigest()).sentence


def run_alone(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run the program as it stands on a medium: another folder, no package of ours."""
    command = [sys.executable, "-I", verify.__file__, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env={"PATH": os.environ["PATH"]}
    )


def test_the_program_on_the_medium_needs_nothing_of_the_appliance(medium: Path, key: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key.gpg"
    path.write_bytes(key)
    done = run_alone("--key", path, medium)
    assert (done.returncode, done.stderr) == (0, "")
    assert "appliance 1.2.3, 5 files" in done.stdout


def test_the_program_takes_the_key_as_text_and_names_what_differs(medium: Path, key: bytes) -> None:
    (medium / "apt/bookworm/InRelease").write_bytes(b"x")
    done = run_alone("--key-base64", base64.b64encode(key).decode(), medium)
    assert done.returncode == 1
    assert "altered: apt/bookworm/InRelease" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--key", "/no/key"], "cannot be read"), (["--key-base64", "%"], "no base64"),
     (["--key-base64", "AAAA", "--site-model", "x"], "NAME=DIGEST")],
)  # fmt: skip
def test_wrong_use_says_what_to_do(
    medium: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert verify.main([*arguments, str(medium)]) == 1
    assert words in capsys.readouterr().err


def test_progress_is_shown_to_a_person(
    medium: Path, key: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert verify.main(["--key-base64", base64.b64encode(key).decode(), str(medium)]) == 0
    assert "100 %" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_as_good_as_altered(tmp_path: Path) -> None:
    assert not verify.digest_of(tmp_path / "absent")
