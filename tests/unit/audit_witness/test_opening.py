from pathlib import Path

import yaml

from audit.cosigner.keys import make_cosigner
from audit.places import find_places
from audit.settings import Settings, read_settings
from audit.witness import FileWitness, open_witnesses
from audit.witness.syslog import SyslogSender
from audit.witness.tlog import TlogWitness
from tests.support.trails import new_trail
from tests.support.witnesses import Authority, SignedLog

LOG = SignedLog([b"a"])


def test_without_settings_the_witness_is_a_file_beside_the_trails_folder(tmp_path: Path) -> None:
    new_trail(tmp_path)
    places = find_places(tmp_path)

    (witness,) = open_witnesses(places.settings, default=places.witness, keys=LOG.keys, prove=LOG.prove)

    assert isinstance(witness, FileWitness)
    witness.publish(LOG.note(1), time_ms=1)
    assert places.witness == tmp_path / "witness" / "checkpoints.log"
    assert places.witness.exists()
    assert places.witness_files == (places.witness,)


def test_each_kind_in_the_settings_is_opened_under_its_name(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    make_cosigner(tmp_path / "second", name="w.example")
    chosen = [
        {"kind": "file", "path": str(tmp_path / "worm.log"), "name": "worm"},
        {"kind": "syslog", "host": "siem.example", "ca": str(authority.path)},
        {
            "kind": "tlog-witness", "url": "https://w.example", "ca": str(authority.path),
            "keys": str(tmp_path / "second" / "cosigner.keys"),
        },
    ]  # fmt: skip
    (tmp_path / "trail.yaml").write_text(yaml.safe_dump({"witnesses": chosen}))

    settings = read_settings(tmp_path)
    opened = open_witnesses(settings, default=tmp_path / "w" / "c.log", keys=LOG.keys, prove=LOG.prove)

    assert [(witness.kind, witness.name) for witness in opened] == [
        ("file", "worm"), ("syslog", "syslog"), ("tlog-witness", "witness"),
    ]  # fmt: skip
    assert [type(witness) for witness in opened] == [FileWitness, SyslogSender, TlogWitness]
    assert find_places(tmp_path).witness_files == (tmp_path / "worm.log",)
    assert Settings().witnesses is None


def test_a_copied_folder_has_the_witness_that_came_with_it(tmp_path: Path) -> None:
    new_trail(tmp_path)
    copy = tmp_path / "audit"
    (copy / "trail.db").touch()

    places = find_places(copy)

    assert places.is_copy
    assert places.witness == copy / "checkpoints.log"
    assert places.witness_files == (copy / "checkpoints.log",)
