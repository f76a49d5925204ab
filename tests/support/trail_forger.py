"""What a thief with write access to every file of a trail can do: change leaves and make the tree fit again."""

from collections.abc import Callable

from audit.canonical import Value, decode, encode
from audit.checkpoint import sign_checkpoint
from audit.compact import pack, unpack
from audit.keyring import SigningKey
from audit.merkle import Frontier, leaf_hash
from tests.support.trail_builder import ORIGIN, TrailBuilder

Edit = Callable[[int, dict[str, Value]], None]
"""Changes the members of a leaf, given its place."""


def another_key() -> SigningKey:
    """Return a key of the thief's own, under the log's name."""
    return SigningKey.from_seeds(origin=ORIGIN, ed25519=b"\x01" * 32, mldsa44=b"\x02" * 32)


def rebuild(trail: TrailBuilder, edit: Edit) -> Frontier:
    """Edit leaves and make every stored tree hash fit; only the signatures cannot be made to fit."""
    frontier = Frontier()
    for sequence, leaf in trail.sql("SELECT sequence, leaf FROM record ORDER BY sequence"):
        members = decode(unpack(leaf))
        edit(sequence, members)
        data = encode(members)
        frontier, completed = frontier.append(leaf_hash(data))
        changed = (pack(data), b"".join(completed), sequence)
        trail.sql("UPDATE record SET leaf = ?, nodes = ? WHERE sequence = ?", *changed)
    return frontier


def sign_anew(trail: TrailBuilder, frontier: Frontier, key: SigningKey) -> None:
    """Replace every checkpoint, the witness and the verifier keys by ones of another key."""
    note = sign_checkpoint(key, size=frontier.size, root=frontier.root(), time_s=trail.clock.now_ms // 1000)
    trail.sql("DELETE FROM checkpoint")
    trail.sql("INSERT INTO checkpoint VALUES (?, ?, ?)", frontier.size, trail.clock.now_ms, note)
    line = encode({"v": 1, "time": trail.clock.now_ms, "note": note})
    trail.trail.witness.write_bytes(line + b"\n")
    lines = "".join(f"{verifier.to_vkey()}\n" for verifier in key.verifier_keys())
    (trail.trail.folder / "verifier.keys").write_text(lines)


def cut(trail: TrailBuilder, size: int) -> None:
    """Cut the tail of the trail, of its checkpoints and of its witness, as a restored backup would."""
    trail.sql("DELETE FROM record WHERE sequence >= ?", size)
    trail.sql("DELETE FROM blind_index WHERE sequence >= ?", size)
    trail.sql("DELETE FROM checkpoint WHERE size > ?", size)
    lines = trail.trail.witness.read_text().splitlines(keepends=True)
    kept = (line for line in lines if int(str(decode(line.strip().encode())["note"]).split("\n")[1]) <= size)
    trail.trail.witness.write_text("".join(kept))
