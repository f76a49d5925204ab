# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Places smaller than a state: street addresses, post boxes, units, towns beside their state, and ZIP codes.

A written address is found as a whole, from its house number to its ZIP code, because any part of it can point to the
door.  A state alone may stay (45 CFR 164.514(b)(2)(i)(B)).  Towns without their state are for the name models.
"""

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import LabelledRule, PatternRule, Rule, exact, pattern, words
from appliance.phi.surrogate_values import given_names

STATES = words(
    """AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK
    OR PA PR RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP VI AA AE AP FM MH PW"""
)
"""States as the Postal Service writes them before a ZIP code (USPS Publication 28, appendix B)."""

_STATE_NAMES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana"
    "|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska"
    "|Nevada|New[ ](?:Hampshire|Jersey|Mexico|York)|(?:North|South)[ ](?:Carolina|Dakota)|Ohio|Oklahoma|Oregon|Pennsylvania"
    "|Rhode[ ]Island|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West[ ]Virginia|Wisconsin|Wyoming|Puerto[ ]Rico"
)

_STATE = rf"(?:(?:{'|'.join(sorted(STATES))})\b|(?:{_STATE_NAMES})\b)"

_STREETS = "|".join(
    sorted(
        words(
            """alley allee ally aly anex annex arcade arc avenue ave aven av bayou beach bch bend bnd bluff blf bluffs bottom
            boulevard blvd boul branch br bridge brg brook brk brooks burg burgs bypass byp camp canyon cyn cape cpe causeway
            cswy center centers circle cir circles cliff clf cliffs clfs club clb common commons corner cor corners cors course
            crse court ct courts cts cove cv coves creek crk crescent cres crest crossing xing crossroad crossroads curve dale
            dam divide drive dr drives estate est estates ests expressway expy extension ext extensions fall falls fls ferry fry
            field fld fields flds flat flats ford fords forest frst forge forges fork forks fort ft freeway fwy garden gdn gardens
            gdns gateway glen gln glens green grn greens grove grv groves harbor hbr harbors haven hvn heights hts highway hwy
            hill hl hills hls hollow holw inlet inlt island islands isle junction jct junctions key keys knoll knl knolls knls
            lake lakes land landing lndg lane ln light lights loaf lock locks lodge loop mall manor mnr manors meadow meadows
            mdw mdws mews mill mills mission motorway mount mountain mtn mountains neck orchard oval overpass park parks parkway
            pkwy parkways pass passage path pike pine pines place pl plain plains plaza plz point points port ports prairie
            radial ramp ranch rapid rapids rest ridge rdg ridges river road rd roads route rte row rue run shoal shoals shore
            shores skyway spring springs spur spurs square sq squares station sta stravenue stream street st str streets summit
            terrace ter terr throughway trace track trafficway trail trl trails tunnel turnpike tpke underpass union unions
            valley vly valleys via viaduct view vw views village vlg villages ville vista vis walk walks wall way ways well wells
            strasse esplanade close parade quay"""
        ),
        key=lambda word: (-len(word), word),
    )
)
"""Street suffixes of USPS Publication 28, appendix C1, and some of other countries."""

_WORD = r"[A-Z0-9][A-Za-z0-9'.-]{0,24}"

_UNIT = (
    r"(?:,?[ ]{1,2}(?:(?i:apt|apartment|suite|ste|unit|room|rm|floor|fl|bldg|building|lot|trlr|trailer|space|spc|slip|dept|ph"
    r"|penthouse)\b\.?[ ]?\#?[ ]?[A-Za-z0-9-]{1,8}|\#[ ]?[A-Za-z0-9-]{1,6}))"
)

_TOWN = r"(?:(?:Mc|St\.?[ ]|Ft\.?[ ]|O')?[A-Z][A-Za-z'.-]{1,24}(?:[ ](?:of|de|la|del|on|the|d'[A-Z][a-z]{1,24}|[A-Z][A-Za-z'.-]{1,24})){0,3})"

_ZIP = r"\d{5}(?:-\d{4})?(?!\d)"

_TAIL = (
    rf"(?:(?:(?:,|[ ]-)?[ ]{{0,2}}|,?[ ]{{0,2}}\n[ ]{{0,8}}){_TOWN}(?:,[ ]?|[ ]{{1,2}})(?:(?:{_STATE})\.?(?:,?[ ]{{1,2}}{_ZIP})?|{_ZIP})|,?[ ]{{1,2}}{_ZIP}"
    r"|,[ ](?!(?:Dr|Mr|Mrs|Ms|Patient|Pt|The|She|He|Phone|Tel|Fax|Email|Apt|Suite|MRN|DOB|SSN|ID)\b)[A-Z][a-z'-]{2,20}"
    r"(?:[ ][A-Z][a-z'-]{2,20}){0,2}(?![\w'])(?:,[ ][A-Z][A-Za-z]{2,20}(?:[ ][A-Z][a-z]{2,20})?(?![\w':]))?)"
)

_HOUSE = r"(?<![\w/.,-])(?:[NSEW]?\d{1,6}(?:-\d{1,5})?[A-Za-z]?(?:[ ]\d/\d)?)[ ]"

_BREAK = r"[ ]?,?[ ]?(?:\n{1,2}[>?][>? ]{0,4}|\n{1,2}[ ]{0,6}|[ ])"
"""Between the lines of an address, also where a letter is quoted."""

_NO_LINE = (
    r"(?!(?i:mrn|dob|ssn|phone|tel|telephone|fax|e-?mail|cell|home|mobile|acct|account|patient|date|sex|age|gender|pcp|insurance|policy|member|allergies"
    r"|history|hpi|cc|chief|npi|dea|id|name|attn|re|dear|dr|mr|mrs|ms)\b)"
)
"""Words that begin another line than one of an address."""

_LINE = (
    _NO_LINE
    + r"(?:,[ ]?)?(?:[A-Z][A-Za-z'.()-]{0,24}(?:[ ][A-Za-z][A-Za-z'.()-]{0,24}){0,3}(?![\w:])|[a-z]{1,3}(?=[ \n]{1,3}\d))"
)
"""A town, region or country on its line."""

_NO_STREET = words(
    "mg mcg ml units day days week weeks month months year years old hour hours minute minutes of the and to in with for mm cm st-segment beats times x"
)
"""Words that stand between a number and a word such as ``st`` when no address is meant."""

_NO_TOWNS = words("BMI Patient The She He Dr Mr Mrs Ms CA MD PA MA ID IN OR ME OK HI")
"""Words that begin a clause before a comma and two capitals."""

_DEGREES_LIKE_STATES = words("MD PA MS OD")
"""Degrees that are written like states: ``Ruth Sanchez, MD``."""


def _is_town(value: str) -> bool:
    """Accept a town before its state, and neither a clause nor a person before a degree."""
    town, _, state = value.rpartition(",")
    parts = town.split()
    is_person = len(parts) > 1 and state.strip() in _DEGREES_LIKE_STATES and parts[0].lower() in given_names()
    return parts[0] not in _NO_TOWNS and not is_person


RULES: tuple[Rule, ...] = (
    PatternRule(
        name="address",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"(?P<value>{_HOUSE}(?:(?i:n|s|e|w|ne|nw|se|sw|north|south|east|west)\b\.?[ ])?(?:(?:{_WORD}|d[ei]|de[ ]l[ao]s?|del|l[ao]s?)[ ]){{1,4}}?(?i:{_STREETS})\b\.?"
            rf"(?:(?:[ ]{_WORD}){{0,2}}[ ](?i:{_STREETS})\b\.?){{0,2}}"
            rf"(?:[ ](?i:n|s|e|w|ne|nw|se|sw|north|south|east|west)\b\.?)?{_UNIT}?(?:,?[ ]?{_UNIT})?{_TAIL}?)(?!\w)"
        ),
        score=0.95,
    ),
    PatternRule(
        name="address-by-unit",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"(?P<value>{_HOUSE}(?:[A-Za-z0-9][\w'.-]{{0,24}}[ ]){{1,6}}?[ \n]{{0,2}}(?i:apt|apartment|suite|ste|unit)\b\.?[ ]?\#?[ ]?\w{{1,6}}"
            rf"(?:[ ]?[,\n]{{1,2}}[ ]{{0,2}}{_NO_LINE}[A-Z][\w'-]{{1,24}}(?:[ ][A-Z][\w'-]{{1,24}}){{0,3}}){{0,3}}(?:[ ]?[,\n]?[ ]{_ZIP})?)(?!\w)"
        ),
        score=0.93,
        gate=exact(r"\b(?:[Aa]pt|APT|[Aa]partment|[Ss]uite|SUITE|[Ss]te|STE|[Uu]nit|UNIT)\b\.?[ ]?\#?[ ]?\w"),
    ),
    PatternRule(
        name="address-over-two-lines",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"(?P<value>{_HOUSE}[A-Za-z0-9][\w'.-]{{0,24}}(?:[ ][A-Za-z0-9][\w'.-]{{0,24}}){{0,5}}[ ]{{0,2}}\n[>? ]{{0,6}}[A-Z][A-Za-z'.()-]{{0,24}}(?:[ ][A-Za-z][A-Za-z'.()-]{{0,24}}){{0,3}}"
            rf"[ ]?\n?,[ ]?[A-Za-z]{{1,3}}[ \n]{{1,3}}\d{{5,6}})(?![\w-])"
        ),
        score=0.94,
        gate=exact(r",[ ]?[A-Za-z]{1,3}[ \n]{1,3}\d{5}"),
    ),
    PatternRule(
        name="address-over-lines",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"(?P<value>{_HOUSE}[A-Za-z0-9][\w'.-]{{0,24}}(?:[ ][A-Za-z0-9][\w'.-]{{0,24}}){{0,5}}(?:{_BREAK}(?:Apt|Apartment|Suite|Ste|Unit)\b\.?[ ]\#?\w{{1,6}}){{1,2}}"
            rf"(?:{_BREAK}{_LINE}){{0,3}}(?:{_BREAK}|,?[ ])(?!(?:19|20)\d\d\b)\d{{4,6}})(?![\w-])"
        ),
        score=0.94,
        gate=exact(r"\b(?:Apt|Apartment|Suite|Ste|Unit)\b\.?[ ]\#?\w{1,6}[ ]?,?\n"),
    ),
    PatternRule(
        name="address-small-letters",
        kind=Kind.LOCATION,
        pattern=pattern(
            r"(?<![\w/.,-])(?P<value>\d{1,5}[ ](?:[a-z][a-z'-]{1,20}[ ]){1,3}?(?:street|avenue|boulevard|road|drive|lane|blvd|ave|st|rd|ln"
            r"|court|parkway|pkwy|highway|hwy|terrace))\b\.?(?![ ]?(?:scale|test|score))"
        ),
        score=0.7,
        check=lambda value: not set(value.lower().split()) & _NO_STREET,
    ),
    PatternRule(
        name="numbered-street",
        kind=Kind.LOCATION,
        pattern=exact(
            r"(?P<value>\d(?<![\w/.,-].)\d{0,2}(?:st|nd|rd|th)[ ](?:[Aa]ve(?:nue)?|AVE(?:NUE)?|[Ss]treet|STREET|St\.?|ST\.)(?:[ ](?:[NSEW]{1,2}|[Nn]orth|[Ss]outh|[Ee]ast|[Ww]est)\b)?"
            r"(?:[ ](?i:clinic|hospital|office|pharmacy|shelter|station|ymca)\b)?)(?![\w-])(?![ ](?:depression|elevation|segment))"
        ),
        score=0.75,
        gate=exact(r"\d(?:st|nd|rd|th)[ ][AaSs]"),
    ),
    PatternRule(
        name="post-box",
        kind=Kind.LOCATION,
        pattern=pattern(
            rf"\b(?P<value>(?:(?:p\.?[ ]?o\.?|post[ ]office)[ ]?(?:box|drawer)|(?:psc|unit|cmr|rr|hc)[ ]\d{{1,5}},?[ ]{{0,2}}box)[ ]?\#?[ ]?\w{{1,8}}"
            rf"(?-i:{_TAIL})?)(?!\w)"
        ),
        score=0.95,
        signs=("ox", "OX", "rawer", "RAWER"),
    ),
    PatternRule(
        name="military-address",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"\b(?P<value>(?:US[NSC]{{2}}|USS|PSC|Unit|CMR)[ ][A-Z0-9][\w ,\n-]{{1,40}}?(?:APO|FPO|DPO)(?:,?[ ](?:AA|AE|AP)[ ]{_ZIP})?)\b"
        ),
        score=0.95,
        signs=("APO", "FPO", "DPO"),
    ),
    PatternRule(
        name="address-labelled",
        kind=Kind.LOCATION,
        pattern=pattern(
            r"(?<!ip[ ])(?<!mac[ ])(?<!mail[ ])(?<!web[ ])(?<!url[ ])(?<!wallet[ ])(?<!coin[ ])\b(?:(?:home|mailing|street|postal|billing|current|permanent|residential|work|patient)?[ _]?(?:address|addr)(?:[ ](?:line[ ]?)?\d)?)"
            r"\b(?:[ ]on[ ]file)?[\"']?[ ]{0,2}[:=>|][ ]{0,3}[\"']?(?P<value>[^\s\"'<>|;{}](?:[^\n\"<>|;{}:@]){2,140}?)"
            r"(?=[ ]{0,3}(?:$|[\n\"<>|;{}]|'[,)}]|(?<!\d)[.][ ]|[.]$|[ ]{2,}\w|,?[ ][\w ]{1,20}:))"
        ),
        score=0.94,
        check=lambda value: any(map(str.isdigit, value)) or value[:1].isupper(),
        signs=("ddr", "DDR"),
    ),
    PatternRule(
        name="residence",
        kind=Kind.LOCATION,
        pattern=exact(
            rf"\b(?i:lives|lived|living|resides|residing|resident|residence|located|moved|relocated)[ ](?:at|in|to|of|near|on|from)[ ]"
            rf"(?P<value>(?!(?i:a|an|the|his|her|their)\b){_TOWN}(?:,[ ]{_STATE})?)\b"
        ),
        score=0.72,
        signs=("ive", "iving", "resid", "Resid", "locat", "ocated", "moved"),
    ),
    PatternRule(
        name="town-and-state",
        kind=Kind.LOCATION,
        pattern=exact(rf"\b(?P<value>{_TOWN},[ ]?(?:(?:{_STATE})(?:,?[ ]{{1,2}}{_ZIP})?))(?![\w-]|/\w)"),
        score=0.9,
        gate=exact(rf",[ ]?{_STATE}"),
        check=_is_town,
    ),
    LabelledRule(
        name="zip",
        kind=Kind.LOCATION,
        value=exact(r"\d(?<![\w.,-].)\d{4}(?:-\d{4})?(?![\w-]|[.,]\d)"),
        before=exact(
            r"(?:\b(?i:zip|zipcode|zip[ ]?code|postal[ ]?code|post[ ]?code|plz)\b[\"']?[ :=|>\#]{1,4}(?:is[ ])?[\"']?"
            rf"|\b{_STATE},?[ ]{{1,2}})\Z"
        ),
        score=0.85,
        window=32,
    ),
    PatternRule(
        name="postcode",
        kind=Kind.LOCATION,
        pattern=exact(
            r"(?<![\w-])(?P<value>(?:[A-Z]{1,2}\d[A-Z0-9]?[ ]\d[ABD-HJLNP-UW-Z]{2}|[ABCEGHJ-NPRSTVXY]\d[A-Z][ ]\d[A-Z]\d))(?![\w-])"
        ),
        score=0.8,
        gate=exact(r"\d[A-Z]{0,2}[ ]\d[A-Z]"),
    ),
    PatternRule(
        name="county",
        kind=Kind.LOCATION,
        pattern=exact(r"\b(?P<value>(?:[A-Z][a-z'-]{2,20}[ ]){1,2}(?:County|Parish|Township|Borough))\b"),
        score=0.8,
        signs=("County", "Parish", "Township", "Borough"),
    ),
)
"""Rules for places."""
