"""Say whether a trail is whole: steps 2 to 12 of FORMAT.md section 12, over values that were read elsewhere.

Pure: no file, clock, network or randomness; what it is given may be hostile, and nothing but its report comes out.
Only hash, signature and format checks are shared with the writer.
"""

from audit.verify.claims import COMPACT_PREFIX
from audit.verify.verifier import RECORD_COLUMNS, BodyCheck, Verifier

__all__ = ["COMPACT_PREFIX", "RECORD_COLUMNS", "BodyCheck", "Verifier"]
