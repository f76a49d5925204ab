"""Records of no meaning, for tests of the store alone."""

from audit.store.database import RecordRow


def row(sequence: int, *, exchange: str = "ex_1", **terms: str) -> RecordRow:
    """Return a record of no meaning at a place."""
    return RecordRow(
        sequence=sequence,
        time_ms=1000 + sequence,
        exchange_id=exchange,
        event_id=f"ev_{sequence}",
        terms={"kind": "intent", **terms},
        fact_terms={},
        nodes=bytes([sequence % 256]) * 32,
        leaf=f"leaf {sequence}".encode(),
        facts=f"facts {sequence}".encode(),
        wrapped_key=b"key" if sequence % 2 else None,
        ciphertext=b"cipher" if sequence % 2 else None,
    )
