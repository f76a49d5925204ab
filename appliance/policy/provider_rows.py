"""The entries of ``policies/providers.yaml`` as the file has them, each checked by itself.

Everything is said outright: a date has a zone, a model has a price, an agreement says what it covers.  The file holds
the name of the credential's file and never the secret; one that looks like a secret is refused without repeating it.
`providers` checks that the entries agree with each other.  Keys only grow.
"""

import re
from datetime import UTC, date, datetime, time, tzinfo
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator, field_validator

from appliance.exchange import DataClass, Purpose
from appliance.policy.pins import HostRow
from appliance.policy.register import Agreement, Ceilings, Endpoint, ManagedModel, Provider, Service
from appliance.policy.task import Name, Section, Sentence

MAX_ENTRIES = 50
"""More providers, models of one, or agreements with one than a hospital has; bounds the checks."""

YEARS = range(2000, 2200)
"""A date outside is a slip of the pen, and would stand for an agreement without an end."""

_SECRET = re.compile(r"(?i)^(sk-|akia|asia|aiza|eyj|gh[pousr]_|xox|bearer)|^[A-Za-z0-9+_=]{32,}$")
"""Beginnings of keys as vendors make them, and long runs without a dot or hyphen, which no file name is."""


def _text(value: object) -> object:
    """Take a date for the text that it was: YAML reads ``2023-06-01`` as one."""
    return value.isoformat() if type(value) is date else value


def _moment(value: object) -> object:
    """Take a date, a timestamp with a zone, or either in quotes."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time needs its zone, such as 2026-01-01T00:00:00Z; add it, or write the date alone")
    if not isinstance(value, date):
        raise ValueError("this is no date such as 2026-01-01 and no time such as 2026-01-01T00:00:00Z; mend it")  # noqa: TRY004 (pydantic takes no other)
    if value.year not in YEARS:
        raise ValueError(f"the year must be between {YEARS[0]} and {YEARS[-1]}; mend it")
    return value


def _parsed(text: str) -> object:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-01-01") else datetime.fromisoformat(text)
    except ValueError:
        return text


def _credential(value: object) -> object:
    """Refuse what looks like the secret itself; the message must not repeat it."""
    if isinstance(value, str) and (_SECRET.search(value) or len(value) > 64 or "/" in value):  # noqa: PLR2004
        raise ValueError(
            "this must be the name of a file in the broker's credential folder, and looks like a secret or a path; "
            "put the secret into that folder, renew it if it was saved here, and write the file's name"
        )
    return value


Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\n\r\t]+$")]
"""A name or an address on one line."""

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$")]
"""An id as vendors and contracts write them, fit for a header and a record."""

Price = Annotated[float, Field(gt=0, le=10_000, strict=True)]
Moment = Annotated[date, PlainValidator(_moment)]
"""A date, or a time with its zone; pydantic's own reading would make a date of a time at midnight and lose its zone."""

_Many = Field(max_length=MAX_ENTRIES)
_Some = Field(min_length=1, max_length=MAX_ENTRIES)


class ModelRow(Section):
    """One model as the file has it."""

    name: Word
    deployment: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/-]{0,200}$")] = ""
    context_tokens: Annotated[int, Field(ge=1, le=100_000_000, strict=True)]
    input_usd_per_million: Price
    output_usd_per_million: Price

    def value(self) -> ManagedModel:
        """Return the model as a value."""
        return ManagedModel(**self.model_dump())


class CeilingsRow(Section):
    """The bounds on one provider as the file has them."""

    concurrent: Annotated[int, Field(ge=1, le=1_000, strict=True)] = Ceilings().concurrent
    requests_per_minute: Annotated[int, Field(ge=1, le=100_000, strict=True)] = Ceilings().requests_per_minute
    usd_per_day: Annotated[float, Field(gt=0, le=1_000_000, strict=True)] = Ceilings().usd_per_day
    answer_bytes: Annotated[int, Field(ge=1_024, le=64 * 1024 * 1024, strict=True)] = Ceilings().answer_bytes
    first_byte_s: Annotated[float, Field(gt=0, le=600, strict=True)] = Ceilings().first_byte_s
    total_s: Annotated[float, Field(gt=0, le=3_600, strict=True)] = Ceilings().total_s

    def value(self) -> Ceilings:
        """Return the bounds as a value."""
        return Ceilings(**self.model_dump())


class AgreementRow(Section):
    """One business associate agreement as the file has it."""

    id: Annotated[Word, Field(max_length=64)]
    parties: Annotated[tuple[Line, ...], Field(min_length=2, max_length=10)]
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    effective: Moment
    expires: Moment
    services: Annotated[frozenset[Service], Field(min_length=1)]
    regions: Annotated[frozenset[Word], _Some]
    models: Annotated[frozenset[Word], _Many] = frozenset()
    tasks: Annotated[frozenset[Name], _Many] = frozenset()
    purposes: Annotated[frozenset[Purpose], Field(min_length=1)]
    data_classes: Annotated[frozenset[DataClass], Field(min_length=1)]
    retention: Sentence
    training: Sentence
    notice_contact: Line

    @field_validator("document_sha256")
    @classmethod
    def _of_a_document(cls, digest: str) -> str:
        if len(set(digest)) == 1 and digest[0] == "0":
            raise ValueError("zeros are no document's digest; enter what 'sha256sum' prints for the signed document")
        return digest

    @field_validator("models", "tasks")
    @classmethod
    def _said_outright(cls, names: frozenset[str]) -> frozenset[str]:
        # Runs for a list that is written out only: whoever removes the last name from one must not open everything.
        if not names:
            raise ValueError("an empty list covers nothing; name what is covered, or leave the key out to cover all")
        return names

    @field_validator("data_classes")
    @classmethod
    def _may_leave(cls, classes: frozenset[DataClass]) -> frozenset[DataClass]:
        if DataClass.RESTRICTED in classes:
            raise ValueError("'restricted' data never leaves, whatever is signed; remove it")
        if DataClass.PHI not in classes:
            raise ValueError("a class includes those below it, or raising a request's class would open it; add 'phi'")
        return classes

    def value(self, zone: tzinfo) -> Agreement:
        """Return the agreement as a value, its dates counted from their midnight in this zone."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        moments = {"effective": _instant(self.effective, zone), "expires": _instant(self.expires, zone)}
        return Agreement(**{**told, **moments})


class ProviderRow(Section):
    """One provider as the file has it."""

    name: Name
    service: Service
    region: Word
    recipient: Line
    recipient_address: Line
    host: str
    """Name of an entry of `hosts`."""

    api_version: Annotated[str, Field(pattern=r"^[a-z0-9.-]{0,32}$"), BeforeValidator(_text)] = ""
    models: Annotated[tuple[ModelRow, ...], _Some]
    credential: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$"), BeforeValidator(_credential)] = ""
    ceilings: CeilingsRow = CeilingsRow()
    agreements: Annotated[tuple[AgreementRow, ...], _Some]
    sandbox: Annotated[bool, Field(strict=True)] = False

    def value(self, endpoint: Endpoint, zone: tzinfo) -> Provider:
        """Return the provider as a value, its agreements in the order of their periods."""
        agreements = (each.value(zone) for each in self.agreements)
        told = {"name", "service", "region", "recipient", "recipient_address", "api_version", "credential", "sandbox"}
        return Provider(
            **{name: getattr(self, name) for name in told},
            endpoint=endpoint,
            models=tuple(each.value() for each in self.models),
            ceilings=self.ceilings.value(),
            agreements=tuple(sorted(agreements, key=lambda each: (each.effective, each.expires, each.id))),
        )


class ProvidersFile(Section):
    """``policies/providers.yaml``."""

    time_zone: Annotated[str, Field(pattern=r"^(UTC|[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){1,2})$")] = "UTC"
    """Whose midnights the dates mean, by its name in the IANA database."""

    hosts: Annotated[tuple[HostRow, ...], _Many] = ()
    providers: Annotated[tuple[ProviderRow, ...], _Many]


def _instant(value: date, zone: tzinfo) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.combine(value, time(), tzinfo=zone)
    return moment.astimezone(UTC)
