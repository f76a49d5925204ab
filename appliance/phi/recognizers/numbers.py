"""Numbers that stand for a person: social security, record, account, plan, licence, device and vehicle numbers.

All but the social security number mean something only beside their label, so each rule is anchored to one:
a number without a label is a laboratory value far more often than an identifier.
"""

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import Rule, accept, pattern

_OPTIONAL_CONNECTORS = r"(?![a-z])(?:[ \t]{0,3}(?:[:#=-]|(?:is|was|number|num|no|id|card)\b\.?)){0,3}[ \t]{0,3}\#?"
"""What people write between a label that says enough by itself and its number."""

_NEEDED_CONNECTORS = r"(?![a-z])(?:[ \t]{0,3}(?:[:#=-]|(?:is|was|number|num|no|id|card)\b\.?)){1,3}[ \t]{0,3}\#?"
"""The same beside an everyday word: ``policy 2020`` is no identifier, ``policy number 20201`` is."""

_VALUE = r"(?P<value>(?=[a-z.-]{0,8}\d)[a-z0-9](?:[a-z0-9.-]{1,28}[a-z0-9]))(?![a-z0-9/])"
"""Three to thirty letters, digits, dots and dashes, with a digit near the front; never a blood pressure."""

_FEWEST_DIGITS_BESIDE_EVERYDAY_WORD = 5
"""Shorter numbers there are years, doses and bed numbers."""

_AREAS_NEVER_ISSUED = ("000", "666")
"""Social Security Administration, POMS RM 10201.035."""


def _can_be_ssn(value: str) -> bool:
    digits = "".join(character for character in value if character.isdigit())
    return digits[:3] not in _AREAS_NEVER_ISSUED and digits[3:5] != "00" and digits[5:] != "0000"


def _has_many_digits(value: str) -> bool:
    return sum(map(str.isdigit, value)) >= _FEWEST_DIGITS_BESIDE_EVERYDAY_WORD


def _labelled(name: str, kind: Kind, *, label: str, everyday: str) -> tuple[Rule, Rule]:
    strong = pattern(rf"\b(?:{label}){_OPTIONAL_CONNECTORS}{_VALUE}")
    weak = pattern(rf"\b(?:{everyday}){_NEEDED_CONNECTORS}{_VALUE}")
    return (
        Rule(name=name, kind=kind, pattern=strong, score=0.9, check=accept),
        Rule(name=f"{name}-worded", kind=kind, pattern=weak, score=0.86, check=_has_many_digits),
    )


RULES: tuple[Rule, ...] = (
    Rule(
        name="ssn",
        kind=Kind.SSN,
        pattern=pattern(r"(?<![\w-])(?P<value>\d{3}(?P<gap>[ -])\d{2}(?P=gap)\d{4})(?!\w|-\d)"),
        score=0.95,
        check=_can_be_ssn,
    ),
    Rule(
        name="ssn-labelled",
        kind=Kind.SSN,
        pattern=pattern(
            rf"\b(?:ssn|soc\.?[ ]sec\.?|social[ ]security){_OPTIONAL_CONNECTORS}"
            r"(?P<value>\d{3}[ -]?\d{2}[ -]?\d{4})(?!\d)"
        ),
        score=0.97,
    ),
    *_labelled(
        "mrn",
        Kind.MRN,
        label="mrn|med[ ]rec",
        everyday="mr|medical[ ]record|chart|patient|hospital|record",
    ),
    *_labelled("account", Kind.ACCOUNT, label=r"acct\.?", everyday="accounts?|invoice|encounter"),
    *_labelled(
        "health-plan",
        Kind.HEALTH_PLAN,
        label="mbi|hicn|member[ ]id|subscriber[ ]id",
        everyday="member|subscriber|beneficiary|policy|group|plan|insurance|medicare|medicaid",
    ),
    *_labelled("license", Kind.LICENSE, label=r"dea|npi|lic\.", everyday="licen[cs]e|certificate"),
    *_labelled("device", Kind.DEVICE, label="s/n|udi|imei|serial[ ]number", everyday="serial|device|implant|pacemaker"),
    *_labelled("vehicle", Kind.VEHICLE, label="vin|license[ ]plate", everyday="vehicle|plate"),
)
"""Rules for numbers; a labelled rule reports the number and leaves its label readable."""
