"""Whether the site's policy lets an officer read the trail, export it, or open what is sealed.

The same Cedar files as the gateway's, with the same meaning: deny by default, and a policy that cannot be evaluated
denies.  Nothing of a folder that does not hold is used: a broken one refuses everybody and says which line to mend.
"""

from audit.permission.check import Permissions, Person, Right
from audit.permission.statements import Statement

__all__ = ["Permissions", "Person", "Right", "Statement"]
