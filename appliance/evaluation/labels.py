"""One name for each type, whatever a detector calls it: stock Presidio and name models have their own words."""

_WORDS = {
    "NAME": "PERSON PER GIVEN_NAME SURNAME PATIENT STAFF DOCTOR",
    "LOCATION": ("GPE LOC FAC HOSPITAL STREET_NAME BUILDING_NUMBER SECONDARY_ADDRESS CITY STATE ZIP_CODE ADDRESS"),
    "DATE": "DATE_TIME TIME",
    "PHONE": "PHONE_NUMBER",
    "EMAIL": "EMAIL_ADDRESS",
    "SSN": "US_SSN TAX_ID",
    "MRN": "MEDICAL_RECORD_NUMBER",
    "HEALTH_PLAN": "US_MBI",
    "ACCOUNT": ("CREDIT_CARD CREDIT_CARD_NUMBER IBAN_CODE US_BANK_NUMBER BANK_ACCOUNT ROUTING_NUMBER CRYPTO"),
    "LICENSE": "US_DRIVER_LICENSE DRIVERS_LICENSE MEDICAL_LICENSE US_NPI",
    "IP": "IP_ADDRESS",
    "DEVICE": "MAC_ADDRESS",
    "OTHER_ID": "US_PASSPORT PASSPORT GOVERNMENT_ID US_ITIN UK_NHS ID",
    "ORG": "ORGANIZATION",
}
CANONICAL = {label: type_ for type_, labels in _WORDS.items() for label in labels.split()}
"""A detector's label to the type that the sets use; labels that are missing here stay as they are."""

ALIKE = {"FAX": "PHONE", "PHONE": "FAX", "AGE": "DATE"}
"""Types under which a place counts as found by its right name too: a fax number is written as a phone number is."""


def canonical(label: str) -> str:
    """Return the type for a detector's label."""
    return CANONICAL.get(label, label)
