"""Keys of the trail: who holds which, and in which file (FORMAT.md "Keys").

The custodian holds the private month keys, wrapped; the recorder holds public month keys, the index keys of the
current and the prepared months, and the checkpoint signing key.  No function here gives the recorder's side a
private month key.
"""

from audit.keyring.custodian import Custodian, OpenRoot, open_custodian, open_root
from audit.keyring.initialise import initialise, missing_months, prepare_months
from audit.keyring.months import IndexKey, MonthSecrets, PublicMonth, month_after
from audit.keyring.signatures import SigningKey, VerifierKey
from audit.keyring.tombstones import Destruction, destroyed_months, read_tombstone
from audit.keyring.trail import Trail

__all__ = [
    "Custodian",
    "Destruction",
    "IndexKey",
    "MonthSecrets",
    "OpenRoot",
    "PublicMonth",
    "SigningKey",
    "Trail",
    "VerifierKey",
    "destroyed_months",
    "initialise",
    "missing_months",
    "month_after",
    "open_custodian",
    "open_root",
    "prepare_months",
    "read_tombstone",
]
