"""Every place that turns ClinicalText into characters is listed, so that a new one is a reviewed diff."""

from collections import Counter
from pathlib import Path

from tests.support import shape
from tests.support.golden import Golden

ROOT = Path(__file__).parents[2]


def test_text_of_patients_is_revealed_in_the_listed_places_only(golden: Golden) -> None:
    sites = Counter(site for module in shape.modules(ROOT, "appliance", "audit") for site in shape.reveal_sites(module))

    golden.check("reveal_sites.txt", "".join(f"{site} x{count}\n" for site, count in sorted(sites.items())))
