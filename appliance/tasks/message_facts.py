"""Compare a message to a patient with the staff's notes that it was made from.

A wrong date or time in an appointment message harms somebody who trusts it, and a model changes one without
noticing.  A draft therefore holds exactly the notes' numbers, days and negations, names nobody whom the notes do
not name, and says what the notes say.  A draft that fails is not shown: the staff's own words take its place.
"""

import re

from appliance.tasks.terms import stem, words

NAME = "message_facts"
"""What `TaskPolicy.finish` says where this module applies."""

_NUMBER = re.compile(r"\d+")
_TIME_WORD = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september"
    r"|october|november|december|today|tomorrow|yesterday|noon|midnight|[ap]\.?m\b)",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:no|not|never|without|nothing|don't|do not|cannot|avoid)\b", re.IGNORECASE)
_NAME_INSIDE = re.compile(r"(?<![.!?:\n])(?<![.!?:] )(?<!^)\b([A-Z][a-z]{2,})\b")
"""A capitalised word that begins no sentence."""

_TITLE = re.compile(r"\b(Dr|Mr|Mrs|Ms)\.")
_CODE_WORD = re.compile(r"\b[A-Z]{1,8}\b")
"""What a patient may be told to reply, such as ``YES`` or ``C``."""

_COURTESY = frozenset({"hello", "dear", "please", "thank", "thanks", "sincerely", "regards", "clinic", "best"})

_STAFF_WORDS = frozenset(
    map(stem, ["remind", "reminder", "offer", "ask", "book", "tell", "send", "write", "reply", "needs", "should"])
)
"""Words by which staff say what to write; a good message need not repeat them."""

_WHAT_HAPPENS = re.compile(
    r"\b(?:miss(?:ed)?|cancel(?:l?ed)?|mov(?:e|ed|ing)|reschedul(?:e|ed|ing)|delay(?:ed)?|away|closed|urgent(?:ly)?)\b",
    re.IGNORECASE,
)
"""Words that turn one kind of message into another."""

_SHARE_KEPT = 0.8
"""Share of the notes' content words that a message must hold."""

_MOST_ADDED = 14
"""Content words that are not in the notes; a friendly message adds about ten."""

GREETING = "Hello, this is a message from your clinic about your appointment."
CLOSING = "Thank you."


def is_faithful(notes: str, draft: str) -> bool:
    """Say whether a draft says what the notes say and nothing else that could harm."""
    return (
        _numbers(draft) == _numbers(notes)
        and _time_words(draft) == _time_words(notes)
        and bool(_NEGATION.search(draft)) == bool(_NEGATION.search(notes))
        and _happenings(draft) <= _happenings(notes)
        and set(_CODE_WORD.findall(notes)) <= set(_CODE_WORD.findall(draft))
        and not _names(draft) - {word.lower() for word in re.findall(r"[A-Za-z]+", notes)}
        and _says_the_same(notes, draft)
    )


def in_own_words(notes: str) -> str:
    """Return a message made of the staff's own words."""
    return f"{GREETING}\n\n{notes.strip()}\n\n{CLOSING}"


def _numbers(text: str) -> set[str]:
    return {number.lstrip("0") for number in _NUMBER.findall(text)}


def _time_words(text: str) -> set[str]:
    return {word.lower().replace(".", "") for word in _TIME_WORD.findall(text)}


def _happenings(text: str) -> set[str]:
    """Return the first three letters of each: ``moved`` and ``moving`` are one."""
    return {word.lower()[:3] for word in _WHAT_HAPPENS.findall(text)}


def _names(text: str) -> set[str]:
    return {name.lower() for name in _NAME_INSIDE.findall(_TITLE.sub(r"\1", text))} - _COURTESY


def _says_the_same(notes: str, draft: str) -> bool:
    noted, drafted = _content(notes), _content(draft)
    return len(noted & drafted) >= _SHARE_KEPT * len(noted) and len(drafted - noted) <= _MOST_ADDED


def _content(text: str) -> set[str]:
    """Return what a text is about, without the numbers and times that are compared one by one."""
    untimed = _TIME_WORD.sub(" ", text)
    return {word.stem for word in words(untimed) if not any(map(str.isdigit, word.stem))} - _STAFF_WORDS
