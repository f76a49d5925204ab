"""A recorder in memory, for tests of what uses one: the same interface as `RecorderClient`, and failures on demand.

It keeps every event as it came, bodies in clear, and hands out receipts with real signatures over a real tree.
"""

import hashlib
from collections.abc import Callable, Sequence

from audit.checkpoint import sign_checkpoint, sign_receipt
from audit.keyring import SigningKey, VerifierKey
from audit.merkle import Frontier, inclusion_proof, leaf_hash
from audit.record import Event, Kind, Leaf, Receipt, Receipts, facts_document, metadata, month_of

FIRST_TIME_MS = 1_795_417_200_000
"""2026-11-23T07:00:00Z; each record is a millisecond after the one before."""


def no_failure(_: Event) -> None:
    """Let every event be recorded."""


class MemoryLog:
    """Record events in a list; `before` and `after` may raise AppendError to lose or keep the record that fails."""

    def __init__(
        self,
        *,
        before: Callable[[Event], None] = no_failure,
        after: Callable[[Event], None] = no_failure,
    ) -> None:
        """Take a callback for each event before it is recorded, and one after (recorded, but not acknowledged)."""
        self.before = before
        self.after = after
        self.events: list[Event] = []
        self.closed = False
        self.state = "open"
        """What health says: open, failing, reserved or quarantined."""

        self._records: list[tuple[bytes, bytes]] = []
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._frontier = Frontier()
        self._key = SigningKey.from_seeds(origin="test.example/log", ed25519=b"\x01" * 32, mldsa44=b"\x02" * 32)

    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """Return the public keys of this log."""
        return self._key.verifier_keys()

    def kinds(self) -> list[Kind]:
        """Return the kinds of the events so far, in order."""
        return [event.kind for event in self.events]

    async def append(self, event: Event) -> Receipt:
        """Record one event."""
        return (await self.append_all((event,)))[0]

    async def append_all(self, events: Sequence[Event], *, receipts: Receipts = "all") -> list[Receipt]:
        """Record events as one batch, all or none."""
        for event in events:
            self.before(event)
        signed = [self._record(event) for event in events]
        for event in events:
            self.after(event)
        return {"all": signed, "last": signed[-1:], "none": []}[receipts]

    async def exchange(self, exchange_id: str) -> list[dict[str, object]]:
        """Return what is readable of the events of one exchange."""
        return [dict(metadata(Leaf.from_bytes(leaf), facts)) for _, leaf, facts in self._of(exchange_id)]

    async def receipt(self, exchange_id: str) -> dict[str, object]:
        """Return the full receipt of an exchange."""
        found = self._of(exchange_id)
        size = self._frontier.size
        note = sign_checkpoint(self._key, size=size, root=self._frontier.root(), time_s=FIRST_TIME_MS // 1000)
        records = [
            {"leaf": leaf.decode(), "facts": facts.decode(), "proof": [node.hex() for node in self._proof(sequence)]}
            for sequence, leaf, facts in found
        ]
        keys = [key.to_vkey() for key in self._key.verifier_keys()]
        return {"v": 1, "origin": self._key.origin, "checkpoint": note, "keys": keys, "records": records}

    async def health(self) -> dict[str, object]:
        """Say in which state it is."""
        return {
            "state": self.state,
            "reason": "",
            "size": self._frontier.size,
            "witness": "ok",
            "origin": self._key.origin,
        }

    async def aclose(self) -> None:
        """Remember having been closed."""
        self.closed = True

    def _of(self, exchange_id: str) -> list[tuple[int, bytes, bytes]]:
        return [
            (sequence, *self._records[sequence])
            for sequence, event in enumerate(self.events)
            if event.exchange_id == exchange_id
        ]

    def _proof(self, sequence: int) -> tuple[bytes, ...]:
        return inclusion_proof(sequence, self._frontier.size, lambda level, index: self._nodes[level, index])

    def _record(self, event: Event) -> Receipt:
        sequence, facts = self._frontier.size, facts_document(event)
        leaf = Leaf(
            origin=self._key.origin,
            sequence=sequence,
            event_id=f"ev_{sequence:032x}",
            kind=event.kind,
            time_ms=FIRST_TIME_MS + sequence,
            month=month_of(FIRST_TIME_MS),
            exchange_id=event.exchange_id,
            tenant=event.tenant,
            task=event.task,
            purpose=event.purpose,
            route=event.route,
            outcome=event.outcome,
            code=event.code,
            policy_digest=event.policy_digest,
            model=event.model,
            facts_digest=hashlib.sha256(facts).hexdigest(),
        ).to_bytes()
        self._frontier, completed = self._frontier.append(leaf_hash(leaf))
        self._nodes |= {(level, sequence >> level): node for level, node in enumerate(completed)}
        self.events.append(event)
        self._records.append((leaf, facts))
        return sign_receipt(self._key, sequence=sequence, leaf_hash=leaf_hash(leaf), time_ms=FIRST_TIME_MS + sequence)
