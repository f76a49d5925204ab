"""Check an evidence bundle offline: one file, plain Python 3.11 and `cryptography` (FORMAT.md section 13).

    python verify_bundle.py BUNDLE.zip verifier.keys [CHECKPOINT ...]

`verifier.keys` and the checkpoints are those that were copied off the appliance earlier; without keys from outside the
verdict is at best *unverifiable*, because whoever made a whole bundle up would have made up its keys too.  For the same
reason take this script from a release, not from the bundle that it shall judge.  It imports nothing of the appliance,
writes nothing and opens no network.  Exit codes: 0 verified, 2 wrong usage, 3 tampered, 4 unverifiable.
"""

import base64
import hashlib
import json
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:
    sys.stderr.write("verify_bundle: install cryptography 50 or newer: python -m pip install 'cryptography>=50'\n")
    sys.exit(4)

VERIFIED, TAMPERED, UNVERIFIABLE = "verified", "tampered", "unverifiable"
EXITS = {VERIFIED: 0, TAMPERED: 3, UNVERIFIABLE: 4}
STEPS = {
    1: "the file is an evidence bundle in its one form",
    2: "the export is itself a signed record of the trail",
    3: "every member is the one that the export's record binds",
    4: "records are canonical, of this log, in place, in time and gapless",
    5: "readable facts are those that were bound",
    6: "sealed bodies are those that were bound",
    7: "the records lead to the signed tree",
    8: "the checkpoints over the records hold",
    9: "policies and models are those that the records name",
    10: "the key history is in the signed tree",
    11: "checkpoints kept outside hold",
}
MEMBERS = (
    *("README.txt", "verify_bundle.py", "verifier.keys", "records.jsonl", "bodies.jsonl", "checkpoints.jsonl"),
    *("digests.json", "keys.jsonl", "manifest.json", "export.json"),
)
"""Their one order; `bodies.jsonl` alone may be absent, and the last two are not in the manifest."""

MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of a member that is read whole; ours are kilobytes."""
MAX_LINE = 96 * 1024 * 1024
"""Characters of one line: the largest body that the recorder takes, 64 MiB, in base64."""
MAX_DIGESTS = 10_000
"""Different policies or models that are kept; a trail meets dozens."""
CHUNK = 256 * 1024
BAR = 40
"""Characters of the progress bar."""
END_BYTES = 98
"""ZIP64 end record, its locator and the old end record."""
_ALL16, _ALL32 = 0xFFFF, 0xFFFFFFFF


class Bad(Exception):  # noqa: N818 - a finding, not an error of this program
    """What is wrong, at which record, and how bad that is."""

    def __init__(self, sentence: str, sequence: int | None = None, *, step: int = 0, verdict: str = TAMPERED) -> None:
        """Take the sentence for a person."""
        super().__init__(sentence)
        self.sequence, self.step, self.verdict = sequence, step, verdict


@dataclass(slots=True, kw_only=True)
class Step:
    """One numbered step: how much it looked at and what it found."""

    number: int
    checked: int = 0
    findings: list[Bad] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """Tampered outweighs unverifiable, which outweighs verified."""
        return worst(finding.verdict for finding in self.findings)


@dataclass(slots=True, kw_only=True)
class Report:
    """What can be said of a bundle."""

    steps: dict[int, Step] = field(default_factory=lambda: {number: Step(number=number) for number in STEPS})
    claims: dict[str, Any] = field(default_factory=dict)
    """Origin, range, size, times: believed only with the verdict."""

    @property
    def verdict(self) -> str:
        """Return the worst of all steps."""
        return worst(step.verdict for step in self.steps.values())

    @property
    def first_bad(self) -> int | None:
        """Return the lowest record at which something is wrong, if that can be said."""
        places = (bad.sequence for step in self.steps.values() for bad in step.findings if bad.verdict == self.verdict)
        return min((place for place in places if place is not None), default=None)

    def add(self, number: int, bad: Bad) -> None:
        """Keep a finding, the first few of each step."""
        if len(self.steps[number].findings) < 5:  # noqa: PLR2004 - what a person reads
            self.steps[number].findings.append(bad)


def worst(verdicts: Iterable[str]) -> str:
    """Return the worst of some verdicts."""
    return max((VERIFIED, *verdicts), key=(VERIFIED, UNVERIFIABLE, TAMPERED).index)


# --- the archive: ZIP64 in one spelling, so that no byte of it can differ unseen ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member as the directory tells it."""

    name: str
    crc: int
    size: int
    packed: int
    offset: int
    """Of its header."""

    @property
    def method(self) -> int:
        """Lines are deflated (8), everything else is stored (0)."""
        return 8 if self.name.endswith(".jsonl") else 0

    def header(self) -> bytes:
        """Return its local header."""
        name = self.name.encode("ascii")
        head = struct.pack(
            "<IHHHHHIIIHH", 0x04034B50, 45, 0, self.method, 0, 33, self.crc, _ALL32, _ALL32, len(name), 20
        )
        return head + name + struct.pack("<HHQQ", 1, 16, self.size, self.packed)

    def listed(self) -> bytes:
        """Return its entry of the directory."""
        name = self.name.encode("ascii")
        fixed = struct.pack("<IHHHHHHI", 0x02014B50, 0x032D, 45, 0, self.method, 0, 33, self.crc)
        rest = struct.pack("<IIHHHHHII", _ALL32, _ALL32, len(name), 28, 0, 0, 0, 0o100644 << 16, _ALL32)
        return fixed + rest + name + struct.pack("<HHQQQ", 1, 24, self.size, self.packed, self.offset)


def end_records(count: int, size: int, offset: int) -> bytes:
    """Return what closes an archive whose directory has this many entries, this size and this place."""
    end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0x032D, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<IIQI", 0x07064B50, 0, offset + size, 1)
    return end + locator + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, _ALL16, _ALL16, _ALL32, _ALL32, 0)


class Archive:
    """The members of a bundle; raises `Bad` for any archive that a release would not have written."""

    def __init__(self, file: BinaryIO, moved: Callable[[int], None]) -> None:
        """Read the directory and compare every byte outside the members with the one spelling."""
        self._file, self._moved, self.total = file, moved, file.seek(0, 2)
        end = self.read(max(self.total - END_BYTES, 0), END_BYTES)
        if len(end) < END_BYTES or end[:4] != b"PK\x06\x06":
            raise Bad("it is cut short, or no evidence bundle at all", verdict=UNVERIFIABLE)
        size, offset = struct.unpack_from("<QQ", end, 40)
        if offset + size + END_BYTES != self.total:
            raise Bad("the end of the archive is not as a release writes it")
        self.entries, place = self._entries(self.read(offset, min(size, MAX_DOCUMENT)))
        if place != offset or end != end_records(len(self.entries), size, offset):
            raise Bad("the archive holds bytes or members that no release writes")

    def _entries(self, listed: bytes) -> tuple[dict[str, Entry], int]:
        entries, place, offset = {}, 0, 0
        for name in MEMBERS:
            found = listed[place : place + 74 + len(name)]
            if name == "bodies.jsonl" and found[46:58] != name.encode():
                continue
            if len(found) < 74 + len(name):
                raise Bad(f"the member {name} is missing")
            (crc,), (size, packed) = (
                struct.unpack_from("<I", found, 16),
                struct.unpack_from("<QQ", found, 50 + len(name)),
            )
            entries[name] = entry = Entry(name=name, crc=crc, size=size, packed=packed, offset=offset)
            if found != entry.listed() or self.read(offset, len(entry.header())) != entry.header():
                raise Bad(f"the member {name} is missing, out of order, or not listed as a release lists it")
            place, offset = place + len(found), offset + len(entry.header()) + packed
        if place != len(listed):
            raise Bad("the archive lists a member twice, or one that no release writes")
        return entries, offset

    def read(self, place: int, size: int) -> bytes:
        """Return bytes of the file."""
        self._file.seek(place)
        return self._file.read(size)

    def packed(self, name: str) -> Iterator[bytes]:
        """Yield a member as it is stored."""
        entry = self.entries[name]
        place, left = entry.offset + len(entry.header()), entry.packed
        while left:
            data = self.read(place, min(CHUNK, left))
            self._moved(len(data))
            yield data
            place, left = place + len(data), left - len(data)

    def chunks(self, name: str, stored: Iterable[bytes] | None = None) -> Iterator[bytes]:
        """Yield a member's content; never more than its told size, whatever was packed."""
        entry, total = self.entries[name], 0
        inflate = zlib.decompressobj(-15)
        for data in stored if stored is not None else self.packed(name):
            waiting = data
            while waiting:
                try:
                    content = inflate.decompress(waiting, CHUNK) if entry.method else waiting
                except zlib.error:
                    raise Bad(f"{name} does not unpack") from None
                waiting = inflate.unconsumed_tail if entry.method else b""
                total += len(content)
                if total > entry.size or inflate.unused_data:
                    raise Bad(f"{name} is larger than the archive says")
                yield content
        if total != entry.size or inflate.eof != bool(entry.method):
            raise Bad(f"{name} is shorter than the archive says")

    def whole(self, name: str) -> bytes:
        """Return a small member."""
        if self.entries[name].size > MAX_DOCUMENT:
            raise Bad(f"{name} is larger than any that a release writes")
        return b"".join(self.chunks(name))

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the documents of a member, one a line."""
        rest = b""
        for chunk in self.chunks(name):
            *whole, rest = (rest + chunk).split(b"\n")
            if max(map(len, (*whole, rest))) > MAX_LINE:
                raise Bad(f"{name} has a line longer than any record")
            yield from map(read_json, whole)
        if rest:
            raise Bad(f"the last line of {name} is cut short")


# --- documents, keys and signed notes ---


def read_json(data: bytes) -> dict[str, Any]:
    """Return a document; raises `Bad` unless these are its canonical bytes (FORMAT.md section 1)."""
    try:
        document = json.loads(data.decode())
        spelled = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
        if isinstance(document, dict) and spelled.encode() == data:
            return document
    except (ValueError, RecursionError):
        pass
    raise Bad("it is not canonical JSON")


def read_base64(text: str) -> bytes:
    """Return the bytes of base64 in its one spelling."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Bad("it is not base64 in its one spelling")
    return data


def read_keys(text: str) -> dict[bytes, bytes]:
    """Return vkey lines as key id to `name LF type public-key`; one Ed25519 and one ML-DSA-44 key of one log."""
    found = {}
    for name, key_id, encoded in (line.split("+", 2) for line in text.splitlines() if line):
        material = name.encode() + b"\n" + read_base64(encoded)
        found[hashlib.sha256(material).digest()[:4]] = material
        if hashlib.sha256(material).hexdigest()[:8] != key_id:
            raise Bad("a key id does not fit its key")
    kinds = sorted(material.split(b"\n", 1)[1][0] for material in found.values())
    if kinds != [1, 6] or len({material.split(b"\n")[0] for material in found.values()}) != 1:
        raise Bad("these are not the two verifier keys of one log")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A checkpoint whose two signatures hold."""

    origin: str
    size: int
    root: bytes


def read_note(note: str, keys: dict[bytes, bytes]) -> Note:
    """Return what a checkpoint says; raises `Bad` unless each of the keys has signed it (FORMAT.md section 8)."""
    text, _, rest = note.partition("\n\n")
    origin, size, root = text.split("\n")
    signed = {}
    for line in rest.removesuffix("\n").split("\n"):
        dash, name, encoded = line.split(" ")
        if dash == "\u2014" and name == origin:
            data = read_base64(encoded)
            signed[data[:4]] = data[4:]
    for key_id, material in keys.items():
        name_, public = material.split(b"\n", 1)
        if name_ != origin.encode() or key_id not in signed:
            raise Bad("a checkpoint is not signed by the log's keys")
        _check_signature(public, signed[key_id], f"{text}\n".encode(), size=int(size), root=read_base64(root))
    return Note(origin=origin, size=int(size), root=read_base64(root))


def _check_signature(public: bytes, signature: bytes, text: bytes, *, size: int, root: bytes) -> None:
    name = text.split(b"\n")[0]
    try:
        if public[0] == 1:
            Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature, text)
        else:
            named = bytes([len(name)]) + name
            message = b"subtree/v1\n\0" + named + signature[:8] + named + struct.pack(">QQ", 0, size) + root
            MLDSA44PublicKey.from_public_bytes(public[1:]).verify(signature[8:], message)
    except InvalidSignature:
        raise Bad("a signature of a checkpoint does not hold") from None


def levels(place: int, size: int) -> Iterator[int]:
    """Yield the levels of the fewest perfect subtrees that cover the places from one size to another."""
    while place < size:
        level = min((place & -place or 1 << 63).bit_length(), (size - place).bit_length()) - 1
        yield level
        place += 1 << level


@dataclass(slots=True, kw_only=True)
class Tree:
    """The RFC 6962 tree so far: its perfect subtrees, largest first; grows by leaves, and by subtrees over gaps."""

    size: int = 0
    nodes: list[bytes] = field(default_factory=list)

    def append(self, digest: bytes, level: int = 0) -> None:
        """Append a perfect subtree over 2^level leaves; its place is a multiple of that."""
        grown = self.size + (1 << level)
        while self.size >> level & 1:
            digest, level = hashlib.sha256(b"\x01" + self.nodes.pop() + digest).digest(), level + 1
        self.size, self.nodes = grown, [*self.nodes, digest]

    def fill(self, size: int, hashes: Sequence[str]) -> None:
        """Grow to a size over records that are not told, by the hashes of the subtrees between."""
        steps = list(levels(self.size, size))
        digests = [bytes.fromhex(text) for text in hashes]
        if [len(digest) for digest in digests] != [32] * len(steps):
            raise Bad("a proof has too few hashes, or too many")
        for digest, level in zip(digests, steps, strict=True):
            self.append(digest, level)

    def root(self) -> bytes:
        """Return the root over everything so far."""
        root = self.nodes[-1] if self.nodes else hashlib.sha256().digest()
        for left in reversed(self.nodes[:-1]):
            root = hashlib.sha256(b"\x01" + left + root).digest()
        return root


# --- the steps ---


class Check:
    """The steps over one bundle, in order; each raises `Bad` at its first fault."""

    def __init__(self, archive: Archive, report: Report) -> None:
        """Take the opened bundle and the report to write."""
        self.archive, self.report = archive, report
        self.keys: dict[bytes, bytes] = {}
        self.manifest: dict[str, Any] = {}
        self.kept: dict[int, bytes] = {}
        """Roots by size, of checkpoints kept outside, until something could be compared with them."""
        self._root = b""
        """Of the tree that the bundle's newest checkpoint over the records signs, as the export's record proves it."""
        self._seen: dict[str, dict[str, list[int]]] = {"models": {}, "policies": {}}
        self._next = self._good = self._time_ms = 0
        """The place looked at; the size of the largest tree found signed; the time of the record before."""
        self._previous = ""
        self._bodies = self._notes = iter(())  # type: Iterator[dict[str, Any]]
        self._body: dict[str, Any] | None = None
        self._pending: Note | None = None

    def export(self, vkeys: str | None, outside: Sequence[str]) -> None:
        """Step 2: the keys; the record of the export, in a signed tree; and that it binds the manifest."""
        inside, manifest = self.archive.whole("verifier.keys").decode(), self.archive.whole("manifest.json")
        self.keys, self.manifest = read_keys(inside if vkeys is None else vkeys), read_json(manifest)
        self._next = self.manifest["first"]
        self.report.claims = {name: value for name, value in self.manifest.items() if name != "members"}
        if vkeys is None:
            sentence = "no keys from outside: give the verifier.keys that was copied off the appliance"
            self.report.add(2, Bad(sentence, verdict=UNVERIFIABLE))
        elif read_keys(inside) != self.keys:
            raise Bad("the bundle was made with other keys than those given")
        for text in outside:
            self.report.steps[11].checked += 1
            kept = read_note(text, self.keys)
            self.kept[kept.size] = kept.root
        proof = read_json(self.archive.whole("export.json"))
        note, tree = read_note(proof["note"], self.keys), Tree()
        tree.fill(self.manifest["size"], proof["head"])
        self._root = tree.root()
        self._compare_kept(tree)
        leaf = self._leaf(proof, step=2)
        tree.fill(leaf["seq"], proof["gap"])
        tree.append(bytes.fromhex(proof["hash"]))
        tree.fill(note.size, proof["tail"])
        if tree.root() != note.root or proof["note"].count("\n") != 6:  # noqa: PLR2004 - no line that nobody checks
            raise Bad("the export's record is not in the tree that its checkpoint signs")
        self._compare_kept(tree)
        bound = read_json(proof["facts"].encode())["facts"]["manifest"]
        if (leaf["kind"], leaf["code"], bound) != ("access", "export", hashlib.sha256(manifest).hexdigest()):
            raise Bad("the export's record binds another manifest: something was changed after the export")
        self.report.steps[2].checked = 1

    def members(self) -> None:
        """Step 3: every member has the size and the digests of the manifest."""
        listed = {member["name"]: member for member in self.manifest["members"]}
        for name, entry in self.archive.entries.items():
            stored, content, crc = hashlib.sha256(), hashlib.sha256(), 0
            for chunk in self.archive.chunks(name, _hashed(self.archive.packed(name), stored)):
                content.update(chunk)
                crc = zlib.crc32(chunk, crc)
            found = {"name": name, "size": entry.size, "sha256": content.hexdigest(), "packed": entry.packed}
            is_bound = listed.pop(name, None) == {**found, "packed_sha256": stored.hexdigest()}
            if crc != entry.crc or not (is_bound or name in MEMBERS[-2:]):
                self.report.add(3, Bad(f"{name} is not the one that the export's record binds"))
            self.report.steps[3].checked += 1
        if listed:
            raise Bad("members that the manifest lists are missing")

    def records(self) -> None:
        """Check the records, once, in order, with what speaks about them (steps 4 to 8)."""
        tree, size = Tree(), self.manifest["size"]
        if "bodies.jsonl" in self.archive.entries:
            self._bodies = self.archive.lines("bodies.jsonl")
            self._body = next(self._bodies, None)
        self._notes = self.archive.lines("checkpoints.jsonl")
        self._next_note()
        is_range = "exchange" not in self.manifest["asked"]
        self._next = max(self.manifest["first"] - is_range, 0)
        for line in self.archive.lines("records.jsonl"):
            leaf = self._leaf(line)
            self._check_place(leaf, is_edge="facts" not in line)
            tree.fill(leaf["seq"], line["gap"])
            self._confront(tree)
            tree.append(bytes.fromhex(line["hash"]))
            self._confront(tree)
            self._check_body(leaf)
            self._next = leaf["seq"] + 1
        if self._next != min(self.manifest["end"] + is_range, size) or self._body is not None:
            raise Bad("records are missing at the end of the range, or there is a body without its record", self._next)
        tree.fill(size, self.manifest["tail"])
        self._confront(tree)
        if self._good != size or self._pending is not None:
            raise Bad("no checkpoint signs the tree over the records", self._good, step=8)

    def digests(self) -> None:
        """Step 9: the summary of policies and models is what the records say."""
        if read_json(self.archive.whole("digests.json")) != {"v": 1, **self._seen}:
            raise Bad("the list of policies and models is not what the records name")
        self.report.steps[9].checked = sum(map(len, self._seen.values()))

    def history(self) -> None:
        """Step 10: the records about keys are in the same tree."""
        tree = Tree()
        for line in self.archive.lines("keys.jsonl"):
            leaf = self._leaf(line, step=10)
            tree.fill(leaf["seq"], line["gap"])
            tree.append(bytes.fromhex(line["hash"]))
        tree.fill(self.manifest["size"], self.manifest["history_tail"])
        if tree.root() != self._root:
            raise Bad("a record of the key history is not in the signed tree")

    def outside(self) -> None:
        """Step 11: no checkpoint from outside is left without something to compare it with."""
        for size in sorted(self.kept):
            sentence = (
                f"the checkpoint of {size} records cannot be compared: ask for an export from before record {size}"
            )
            self.report.add(11, Bad(sentence, verdict=UNVERIFIABLE))

    def _leaf(self, line: dict[str, Any], step: int = 4) -> dict[str, Any]:
        """Return the leaf of a line; its place in the trail is not yet checked."""
        data = line["leaf"].encode()
        leaf = read_json(data)
        self.report.steps[step].checked += 1
        if hashlib.sha256(b"\0" + data).hexdigest() != line["hash"]:
            raise Bad(f"record {self._next} is not the one that was recorded", step=step)
        known = leaf["v"] == 1 and leaf["origin"] == self.manifest["origin"]
        if not known or not isinstance(leaf["seq"], int) or not isinstance(leaf["time"], int):
            raise Bad(f"record {self._next} is of another log or version", step=step)
        if "facts" in line and hashlib.sha256(line["facts"].encode()).hexdigest() != leaf["facts"]:
            raise Bad(f"the facts of record {leaf['seq']} are not those that were bound", step=5)
        self.report.steps[5].checked += "facts" in line
        return leaf

    def _check_place(self, leaf: dict[str, Any], *, is_edge: bool) -> None:
        """Check that a record is the next one of what was asked for."""
        asked, place, time_ms = self.manifest["asked"], leaf["seq"], leaf["time"]
        if "exchange" in asked:
            follows = (leaf["exchange"], leaf.get("prev", "")) == (asked["exchange"], self._previous)
            good = follows and place >= self._next and not is_edge
        else:
            inside = self.manifest["first"] <= place < self.manifest["end"]
            in_time = asked["since_ms"] <= time_ms < asked["until_ms"]
            good = place == self._next and inside == in_time == (not is_edge)
        if not good or time_ms < self._time_ms:
            raise Bad(f"record {self._next} is missing, or another stands in its place")
        self._previous, self._time_ms = leaf["id"], time_ms
        for kind, value in (("models", leaf.get("model")), ("policies", leaf.get("policy"))):
            if value and not is_edge and len(self._seen[kind]) < MAX_DIGESTS:
                self._seen[kind].setdefault(value, [place, place])[1] = place

    def _check_body(self, leaf: dict[str, Any]) -> None:
        place, body = leaf["seq"], self._body
        if body is not None and body["seq"] == place:
            self.report.steps[6].checked += 1
            if hashlib.sha256(read_base64(body["cipher"])).hexdigest() != leaf.get("cipher"):
                raise Bad(f"the sealed body of record {place} is not the one that was recorded", place, step=6)
            read_base64(body["wrapped"])
            self._body = next(self._bodies, None)
        elif self.manifest["bodies"] and "cipher" in leaf and self.manifest["first"] <= place < self.manifest["end"]:
            self.report.add(6, Bad(f"the sealed body of record {place} is missing", place, verdict=UNVERIFIABLE))

    def _next_note(self) -> None:
        line = next(self._notes, None)
        try:
            self._pending = read_note(line["note"], self.keys) if line else None
        except (Bad, KeyError, TypeError, ValueError) as bad:
            raise Bad(f"a checkpoint over the records does not hold: {bad}", self._next, step=8) from None
        self.report.steps[8].checked += line is not None

    def _confront(self, tree: Tree) -> None:
        """Compare the tree over the records so far with every checkpoint of its size."""
        while self._pending is not None and self._pending.size <= tree.size:
            if self._pending.size != tree.size:
                raise Bad("a checkpoint signs none of the trees over these records", self._good, step=8)
            if self._pending.root != tree.root():
                begin = max(self._good, self.manifest["first"])
                sentence = f"records {begin} to {tree.size - 1} are not those that were signed"
                raise Bad(sentence, begin, step=7)
            self._good = tree.size
            self.report.steps[7].checked += 1
            self._next_note()
        self._compare_kept(tree)

    def _compare_kept(self, tree: Tree) -> None:
        if tree.size in self.kept and self.kept.pop(tree.size) != tree.root():
            begin = self.manifest["first"]
            raise Bad(
                f"the checkpoint of {tree.size} records that was kept outside is of another trail", begin, step=11
            )


def _hashed(chunks: Iterable[bytes], digest: "hashlib._Hash") -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def verify(
    path: Path,
    vkeys: str | None,
    outside: Sequence[str] = (),
    moved: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """Return what can be said of a bundle, by the text of a verifier.keys from outside; raises OSError only."""
    report, done = Report(), 0

    def move(count: int) -> None:
        nonlocal done
        done += count
        moved(done, 2 * path.stat().st_size)

    with path.open("rb") as file:
        try:
            check = Check(Archive(file, move), report)
        except Bad as bad:
            report.add(1, bad)
            return report
        report.steps[1].checked = 1
        _attempt(report, 2, lambda: check.export(vkeys, outside), check)
        for number, step in ((3, check.members), (4, check.records), (9, check.digests), (10, check.history)):
            if check.manifest and (number < 9 or report.verdict != TAMPERED):  # noqa: PLR2004 - they need whole records
                _attempt(report, number, step, check)
        if report.verdict != TAMPERED:
            check.outside()
    return report


def _attempt(report: Report, number: int, step: Callable[[], None], check: Check) -> None:
    """Run a step; whatever a hostile bundle makes of its documents is a finding."""
    try:
        step()
    except Bad as bad:
        if bad.sequence is None and number == 4:  # noqa: PLR2004 - the records
            bad.sequence = check._next  # noqa: SLF001 - the same file
        report.add(bad.step or number, bad)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error):
        place = check._next if number == 4 else None  # noqa: PLR2004, SLF001 - as above
        report.add(number, Bad("a part is missing, or has the wrong form", place))


def lines(report: Report) -> Iterator[str]:
    """Yield the report for a person."""
    for step in report.steps.values():
        yield f"{step.number:2}. {STEPS[step.number]}: {step.checked} checked, {step.verdict.upper()}"
        for bad in step.findings:
            yield f"      {bad}" + (f" (record {bad.sequence})" if bad.sequence is not None else "")
    claims = report.claims
    if report.verdict == VERIFIED:
        span = f"records {claims['first']} to {claims['end'] - 1}" if claims["records"] else "no record"
        under = f"{claims['records']} in all, under a signed tree of {claims['size']}"
        yield f"VERIFIED: {span} of {claims['origin']}, {under}."
    elif report.first_bad is not None:
        yield f"{report.verdict.upper()}: the first record concerned is {report.first_bad}."
    else:
        yield f"{report.verdict.upper()}: see above."


def main(arguments: Sequence[str]) -> int:
    """Check the bundle that the command line names and return the exit code."""
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write("usage: python verify_bundle.py BUNDLE.zip verifier.keys [CHECKPOINT ...]\n")
        return 2
    try:
        texts = [Path(given).read_text("utf-8") for given in arguments[1:]]
        report = verify(Path(arguments[0]), texts[0] if texts else None, texts[1:], _show)
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"verify_bundle: {error}\n")
        return 2
    for line in lines(report):
        sys.stdout.write(f"{line}\n")
    return EXITS[report.verdict]


def _show(done: int, total: int) -> None:
    """Draw a bar where somebody looks."""
    if sys.stderr.isatty():
        filled = min(BAR * done // max(total, 1), BAR)
        sys.stderr.write(f"\r[{'#' * filled}{' ' * (BAR - filled)}]" + ("\r\033[K" if filled == BAR else ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
