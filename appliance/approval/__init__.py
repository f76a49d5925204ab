"""Whether two people have approved that requests leave under a policy bundle, and which providers are closed by hand.

The gateway and the broker each ask by themselves, from files that the commands write and that need no key to check.
MUST NOT import what only one of the two may have: no pipeline, no trail, no authentication.  Everything that is
missing, damaged or doubtful means no.
"""

from appliance.approval.approvals import Approvals
from appliance.approval.approved import REGISTER_APPROVED, Approved
from appliance.approval.closed import Closed, Closing, ClosingList

__all__ = ["REGISTER_APPROVED", "Approvals", "Approved", "Closed", "Closing", "ClosingList"]
