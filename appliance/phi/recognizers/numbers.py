"""Numbers that stand for a person because of the label beside them: record, account, plan, licence, device and others.

A number without a label is a laboratory value far more often than an identifier.  So each number asks what stands to
its left (`context`), and then whether it can be what the label says (`values`).  Letters that a scanner reads for
digits (``O``, ``l``, ``S``) need no rule of their own, because a value may hold letters.  The label stays readable.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from appliance.phi.findings import Finding, Kind
from appliance.phi.recognizers.context import Context, label_before
from appliance.phi.recognizers.labels import ALWAYS_LABELS, PREFIXES, READABLE_PREFIXES, SURE_PREFIXES
from appliance.phi.recognizers.rule import Rule
from appliance.phi.recognizers.values import Value, kind_by_form, prefix, value_at, value_from

_DIGITS = re.compile(r"\d+")

_LIST = re.compile(r"[ ]{0,2}(?:,|;|/|&|\+|and|or|\|)[ ]{0,2}(?:(?:and|or)[ ])?\#?", re.IGNORECASE)
"""What stands between two values under one label."""

_FEWEST_DIGITS_IN_LIST = 4

_NO_LABEL = 3
"""Digits in a row that are no part of a label, as ``10`` is of ``ICD 10`` and ``4`` of ``last 4``."""

_SAYS_ALL, _EVERYDAY, _VAGUE, _LISTED, _BY_FORM = 0.96, 0.92, 0.84, 0.9, 0.6
"""Scores: how sure a number is by what announces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersByLabel:
    """Find every number that a label, a list after a label, or its own form makes an identifier."""

    name: str = "number-by-label"

    def find(self, text: str) -> Iterator[Finding]:
        """Yield a finding for each number that belongs to a person."""
        reached = floor = 0
        previous: Finding | None = None
        for digits in _DIGITS.finditer(text):
            if digits.start() < reached:
                continue
            value = value_at(text, digits.start(), reached)
            reached = value.end
            found = None if _is_of_mail(text, value) else _judged(text, value, previous=previous, floor=floor)
            if digits.end() - digits.start() >= _NO_LABEL:
                floor = digits.end()
            if found is not None:
                previous = found
                yield found


def _is_of_mail(text: str, value: Value) -> bool:
    return text[value.end : value.end + 1] == "@" or text[value.start - 1 : value.start] == "@"


def _judged(text: str, value: Value, *, previous: Finding | None, floor: int) -> Finding | None:
    context = label_before(text, value.start, floor)
    if context is None or prefix(value.text) in ALWAYS_LABELS:
        bare = _without_label(text, value)
        if bare.start != value.start:
            value, context = bare, label_before(text, bare.start, floor)
    if context is not None:
        return _by_label(value, context)
    if previous is not None and _continues(text, value, previous):
        return _finding(value, kind=previous.kind, score=_LISTED, recognizer="number-in-list")
    kind = kind_by_form(value)
    return None if kind is None else _finding(value, kind=kind, score=_BY_FORM, recognizer="number-by-form")


def _without_label(text: str, value: Value) -> Value:
    """Return the value without a label that touches it, so that the label stays readable."""
    letters = prefix(value.text)
    if letters not in READABLE_PREFIXES:
        return value
    rest = value.text[len(letters) :].lstrip("-_.")
    return value_from(text, value.end - len(rest)) if rest else value


def _by_label(value: Value, context: Context) -> Finding | None:
    if context.label.kind is None:
        return None
    kind = SURE_PREFIXES.get(prefix(value.text), context.label.kind)
    if context.label.says_all:
        can_be = value.can_follow_label() and (context.has_sign or not value.is_year_or_day)
        return _finding(value, kind=kind, score=_SAYS_ALL, recognizer=f"{_slug(kind)}-labelled") if can_be else None
    if not value.can_follow_everyday_word(has_sign=context.has_sign):
        return None
    score = _VAGUE if kind is Kind.OTHER_ID else _EVERYDAY
    return _finding(value, kind=kind, score=score, recognizer=f"{_slug(kind)}-worded")


def _continues(text: str, value: Value, previous: Finding) -> bool:
    is_of_another_kind = prefix(value.text) in PREFIXES
    is_next = not is_of_another_kind and _LIST.fullmatch(text, previous.end, value.start) is not None
    can_be = value.can_follow_label() and not value.is_year_or_day and value.digits >= _FEWEST_DIGITS_IN_LIST
    return is_next and can_be


def _slug(kind: Kind) -> str:
    return kind.words().replace(" ", "-")


def _finding(value: Value, *, kind: Kind, score: float, recognizer: str) -> Finding:
    return Finding(kind=kind, start=value.start, end=value.end, score=score, recognizer=recognizer)


RULES: tuple[Rule, ...] = (NumbersByLabel(),)
"""The rule for labelled numbers."""
