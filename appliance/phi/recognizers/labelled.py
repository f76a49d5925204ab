# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Identifiers whose form is an everyday one, so that the label beside them decides: plates, short numbers, user names.

Four digits are a time of day, ``ABC 1234`` a course and ``tkessler04`` a word, except where a label stands right before.
A rule here MUST name both, the form and the label; numbers whose label suffices stand in `numbers`.
"""

from appliance.phi.findings import Kind
from appliance.phi.recognizers.rule import LabelledRule, PatternRule, Rule, exact, pattern

_PLATE = exact(
    r"[A-Z0-9](?<![\w-].)(?:[A-Z]{1,3}[ -]\d{2,5}|(?:(?<=\d)\d{0,3})[ -][A-Z]{2,4}|[A-Z0-9]{1,3}[ -][A-Z0-9]{3,4}|[A-Z0-9]{4,7})"
    r"(?![\w-])"
)

_BEFORE_A_PLATE = pattern(
    r"\b(?:plates?|tags?|vehicle|vehicles|registration|placard|lic\.?)\b[ ]?(?:number|no\.?|\#|is|was|of|reads|reading)?[ ]?[:=\#(|\"]{0,2}"
    r"[ ]{0,2}(?:[A-Z][A-Z][ ]|\()?\Z"
)


def _is_plate(value: str) -> bool:
    """Accept letters with digits; a word or a number alone is no plate."""
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


RULES: tuple[Rule, ...] = (
    LabelledRule(
        name="plate",
        kind=Kind.VEHICLE,
        value=_PLATE,
        before=_BEFORE_A_PLATE,
        score=0.9,
        check=_is_plate,
        window=32,
        signs=("late", "LATE", "tag", "TAG", "Tag", "ehicle", "EHICLE", "egistration", "lacard", "Lic", "lic"),
    ),
    LabelledRule(
        name="ssn-last-four-labelled",
        kind=Kind.SSN,
        value=exact(r"\d(?<![\w.-].)\d{3}(?![\w-]|[.,]\d|[ ](?:hours|days|weeks|months|years))"),
        before=pattern(
            r"(?:\b(?:last|final)[ ](?:four|4)(?:[ ]digits)?(?:[ ](?:of|on)[ ](?:the[ ]|his[ ]|her[ ]|my[ ])?(?:ssn?|social(?:[ ]security)?))?"
            r"|\b(?:ssn?|social(?:[ ]security)?(?:[ ](?:number|no\.?))?)[ ]?\#?[ ](?:ends|ending)(?:[ ](?:in|with))?)"
            r"[ ]?[:=\#]?[ ]{0,2}(?:is[ ]|are[ ])?\Z"
        ),
        score=0.93,
        signs=("our", "OUR", "ast 4", "nding", "ends", "NDS", "NDING", "inal 4"),
    ),
    LabelledRule(
        name="card-ending",
        kind=Kind.ACCOUNT,
        value=exact(r"\d(?<![\w.-].)\d{3,5}(?![\w-]|[.,]\d)"),
        before=pattern(
            r"\b(?:card|account|acct\.?|visa|mastercard|amex|debit|credit)[ ](?:number[ ]|no\.?[ ]|\#[ ]?)?(?:that[ ])?(?:ending|ends|ended)[ ]?"
            r"(?:in[ ]|with[ ]|:[ ]?)?[*x.]{0,8}\Z"
        ),
        score=0.9,
        signs=("nding", "ends", "ended", "NDS", "NDING"),
    ),
    LabelledRule(
        name="record-shows",
        kind=Kind.OTHER_ID,
        value=exact(r"[A-Za-z0-9](?<![\w.-].)(?:\d{4,11}|[a-z]{1,20}\d{2,6}|[A-Z]{1,3}[ -]\d{3,7}|[A-Z]{5}[A-Z0-9]{2,5})(?![\w%-]|[.,]\d|[ ][a-z/]{1,6}\b)"),
        before=pattern(r"\b(?:record|chart|file|card|badge|form|wallet)s?[ ](?:shows?|lists?|reads?)[ ]\Z"),
        score=0.6,
        check=lambda value: any(map(str.isdigit, value)),
        signs=("show", "list", "read"),
        window=24,
    ),
    PatternRule(
        name="processor-code",
        kind=Kind.HEALTH_PLAN,
        pattern=exact(r"\b(?:Rx)?PCN(?:[ ](?:No\.?|Number|Code))?[ ]?[:\#]?[ ]?(?P<value>[A-Z0-9]{2,15})(?!\w)"),
        score=0.85,
        signs=("PCN",),
    ),
    PatternRule(
        name="group-code",
        kind=Kind.HEALTH_PLAN,
        pattern=exact(r"\b(?:[Gg]roup|GROUP|Gr?p)[ ](?P<value>[A-Z]{2,6}-?\d{2,6})(?![\w-])"),
        score=0.85,
        signs=("roup", "ROUP", "rp "),
    ),
    PatternRule(
        name="transmitter",
        kind=Kind.DEVICE,
        pattern=exact(
            r"\b(?i:transmitter|sensor|receiver|reader|pod|pump)(?:[ ](?i:id|sn|code))?[ ](?P<value>(?=[A-Z0-9]{0,9}\d)(?=\d{0,9}[A-Z])[A-Z0-9]{6,12})(?!\w)"
        ),
        score=0.8,
        signs=("ransmitter", "RANSMITTER", "ensor", "eceiver", "eader", "pod", "Pod", "ump"),
    ),
    LabelledRule(
        name="user-name-labelled",
        kind=Kind.OTHER_ID,
        value=pattern(r"[a-z](?<![\w@./-].)[a-z._-]{1,24}\d{1,6}(?![\w@-])|[a-z](?<![\w@./-].)[a-z]{1,20}[._][a-z]{1,20}(?![\w@-])"),
        before=pattern(
            r"\b(?:user(?:[ _-]?(?:name|id))?|login(?:[ ]id)?|logon|handle|screen[ ]name|logged[ ]in[ ]as)[\"']?[ ]{0,2}[:=]?[ ]{0,2}(?:is[ ])?[\"']?\Z"
        ),
        score=0.8,
        signs=("ser", "SER", "ogin", "LOGIN", "ogon", "andle", "creen", "ogged"),
        window=32,
    ),
    PatternRule(
        name="dictator-code",
        kind=Kind.OTHER_ID,
        pattern=exact(r"\b(?:M\.?D\.?|D\.?O\.?|R\.?N\.?|Ph\.?D\.?|P\.?A\.?)[ ]{1,2}(?P<value>[A-Z]{2}\d{1,4})(?![\w.-])"),
        score=0.7,
        signs=("M.D", "MD", "D.O", "DO", "RN", "R.N", "PA", "P.A", "h.D", "hD"),
    ),
    PatternRule(
        name="dictation-index",
        kind=Kind.OTHER_ID,
        pattern=exact(
            r"\b(?:Batch|BATCH|Index[ ]No\.?|INDEX[ ]NO\.?|Index|Job|JOB)[ ]{0,2}[:\#][ ]{0,2}\#?(?P<value>(?=[A-Za-z0-9-]{0,16}\d)[A-Za-z0-9-]{3,16})(?![\w%.]\d)"
        ),
        score=0.8,
        signs=("Batch", "BATCH", "Index", "INDEX", "Job", "JOB"),
    ),
)  # fmt: skip
"""Rules for everyday forms beside their label."""
