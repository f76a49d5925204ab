"""Run the cosigner: ``python -m audit.cosigner``, or ``audit witness serve``.

All that it does stands in `audit.cosigner.program`; nothing happens here but the exit.
"""

import sys

from audit.cosigner.program import main

if __name__ == "__main__":
    sys.exit(main())
