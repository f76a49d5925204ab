"""Keys of the trail: who holds which, and in which file (FORMAT.md "Keys").

The custodian holds the private month keys, wrapped; the recorder holds public month keys, the index keys of the
current and the prepared months, and the checkpoint signing key.  No function here gives the recorder's side a
private month key.
"""

from audit.keyring.custodian import Custodian, MonthSecrets, open_custodian
from audit.keyring.initialise import initialise, prepare_months
from audit.keyring.trail import IndexKey, PublicMonth, SigningKey, Trail, VerifierKey, month_after

__all__ = [
    "Custodian",
    "IndexKey",
    "MonthSecrets",
    "PublicMonth",
    "SigningKey",
    "Trail",
    "VerifierKey",
    "initialise",
    "month_after",
    "open_custodian",
    "prepare_months",
]
