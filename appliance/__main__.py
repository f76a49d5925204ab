"""``python -m appliance`` and the console script ``appliance``.

It only enters `cli.root`; nothing may import it.
"""

from appliance.cli.root import main

if __name__ == "__main__":
    main()
