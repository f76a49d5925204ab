"""Draw a surrogate for one word of a place, and know the words of an address that name no place.

``12 Main Street`` keeps its ``Street``, ``Quincy, MA 02169`` its state: what is as large as a state is no identifier
(45 CFR 164.514(b)(2)(i)(B)).  ZIP codes are drawn from prefixes that the Postal Service has given to nobody.
"""

from collections.abc import Iterator

from appliance.phi.surrogate_values.drawing import Drawing
from appliance.phi.surrogate_values.people import coined

GENERIC = frozenset(
    """
    street st avenue ave av road rd lane ln drive dr boulevard blvd court ct place pl way terrace ter circle cir
    highway hwy route rte parkway pkwy square sq trail trl loop alley plaza crossing pike
    apt apartment unit suite ste floor fl room rm building bldg box po p.o p o pobox lot no north south east west n s e
    w ne nw se sw northeast northwest southeast southwest upper lower
    hospital hospitals clinic clinics medical center centre health healthcare care system systems general memorial
    regional community university college school institute of the and at for in on near county city town township
    village borough district ward department dept emergency urgent children childrens women womens veterans affairs va
    nursing home hospice rehabilitation rehab surgery surgical cancer heart eye dental family practice primary group
    associates physicians specialty laboratory lab pharmacy saint mount mt fort ft usa us united states america
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Words of addresses and of facility names that tell nobody where; lower case."""

STATE_NAMES = frozenset(
    """
    alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois
    indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana
    nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont virginia washington wisconsin wyoming
    """.split()  # noqa: SIM905 - as above
)
"""States of one word, which stay where they follow a comma."""

_WORDS = """
    Ashbourne Elmhurst Brookhaven Fairhaven Glenwick Harrowgate Kingsbury Lakemont Marlborough Northwick Oakhurst
    Pinecrest Ridgemont Stonebridge Thornbury Westmere Aldergate Birchwood Cedarvale Dunmore Eastbrook Foxhollow
    Greenhaven Hollybrook Ironwood Juniperton Kestrelton Larchmont Maplecrest Newbridge Orchardton Poplarton Queensferry
    Rosemere Silverdale Tamarack Underhill Valleyford Willowdale Yarrowby Amberley Bexhill Calverton Dovercourt Ellsmere
    Fernhurst Gladwyn Hazelton Inverness Kirkwall Langdale Milbrook Netherby Overbrook Pembury Rothbury Selborne
    Tidewell Uppingham Wexcombe Winslowe Arborfield Bramford Coldwater Drayton Everleigh Farnbrook Halcombe Ivybridge
    Keswick Lynmouth Merriton Norbury Oxbow Penhurst Quarley Redmarsh Sandhurst Tarrington Wadebridge Wychwood
    """.split()  # noqa: SIM905 - as above
"""Words that sound like a town or a street."""

_FREE_ZIP_PREFIXES = ("000", "001", "002", "003", "004", "213", "269", "343", "345", "348", "353", "419", "428", "429")
"""Never assigned (USPS Publication 65); a surrogate that begins so belongs to nobody."""

ZIP_DIGITS = 5


def candidates(drawing: Drawing) -> Iterator[str]:
    """Yield words that may stand for a word of a place, without end."""
    yield from drawing.shuffled(_WORDS)
    while True:
        yield coined(drawing) + ("ton", "ford", "bury", "mere")[drawing.below(4)]


def zip_codes(original: str, drawing: Drawing) -> Iterator[str]:
    """Yield ZIP codes, or ZIP+4, of nobody in the form of the original, without end."""
    while True:
        prefix = _FREE_ZIP_PREFIXES[drawing.below(len(_FREE_ZIP_PREFIXES))]
        yield prefix + "".join(map(drawing.like, original[len(prefix) :]))
