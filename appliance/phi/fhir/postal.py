"""Leave of an address what Safe Harbor leaves: the state, the country and three digits of a ZIP code.

45 CFR 164.514(b)(2)(i)(B): the first three digits may stay where more than 20,000 people live under them; where fewer
do they are 000.  A postal code of another country is left out, because nobody counted for it.
"""

import re

from appliance.phi.fhir.scene import Scene
from appliance.phi.fhir.words import words
from appliance.phi.findings import Kind

RESTRICTED = words("036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893")
"""The 17 beginnings with 20,000 people or fewer by the census of 2000, as HHS's guidance on Safe Harbor lists them."""

UNITED_STATES = frozenset({"", "us", "usa", "u.s.", "u.s.a.", "united states", "united states of america"})

STATES = words(
    "al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok "
    "or pa ri sc sd tn tx ut vt va wa wv wi wy as gu mp pr vi um aa ae ap alabama alaska arizona arkansas "
    "california colorado connecticut delaware district_of_columbia florida georgia hawaii idaho illinois indiana "
    "iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana "
    "nebraska nevada new_hampshire new_jersey new_mexico new_york north_carolina north_dakota ohio oklahoma oregon "
    "pennsylvania rhode_island south_carolina south_dakota tennessee texas utah vermont virginia washington "
    "west_virginia wisconsin wyoming american_samoa guam northern_mariana_islands puerto_rico virgin_islands"
)
"""USPS's abbreviations and the names of the states, territories and military regions."""

_ZIP = re.compile(r"(\d{3})(?:\d{2}(?:-?\d{4})?)?")
_COUNTRY_CODE = re.compile(r"[A-Za-z]{2,3}")


def zip_code(value: str, scene: Scene) -> str | None:
    """Return the three digits that may stay, or nothing."""
    match = _ZIP.fullmatch(value.strip())
    if match is None or scene.beside("country").strip().casefold() not in UNITED_STATES:
        return None
    return "000" if match[1] in RESTRICTED else match[1]


def state(value: str, scene: Scene) -> str:
    """Keep a state of the United States; anything else may be smaller than one."""
    return value if value.strip().casefold().replace(" ", "_") in STATES else scene.replace(Kind.LOCATION, value)


def country(value: str, scene: Scene) -> str:
    """Keep a country's code or the own country's name; another may be anything that was typed there."""
    is_plain = value.strip().casefold() in UNITED_STATES or _COUNTRY_CODE.fullmatch(value.strip())
    return value if is_plain else scene.text(value)
