# ruff: noqa: E501 - an expression or a list is not cut in the middle
"""Identifiers that show by their form alone, label or no label.

Social security, card and vehicle numbers, account numbers with a checksum, device addresses, image files, co-ordinates
and numbers with their middle starred out.  Where the form is not rare enough a check digit decides.
"""

from appliance.phi.findings import Kind
from appliance.phi.recognizers.checksums import can_be_ssn, is_iban, is_luhn, is_vin
from appliance.phi.recognizers.rule import PatternRule, Rule, exact, pattern

_SCANNED = "[0-9OoQlI|SBZ]"
"""A digit, or a letter that a scanner reads for one."""

_FEWEST_SCANNED_DIGITS = 5

_FEWEST_IN_ROW, _FEWEST_BESIDE_LETTERS = 7, 4
"""Digits of a cell in a row with bars."""


def _is_scanned_ssn(value: str) -> bool:
    """Accept a number with scanner's letters if most of it are digits and it could be issued."""
    digits = sum(map(str.isdigit, value))
    return digits >= _FEWEST_SCANNED_DIGITS and (not value.replace("-", "").isdigit() or can_be_ssn(value))


def _is_row_number(value: str) -> bool:
    """Accept a cell that is a long number, or letters with a number: a result is shorter or has its unit."""
    digits = sum(map(str.isdigit, value))
    return digits >= _FEWEST_IN_ROW if value.isdigit() else digits >= _FEWEST_BESIDE_LETTERS


RULES: tuple[Rule, ...] = (
    PatternRule(
        name="ssn",
        kind=Kind.SSN,
        pattern=exact(r"(?P<value>\d(?<![\w-]\d)(?<![\d.]-\d)\d\d(?P<gap>[ -])\d{2}(?P=gap)\d{4})(?!\w|-\d)"),
        score=0.9,
        check=can_be_ssn,
    ),
    PatternRule(
        name="ssn-scanned",
        kind=Kind.SSN,
        pattern=exact(rf"(?P<value>{_SCANNED}(?<!\w.)(?<!-.){_SCANNED}{{2}}-{_SCANNED}{{2}}-{_SCANNED}{{4}})(?!\w|-\d)"),
        score=0.88,
        gate=exact(rf"-{_SCANNED}{{2}}-"),
        check=_is_scanned_ssn,
    ),
    PatternRule(
        name="ssn-last-four",
        kind=Kind.SSN,
        pattern=exact(r"(?P<value>[Xx*\#](?<!\w.)[Xx*\#]{2}[- ]?[Xx*\#]{2}[- ]?\d{4})(?!\w)"),
        score=0.93,
        gate=exact(r"[Xx*\#]{2}[- ]?\d{4}"),
    ),
    PatternRule(
        name="starred-number",
        kind=Kind.OTHER_ID,
        pattern=exact(r"(?P<value>[Xx*](?<!\w.)[Xx*]{1,15}(?:[- ]?[Xx*]{2,8}){0,4}[- ]?\d{3,6})(?!\w)"),
        score=0.6,
        gate=exact(r"[Xx*]{2}[- ]?\d{3}"),
    ),
    PatternRule(
        name="payment-card",
        kind=Kind.ACCOUNT,
        pattern=exact(r"(?P<value>\d(?<![\w.-]\d)\d{3}(?P<gap>[ -])\d{4,6}(?P=gap)\d{4,5}(?:(?P=gap)\d{3,4})?)(?![\w-])"),
        score=0.9,
        gate=exact(r"\d{4}[ -]\d{4}"),
        check=is_luhn,
    ),
    PatternRule(
        name="number-in-fours",
        kind=Kind.OTHER_ID,
        pattern=exact(r"(?P<value>\d(?<![\w.-]\d)\d{3}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?:(?P=gap)\d{4})?)(?![\w-])"),
        score=0.7,
        gate=exact(r"\d{4}[ -]\d{4}"),
    ),
    PatternRule(
        name="iban",
        kind=Kind.ACCOUNT,
        pattern=exact(r"(?P<value>[A-Z](?<!\w.)[A-Z]\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?)(?!\w)"),
        score=0.97,
        gate=exact(r"[A-Z]{2}\d{2}[ ]?[A-Z0-9]{4}"),
        check=is_iban,
    ),
    PatternRule(
        name="employer-number",
        kind=Kind.OTHER_ID,
        pattern=exact(r"(?P<value>\d(?<![\w.-]\d)\d-\d{7})(?![\w-])"),
        score=0.6,
    ),
    PatternRule(
        name="medicare-number",
        kind=Kind.HEALTH_PLAN,
        pattern=exact(
            r"(?P<value>[1-9](?<!\w.)[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
            r"[AC-HJKMNP-RT-Y]{2}\d{2})(?!\w)"
        ),
        score=0.91,
    ),
    PatternRule(
        name="vin",
        kind=Kind.VEHICLE,
        pattern=exact(r"(?P<value>[A-HJ-NPR-Z0-9](?<!\w.)(?=[A-Z0-9]{0,15}\d)[A-HJ-NPR-Z0-9]{16})(?!\w)"),
        score=0.91,
        check=is_vin,
    ),
    PatternRule(
        name="mac-address",
        kind=Kind.DEVICE,
        pattern=pattern(r"(?P<value>[0-9a-f]{2}(?<![\w:-]..)(?P<gap>[:-])(?:[0-9a-f]{2}(?P=gap)){4}[0-9a-f]{2})(?![\w:-])"),
        score=0.95,
        gate=pattern(r"[:-][0-9a-f]{2}[:-][0-9a-f]{2}[:-]"),
    ),
    PatternRule(
        name="device-identifier",
        kind=Kind.DEVICE,
        pattern=exact(r"(?P<value>\(01\)\d{14}(?:\(\d{2}\)[A-Za-z0-9/-]{1,20}){0,6})"),
        score=0.97,
        signs=("(01)",),
    ),
    PatternRule(
        name="image-file",
        kind=Kind.PHOTO,
        pattern=pattern(r"(?<![\w-])(?P<value>[\w-]{1,80}\.(?:jpe?g|png|heic|heif|gif|bmp|tiff?|webp|dcm|dicom|mp4|mov))(?!\w)"),
        score=0.97,
        signs=(".jp", ".JP", ".png", ".PNG", ".hei", ".HEI", ".gif", ".GIF", ".bmp", ".BMP", ".tif", ".TIF", ".webp",
               ".dcm", ".DCM", ".dicom", ".mp4", ".MP4", ".mov", ".MOV"),
    ),
    PatternRule(
        name="co-ordinates",
        kind=Kind.LOCATION,
        pattern=pattern(
            r"(?P<value>\d(?<![\w.]\d)\d{0,2}\.\d{3,8}[ ]?(?:\xb0|deg|degrees)?[ ]?[NS],?[ ]{0,2}\d{1,3}\.\d{3,8}[ ]?(?:\xb0|deg|degrees)?"
            r"[ ]?[EW])(?!\w)"
        ),
        score=0.95,
        gate=exact(r"\d\.\d{3}"),
    ),
    PatternRule(
        name="coin-address",
        kind=Kind.ACCOUNT,
        pattern=exact(r"(?<!\w)(?P<value>[13][1-9A-HJ-NP-Za-km-z]{25,34}|bc1[0-9a-z]{25,59}|0x[0-9a-fA-F]{40})(?!\w)"),
        score=0.9,
        gate=exact(r"[0-9A-Za-z]{26}"),
    ),
    PatternRule(
        name="user-name",
        kind=Kind.OTHER_ID,
        pattern=exact(r"(?<![\w@/.-])(?P<value>[a-z]{2,20}[._][a-z]{2,20}\d{2,4})(?![\w@-]|\.\w)"),
        score=0.6,
        gate=exact(r"[a-z]\d{2}"),
    ),
    PatternRule(
        name="row-number",
        kind=Kind.OTHER_ID,
        pattern=exact(r"(?<=\|)(?P<value>[A-Z0-9]{6,16})(?=\||\r?\n|\Z)"),
        score=0.6,
        check=_is_row_number,
        signs=("|",),
    ),
    PatternRule(
        name="message-name",
        kind=Kind.NAME,
        pattern=exact(r"(?<=[|~])(?P<value>[A-Z][A-Za-z'-]{1,30}\^[A-Z][A-Za-z'-]{1,30}(?:\^[A-Za-z.]{0,20}){0,4})"),
        score=0.9,
        signs=("^",),
    ),
    PatternRule(
        name="message-number",
        kind=Kind.MRN,
        pattern=exact(r"(?<=[|~])(?P<value>[A-Za-z0-9-]{0,8}\d{4,16}[A-Za-z0-9-]{0,8})(?=\^{2,4})"),
        score=0.9,
        signs=("^^",),
    ),
    PatternRule(
        name="message-address",
        kind=Kind.LOCATION,
        pattern=exact(r"(?<=[|~])(?P<value>\d[^|^~\n]{2,60}\^[^|^~\n]{0,40}\^[^|^~\n]{0,40}\^[A-Z]{2}\^\d{5}(?:-\d{4})?)"),
        score=0.95,
        signs=("^",),
    ),
)  # fmt: skip
"""Rules for forms."""
