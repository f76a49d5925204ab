"""Evidence bundles: one file that proves a part of the trail to somebody outside (FORMAT.md section 13).

`write_bundle` makes one, `open_bundle` checks one with the very code that travels in it, `verify_bundle.py`.  Nothing
here opens a sealed body, and nothing leaves that was not recorded first.
"""

from audit.export.bundle import Order, Written, write_bundle
from audit.export.opened import Bundle, open_bundle
from audit.export.source import Source

__all__ = ["Bundle", "Order", "Source", "Written", "open_bundle", "write_bundle"]
