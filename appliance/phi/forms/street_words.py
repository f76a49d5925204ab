"""How Americans abbreviate addresses (USPS Publication 28, appendices B and C1), as the search needs it.

Tables only: each word of an address that people shorten, with all its writings, and the states by name and code.
"""

_SUFFIX_GROUPS = (
    "alley aly",
    "avenue ave av",
    "boulevard blvd",
    "bypass byp",
    "center ctr centre",
    "circle cir",
    "court ct",
    "cove cv",
    "crossing xing",
    "drive dr drv",
    "expressway expy",
    "extension ext",
    "gardens gdns",
    "grove grv",
    "heights hts",
    "highway hwy",
    "hill hl",
    "hollow holw",
    "junction jct",
    "landing lndg",
    "lane ln",
    "loop lp",
    "manor mnr",
    "meadow mdw",
    "meadows mdws",
    "mount mt",
    "parkway pkwy",
    "place pl",
    "plaza plz",
    "point pt",
    "ridge rdg",
    "road rd",
    "route rte rt",
    "square sq",
    "station sta",
    "street st str",
    "terrace ter terr",
    "trail trl",
    "turnpike tpke",
    "valley vly",
    "view vw",
    "village vlg",
    "way wy",
    "walk wlk",
)
"""One group a suffix: spelt out first, then the abbreviations in use."""

_OTHER_GROUPS = (
    "north n",
    "south s",
    "east e",
    "west w",
    "northeast ne",
    "northwest nw",
    "southeast se",
    "southwest sw",
    "apartment apt",
    "suite ste",
    "building bldg",
    "floor fl flr",
    "room rm",
    "saint st",
    "fort ft",
)

_UNABBREVIATED_SUFFIXES = frozenset(
    """
    bend branch bridge brook burg club common commons corner creek crest dale dam estate estates fall falls ferry
    field forest fork forge gateway glen green harbor haven inlet island isle key knoll knolls lake lakes locks
    lodge mall mews mill mills mission motorway neck orchard oval overpass park pass passage path pike pine pines
    plain plains port prairie ramp ranch rapids rest river row run shoal shore shores skyway spring springs spur
    stravenue stream summit throughway trace track trafficway tunnel underpass union unions vista well wells
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)

UNITS = frozenset(
    """
    apartment apt suite ste unit floor fl flr room rm building bldg lot trailer trlr
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words that begin the flat or suite within a building."""


def _by_word(groups: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    return {word: tuple(group.split()) for group in groups for word in group.split()}


WORDS: dict[str, tuple[str, ...]] = (
    _by_word(_OTHER_GROUPS) | _by_word(_SUFFIX_GROUPS) | {"st": ("st", "street", "str", "saint")}
)
"""Each word of an address that is abbreviated, with all its writings."""

SUFFIXES = frozenset(_by_word(_SUFFIX_GROUPS)) | _UNABBREVIATED_SUFFIXES
"""Words that end a street's name."""

_STATE_NAMES = """
    alabama al | alaska ak | arizona az | arkansas ar | california ca | colorado co | connecticut ct | delaware de |
    district of columbia dc | florida fl | georgia ga | hawaii hi | idaho id | illinois il | indiana in | iowa ia |
    kansas ks | kentucky ky | louisiana la | maine me | maryland md | massachusetts ma | michigan mi | minnesota mn
    | mississippi ms | missouri mo | montana mt | nebraska ne | nevada nv | new hampshire nh | new jersey nj |
    new mexico nm | new york ny | north carolina nc | north dakota nd | ohio oh | oklahoma ok | oregon or |
    pennsylvania pa | puerto rico pr | rhode island ri | south carolina sc | south dakota sd | tennessee tn |
    texas tx | utah ut | vermont vt | virginia va | washington wa | west virginia wv | wisconsin wi | wyoming wy
    """.split("|")  # noqa: SIM905 - a list of words reads better than a column of literals


def _states() -> dict[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    table: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = {}
    for each in _STATE_NAMES:
        *name, code = each.split()
        table[tuple(name)] = table[(code,)] = (tuple(name), (code,))
    return table


STATES: dict[tuple[str, ...], tuple[tuple[str, ...], ...]] = _states()
"""Each state as words, by its name and by its code, with both writings."""
