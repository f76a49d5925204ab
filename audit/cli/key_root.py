"""`audit keys rotate-root | change-passphrase | protect`: what keeps the months' keys.

Each is recorded before it is done.  No body is touched, and none of them reaches a backup: an old copy of the
custodian's folder opens with what opened it then, so old copies are destroyed by whoever keeps them.
"""

from pathlib import Path
from typing import Annotated

import typer

from audit.access import PASSPHRASE_CHANGED, ROOT_MOVED, ROOT_ROTATED
from audit.cli.frame import AsJson, Home, PassphraseFile, commands, reported
from audit.cli.operation import record_operation
from audit.cli.output import print_json
from audit.cli.passphrase import ask_new, ask_passphrase, opened_root
from audit.errors import OpenError, QueryError
from audit.keyring import OpenRoot, rotation
from audit.keyring.passphrase_root import PassphraseProtector
from audit.keyring.pkcs11_root import TokenProtector
from audit.keyring.protectors import PASSPHRASE_NAME
from audit.keyring.root import Protection, RootProtector
from audit.keyring.tpm_root import TpmProtector
from audit.places import Places, find_places

NewSecretFile = Annotated[
    Path | None,
    typer.Option("--new-passphrase-file", help="File whose first line is the new passphrase or PIN; else it is asked."),
]


@reported
def rotate_root(*, passphrase_file: PassphraseFile = None, home: Home = None, as_json: AsJson = False) -> None:
    """Put a fresh root under every month; finishes a rotation that was cut short."""
    places = find_places(home)
    opened = opened_root(places.custodian, passphrase_file)
    record_operation(
        places,
        ROOT_ROTATED,
        root=opened.custodian.protection.value,
        months=list(opened.custodian.living()),
        finishes_earlier=opened.next_root is not None,
    )
    months = rotation.rotate_root(opened)
    if as_json:
        print_json({"rotated": True, "months": list(months)})
    else:
        print(
            f"A fresh root keeps the {len(months)} months. Back the custodian's folder up, and destroy older backups."
        )


@reported
def change_passphrase(
    *,
    keep: Annotated[
        bool | None,
        typer.Option("--keep/--no-keep", help="Leave it in the custodian's folder, so that months are made at starts."),
    ] = None,
    new_passphrase_file: NewSecretFile = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Let another passphrase open the root; kept on this machine if the present one is, unless told otherwise."""
    places = find_places(home)
    opened = opened_root(places.custodian, passphrase_file)
    if opened.custodian.protection is not Protection.PASSPHRASE:
        raise OpenError("The root is not kept by a passphrase; change the PIN with the token's or the TPM's own tools.")
    wanted = ask_new(new_passphrase_file, "New custodian passphrase")
    rotation.check_passphrase(wanted)
    kept = (places.custodian / PASSPHRASE_NAME).exists() if keep is None else keep
    record_operation(places, PASSPHRASE_CHANGED, kept_on_machine=kept)
    rotation.change_passphrase(opened, PassphraseProtector(passphrase=wanted), keep=kept)
    if as_json:
        print_json({"changed": True, "kept_on_machine": kept})
        return
    where = f"It is in {places.custodian / PASSPHRASE_NAME}." if kept else "It is nowhere on this machine."
    print(f"The passphrase is changed. {where} Who forgets it loses every body; older backups open with the old one.")


protect = commands("Move the root to another keeper: a passphrase, a PKCS#11 token (HSM), or this machine's TPM 2.0.")


@protect.command("passphrase")
@reported
def protect_by_passphrase(
    *,
    new_passphrase_file: NewSecretFile = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Keep the root under a passphrase, which is then nowhere on this machine."""
    places = find_places(home)
    opened = opened_root(places.custodian, passphrase_file)
    if opened.custodian.protection is Protection.PASSPHRASE:
        raise OpenError("A passphrase keeps the root already; 'audit keys change-passphrase' changes it.")
    passphrase = ask_new(new_passphrase_file, "New custodian passphrase")
    rotation.check_passphrase(passphrase)
    _move(places, opened, PassphraseProtector(passphrase=passphrase), as_json=as_json)


@protect.command("pkcs11")
@reported
def protect_by_token(
    *,
    module: Annotated[Path, typer.Option(help="The token's library, such as /usr/lib/softhsm/libsofthsm2.so.")],
    token: Annotated[str, typer.Option(help="The token's label.")],
    new_passphrase_file: NewSecretFile = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Keep the root under a fresh AES key of a token, which never leaves it; asks for the token's PIN, once."""
    places = find_places(home)
    opened = opened_root(places.custodian, passphrase_file)
    pin = ask_passphrase(new_passphrase_file, f"PIN of the token '{token}'")
    _move(places, opened, TokenProtector(module=module.absolute(), token=token, pin=pin), as_json=as_json)


@protect.command("tpm2")
@reported
def protect_by_tpm(  # noqa: PLR0913 - each is an option of the command
    *,
    pin: Annotated[bool, typer.Option("--pin", help="Lock it by a PIN, which is asked.")] = False,
    pcrs: Annotated[str, typer.Option(help="Bind it to PCRs, such as sha256:0,2,4,7, instead of a PIN.")] = "",
    tcti: Annotated[str, typer.Option(help="How the TPM is reached; this machine's own by default.")] = "",
    new_passphrase_file: NewSecretFile = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Keep the root in this machine's TPM: it opens here and nowhere else, and a cleared TPM never opens it again."""
    places = find_places(home)
    if pin and pcrs:
        raise QueryError("A root in the TPM is locked by a PIN or by PCRs, not by both; choose one.")
    opened = opened_root(places.custodian, passphrase_file)
    secret = ask_new(new_passphrase_file, "New PIN of the TPM's root") if pin else b""
    _move(places, opened, TpmProtector(tcti=tcti, pcrs=pcrs, pin=secret), as_json=as_json)


def _move(places: Places, opened: OpenRoot, protector: RootProtector, *, as_json: bool) -> None:
    before, after = opened.custodian.protection.value, protector.protection.value
    # The keeper takes the root and gives it back before anything is recorded or written: a wrong PIN ends here.
    kept = rotation.kept_root(opened, protector)
    record_operation(places, ROOT_MOVED, before=before, after=after)
    rotation.move_root(opened, kept)
    if as_json:
        print_json({"moved": True, "before": before, "after": after})
        return
    print(f"The root moved from {before} to {after}. Older backups of the custodian's folder still open as before:")
    print("keep one of them in a safe place if the new keeper can be lost, else destroy them.")
