"""Make the witnesses that a site has chosen in its settings.

Nothing is connected here; files of keys and certificates are read, so that a wrong one is said at start.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

from audit.keyring.signatures import VerifierKey
from audit.settings import FileWitness as FileSettings
from audit.settings import LogWitness, Settings, SyslogWitness
from audit.witness.file import FileWitness
from audit.witness.protocol import Prover, Witness
from audit.witness.syslog import SyslogSender
from audit.witness.tlog import Peer, TlogWitness
from audit.witness.tls import TlsTarget

DEFAULT_NAME = "file"
"""Name of the embedded default's witness."""


def open_witnesses(
    settings: Settings, *, default: Path, keys: Sequence[VerifierKey], prove: Prover
) -> tuple[Witness, ...]:
    """Return the witnesses of a trail, the file at `default` without any in the settings.  Raises SettingsError."""
    if settings.witnesses is None:
        return (FileWitness(default, keys=keys, prove=prove, name=DEFAULT_NAME),)
    return tuple(_open(chosen, state=default.parent, keys=keys, prove=prove) for chosen in settings.witnesses)


def _open(
    chosen: FileSettings | SyslogWitness | LogWitness, *, state: Path, keys: Sequence[VerifierKey], prove: Prover
) -> Witness:
    match chosen:
        case FileSettings():
            return FileWitness(chosen.path, keys=keys, prove=prove, name=chosen.name)
        case SyslogWitness():
            target = TlsTarget.load(
                chosen.host, chosen.port, ca=chosen.ca, certificate=chosen.certificate, key=chosen.key
            ).through(chosen.relay)
            return SyslogSender(target, name=chosen.name, keys=keys)
        case LogWitness():
            return TlogWitness(Peer.load(chosen), keys=keys, prove=prove, state=state / f"{chosen.name}.note")
        case _:
            assert_never(chosen)
