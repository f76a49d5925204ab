"""Every error that the audit trail raises on purpose.

::

    AuditError                      code (stable) · a sentence that says what to do; never a body's text
    ├── AppendError                 the record was not made durable; nothing may be released
    │   └── RecorderUnavailableError    no recorder answers on its socket
    ├── SealError                   a body could not be sealed
    ├── OpenError                   a sealed body could not be opened: wrong passphrase, destroyed or damaged key
    ├── StoreError                  the database is missing, foreign, of another version, or damaged
    ├── FormatError                 bytes that are not in the format that FORMAT.md fixes
    ├── QueryError                  a question that the trail cannot be asked
    │   └── UnknownRecordError          nothing in the trail goes by this name
    ├── OfficerError                the officer registry cannot do this
    └── VerificationError           the trail or a proof does not hold
        ├── InclusionError
        ├── ConsistencyError
        └── CheckpointError

Hostile or damaged input raises one of these, never `ValueError`, `KeyError` or a library's own error.
"""

from typing import ClassVar


class AuditError(Exception):
    """Carry a stable code and one sentence that says what to do next."""

    code: ClassVar[str] = "audit_error"


class AppendError(AuditError):
    """Say that a record was not made durable; the caller MUST NOT release what it describes."""

    code = "append_failed"


class RecorderUnavailableError(AppendError):
    """Say that no recorder answers on its socket."""

    code = "recorder_unavailable"


class SealError(AuditError):
    """Say that a body could not be sealed, so nothing was recorded."""

    code = "seal_failed"


class OpenError(AuditError):
    """Say that a sealed body could not be opened, and whether the key or the bytes are at fault."""

    code = "open_failed"


class StoreError(AuditError):
    """Say that the database is missing, of another version, or damaged."""

    code = "store_unusable"


class FormatError(AuditError):
    """Say that bytes are not in the format that FORMAT.md fixes."""

    code = "format_invalid"


class QueryError(AuditError):
    """Say what is wrong with a question to the trail."""

    code = "query_invalid"


class UnknownRecordError(QueryError):
    """Say that nothing in the trail goes by this name."""

    code = "unknown_record"


class OfficerError(AuditError):
    """Say why an officer's key cannot be added, listed or revoked."""

    code = "officer_invalid"


class VerificationError(AuditError):
    """Say that the trail or a proof does not hold; this is evidence of tampering."""

    code = "tampered"


class InclusionError(VerificationError):
    """Say that a record is not in the tree that a checkpoint signs."""

    code = "inclusion_invalid"


class ConsistencyError(VerificationError):
    """Say that a later tree does not contain an earlier one unchanged."""

    code = "consistency_invalid"


class CheckpointError(VerificationError):
    """Say that a checkpoint's signature, origin or form does not hold."""

    code = "checkpoint_invalid"
