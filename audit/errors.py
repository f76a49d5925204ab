"""Every error that the audit trail raises on purpose.

::

    AuditError                      code (stable) · a sentence that says what to do; never a body's text
    ├── AppendError                 the record was not made durable; nothing may be released
    │   ├── RecorderUnavailableError    no recorder answers on its socket
    │   ├── QuarantinedError            the trail is not the one that was signed; it is read-only until a person looks
    │   ├── DiskReservedError           the disk is down to its reserve; nothing new is taken
    │   └── PeerRefusedError            this program may not ask or record this
    ├── SealError                   a body could not be sealed
    ├── OpenError                   a sealed body could not be opened: wrong passphrase, destroyed or damaged key
    │   └── SecretRefusedError          a token refused its PIN; MUST NOT be tried again, because the token locks
    ├── StoreError                  the database is missing, foreign, or damaged
    │   └── SchemaError                 the database has another schema than this release; names the command to run
    ├── WitnessError                a checkpoint did not reach a witness; records are durable all the same
    │   └── WitnessRefusedError         the witness answered, and did not take it or did not prove that it did
    ├── SettingsError               the site's settings of the trail are wrong
    ├── FormatError                 bytes that are not in the format that FORMAT.md fixes
    ├── QueryError                  a question that the trail cannot be asked
    │   └── UnknownRecordError          nothing in the trail goes by this name
    ├── OfficerError                the officer registry cannot do this
    ├── PermissionDeniedError       the policy does not let this officer do this
    ├── ApprovalError               a second person's approval is missing, spent, or for something else
    ├── RetentionError              a month cannot be destroyed: too young, held, or in use
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


class QuarantinedError(AppendError):
    """Say why the trail is read-only: it does not fit what was signed, and a person must look."""

    code = "trail_quarantined"


class DiskReservedError(AppendError):
    """Say that the disk is down to its reserve, so nothing new is taken until space is freed."""

    code = "disk_reserved"


class PeerRefusedError(AppendError):
    """Say what a program asked of the recorder that it has no right to; it is logged, and nothing was recorded."""

    code = "peer_refused"


class SealError(AuditError):
    """Say that a body could not be sealed, so nothing was recorded."""

    code = "seal_failed"


class OpenError(AuditError):
    """Say that a sealed body could not be opened, and whether the key or the bytes are at fault."""

    code = "open_failed"


class SecretRefusedError(OpenError):
    """Say that a token or a TPM refused its PIN; whoever catches this MUST NOT try the same one again."""


class StoreError(AuditError):
    """Say that the database is missing, of another version, or damaged."""

    code = "store_unusable"


class SchemaError(StoreError):
    """Say that the database's schema is older or newer than this release's, and which command to run."""

    code = "schema_mismatch"


class WitnessError(AuditError):
    """Say which witness cannot be reached or written, and what to do; it is tried again."""

    code = "witness_unreachable"


class WitnessRefusedError(WitnessError):
    """Say that a witness answered and refused a checkpoint, or answered with something that proves nothing."""

    code = "witness_refused"


class SettingsError(AuditError):
    """Say which key of the settings is wrong, and how."""

    code = "settings_invalid"


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


class PermissionDeniedError(AuditError):
    """Say that the policy does not let this officer do this, and why."""

    code = "not_permitted"


class ApprovalError(AuditError):
    """Say which approval is missing, spent, expired, or given for something else."""

    code = "approval_missing"


class RetentionError(AuditError):
    """Say why a month's keys cannot be destroyed now."""

    code = "retention_forbids"


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
