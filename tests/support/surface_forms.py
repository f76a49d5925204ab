"""Writes known values as people write them; shares no code with the search that must find them."""

from collections.abc import Callable
from datetime import date

from hypothesis import strategies as st

GIVEN = ("Brady", "María", "Robert", "Margaret", "Jean-Luc", "Siobhán", "Wei", "Kathleen", "Dmitri", "Rose", "Will")
FAMILY = (
    "Kuhlman",
    "O'Brien",
    "Smith-Jones",
    "de la Cruz",
    "Müller",
    "García",
    "Van Buren",
    "McDonald",
    "Weissnat",
    "Nguyen",
    "Grzybowski",
)
MONTHS = ("January February March April May June July August September October November December").split()  # noqa: SIM905 - a list of words reads better than a column of literals

EMBEDDINGS = (
    "{}",
    "Seen today: {}.",
    "the chart of {} was reviewed and closed",
    "| {} | stable |",
    '{{"value": "{}", "unit": "mg"}}',
    "FINDINGS WERE TOLD TO {} AT ONCE",
    "Assessment\n{}\nPlan: continue metformin 500 mg",
    "({})",
    "<td>{}</td>",
    "re: {}, who takes lisinopril 10 mg, BP 120/80",
)
"""Places in a text; none of them adds what a form needs."""


def ascii_of(text: str) -> str:
    """Return a name as a keyboard without accents writes it."""
    return text.translate(str.maketrans("íáüé", "iaue"))


def name_forms(given: str, family: str) -> list[str]:
    """Return a full name in the writings of charts, letters and user names."""
    forms = [
        f"{given} {family}",
        f"{family}, {given}",
        f"{family},{given}",
        f"{family} {given}",
        f"{given} Q. {family}",
        f"{family}, {given} Q.",
        f"{given[0]}. {family}",
        f"{given[0]} {family}",
        f"{family}, {given[0]}.",
        f"Mr. {family}",
        f"{given} {family}'s",
        f"{given}.{family}",
        f"{given}_{family}",
    ]
    forms += [form.upper() for form in forms] + [f"{given} {family}".lower()]
    return forms + [ascii_of(form) for form in forms]


def hidden(text: str) -> list[str]:
    """Return a text with the tricks of those who want it not to be found: look-alikes, zero width, full width."""
    return [
        text.replace("a", "\u0430").replace("o", "\u043e").replace("e", "\u0435"),
        "\u200b".join(text),
        "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in text),
    ]


def misspelt(word: str, place: int) -> list[str]:
    """Return a word with one letter left out, doubled, exchanged with the next, or wrong."""
    return [
        word[:place] + word[place + 1 :],
        word[:place] + word[place] + word[place:],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
        word[:place] + ("x" if word[place] != "x" else "y") + word[place + 1 :],
    ]


def date_forms(day: date) -> list[str]:
    """Return a day in the writings of charts and letters."""
    month, short = MONTHS[day.month - 1], MONTHS[day.month - 1][:3]
    suffix = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}.get(day.day, "th")
    year, two = f"{day.year}", f"{day.year % 100:02}"
    return [
        day.isoformat(),
        f"{day.isoformat()}T08:30:00-05:00",
        f"{day.month}/{day.day}/{year}",
        f"{day.month:02}/{day.day:02}/{year}",
        f"{day.month}/{day.day}/{two}",
        f"{day.month:02}-{day.day:02}-{year}",
        f"{day.month:02}.{day.day:02}.{two}",
        f"{day.day:02}.{day.month:02}.{year}",
        f"{day.day}/{day.month}/{year}",
        f"{year}/{day.month:02}/{day.day:02}",
        f"{month} {day.day}, {year}",
        f"{month} {day.day}{suffix}, {year}",
        f"{day.day} {month} {year}",
        f"{day.day}{suffix} of {month}, {year}",
        f"{day.day}-{short}-{two}",
        f"{day.day:02}-{short.upper()}-{year}",
        f"{short.upper()} {day.day} {year}",
        f"{short}. {day.day}, '{two}",
        f"the {day.day}{suffix} of {month} {year}",
        day.strftime("%Y%m%d"),
    ]


def phone_forms(digits: str) -> list[str]:
    """Return ten digits in the writings of North America."""
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return [
        digits,
        f"{area}-{exchange}-{line}",
        f"({area}) {exchange}-{line}",
        f"({area}){exchange}-{line}",
        f"{area}.{exchange}.{line}",
        f"{area} {exchange} {line}",
        f"+1 {area} {exchange} {line}",
        f"+1{digits}",
        f"1-{area}-{exchange}-{line}",
        f"001 {area} {exchange} {line}",
        f"{area}-{exchange}-{line} x12",
        f"{area}-{exchange}-{line} ext. 4711",
        f"{exchange}-{line}",
    ]


def ssn_forms(digits: str) -> list[str]:
    """Return nine digits as a social security number is written."""
    parts = digits[:3], digits[3:5], digits[5:]
    return [digits, *(sign.join(parts) for sign in ("-", " ", ".", "/")), " ".join(digits), f"SSN{digits}"]


def last_four_forms(four: str) -> list[str]:
    """Return the last four digits in the writings that say what they are."""
    return [
        f"last four {four}",
        f"last 4: {four}",
        f"ending in {four}",
        f"xxx-xx-{four}",
        f"***-**-{four}",
        f"{four} (last 4)",
    ]


def email_forms(address: str) -> list[str]:
    """Return an e-mail address as it is typed, shouted and spelt."""
    return [
        address,
        address.upper(),
        address.replace("@", "(at)"),
        address.replace("@", " at ").replace(".", " dot "),
        address.replace("@", "[at]").replace(".", "[dot]"),
        address.replace("@", " @ "),
        f"mailto:{address}",
    ]


def street_forms() -> list[str]:
    """Return one street line, spelt out and abbreviated: 856 North Reichel Street."""
    streets = ("Reichel Street", "Reichel St.", "Reichel St", "REICHEL STREET", "reichel st")
    return [f"856 {north} {street}" for north in ("North", "N.", "N") for street in streets]


def days() -> st.SearchStrategy[date]:
    """Return days on which patients are born."""
    return st.dates(min_value=date(1921, 1, 1), max_value=date(2025, 12, 31))


def digits(count: int) -> st.SearchStrategy[str]:
    """Return numbers that begin with neither zero nor one."""
    rest: Callable[[str], str] = lambda text: "2" + text  # noqa: E731 - one line names it best
    return st.text(alphabet="0123456789", min_size=count - 1, max_size=count - 1).map(rest)
