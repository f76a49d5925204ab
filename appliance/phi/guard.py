"""Replace every identifier before a text leaves the building, or refuse; there is no third way.

The steps of `Guard.pseudonymise`:

1. **find**: rules, name models and the site's list, in the worker's process (`phi.worker`); every written form of what
   the caller said of the people (`phi.known_identifiers`); and what was found once, everywhere (`phi.combine`);
2. **replace**: by surrogates, tags, or a refusal, as policy says for each kind (`phi.surrogates`);
3. **key**: the people's forms as keyed hashes, for the tripwire at the broker (`phi.keyed`);
4. **look again**: the replaced text goes through (1); what is found there and was not issued is replaced too.

A part that is missing, late or wrong raises `PhiGuardUnavailableError`: nothing here goes on with less.  Only this
module makes `SafeText`.  Answers 45 CFR 164.502(b) and 164.514(b): what leaves is without the listed identifiers.
"""

import asyncio
import dataclasses
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from appliance.clinical_text import ClinicalText, SafeText
from appliance.clock import Clock
from appliance.errors import PhiBlockedError
from appliance.phi.combine import combine
from appliance.phi.fhir.resource_ids import ResourceIds
from appliance.phi.fhir.transform import texts_of, transform, values_of
from appliance.phi.findings import Finding, Findings, Kind
from appliance.phi.keyed import KeyedIdentifiers
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.settings import GuardSettings, Site
from appliance.phi.surrogates import SurrogateMap

SECRET_BYTES = 32
"""Of each exchange: keys its surrogates, its days' shift and the tripwire's hashes; never stored."""

MAX_CHARACTERS = 2_000_000
"""In one hand-off; above it the guard would be late for every caller.  A long chart has about one million."""


MAX_LOOKS = 4
"""A second look finds something in a few texts of a thousand; the others are for what that one uncovers."""


_WORD = re.compile(r"\w+")

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""A lone surrogate code point has no bytes in UTF-8 (RFC 3629 section 3)."""


class Finder(Protocol):
    """The part of `phi.worker.GuardWorker` that finds; tests hand in one that runs in their process."""

    async def use(self, site: Site) -> None:
        """Use this site's list from now on.  Raises PhiGuardUnavailableError."""
        ...

    async def find(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Return the findings of each text.  Raises PhiGuardUnavailableError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pseudonymised:
    """What may leave, and what brings the answer back; close it when the exchange ends."""

    texts: tuple[SafeText, ...]
    findings: Findings
    """What was found, by place in the texts as they came."""

    surrogates: SurrogateMap
    """The way back; in memory only."""

    keyed: KeyedIdentifiers
    """What the broker's tripwire looks for."""

    def close(self) -> None:
        """Wipe the way back."""
        self.surrogates.wipe()


class Guard:
    """Guard the one way out; constructed by `wiring`, used by one event loop."""

    def __init__(self, finder: Finder, settings: Callable[[], GuardSettings], *, clock: Clock) -> None:
        """Take what finds, where the settings in force are read, once for each request, and the clock."""
        self._finder = finder
        self._settings = settings
        self._clock = clock

    async def pseudonymise(self, texts: Sequence[ClinicalText], *, known: KnownIdentifiers) -> Pseudonymised:
        """Replace every identifier in the texts of one exchange.

        Raises PhiGuardUnavailableError if a part cannot answer, PhiBlockedError if a text cannot leave.
        """
        plain = [text.reveal() for text in texts]
        async with self._work(plain, known) as work:
            findings = await work.found(plain)
            await asyncio.to_thread(work.surrogates.prepare, plain, findings)
            replaced = await work.replaced(plain, findings)
            return await work.done(replaced, findings, issued=())

    async def pseudonymise_resource(self, resource: Mapping[str, object], *, known: KnownIdentifiers) -> Pseudonymised:
        """Replace every identifier in a FHIR R4 resource by its path, its texts by their findings; the result is JSON.

        `known` holds the people of the resource.  Raises as `pseudonymise`; a PhiBlockedError names the path.
        """
        today = self._clock.now().date()
        texts = await asyncio.to_thread(texts_of, resource, today=today)
        values = await asyncio.to_thread(values_of, resource, today=today)
        async with self._work(texts, known) as work, _resource_ids() as ids:
            findings = await work.found(texts)
            whole = [_whole(kind, value) for kind, value in values]
            await asyncio.to_thread(
                work.surrogates.prepare, [*texts, *(value for _, value in values)], [*findings, *whole]
            )
            replaced = iter(await work.replaced(texts, findings))
            left = await asyncio.to_thread(
                transform, resource, replace=work.surrogates.value, text=lambda _: next(replaced), today=today, ids=ids
            )
            issued = tuple(ids.originals())
            return await work.done([json.dumps(left, ensure_ascii=False)], [*findings, *whole], issued=issued)

    @asynccontextmanager
    async def _work(self, texts: Sequence[str], known: KnownIdentifiers) -> AsyncIterator["_Work"]:
        """Make what one exchange needs, and wipe it unless the exchange gets it whole."""
        if sum(map(len, texts)) > MAX_CHARACTERS:
            raise PhiBlockedError(f"More than {MAX_CHARACTERS} characters cannot be guarded at once; send less.")
        if any(map(_HALF_CHARACTER.search, texts)):
            raise PhiBlockedError("A text holds half of a character (U+D800 to U+DFFF); send it as valid Unicode.")
        settings = self._settings()
        await self._finder.use(settings.site)
        secret = secrets.token_bytes(SECRET_BYTES)
        surrogates = SurrogateMap(secret, settings, today=self._clock.now().date())
        try:
            yield _Work(finder=self._finder, known=known, secret=secret, surrogates=surrogates)
        except BaseException:
            surrogates.wipe()
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """The steps for the texts of one exchange."""

    finder: Finder
    known: KnownIdentifiers
    secret: bytes
    surrogates: SurrogateMap

    async def found(self, texts: Sequence[str]) -> list[tuple[Finding, ...]]:
        """Do step (1)."""
        found = await self.finder.find(texts)
        return await asyncio.to_thread(combine, texts, found, self.known)

    async def replaced(self, texts: Sequence[str], findings: Sequence[Sequence[Finding]]) -> list[str]:
        """Do steps (2) to (4).  Raises PhiBlockedError if there is no end to what shows once its neighbour is gone."""
        for _ in range(MAX_LOOKS):
            texts = await asyncio.to_thread(self._written, texts, findings)  # (2)
            findings = await asyncio.to_thread(self._not_issued, texts, await self.found(texts))  # (4)
            if not any(findings):
                return list(texts)
        raise PhiBlockedError("Identifiers in this text cannot be told from what replaces them; send it in parts.")

    async def done(
        self, texts: Sequence[str], findings: Sequence[tuple[Finding, ...]], *, issued: tuple[str, ...]
    ) -> Pseudonymised:
        """Return what may leave; `issued` is what else was put in the place of a value."""
        return Pseudonymised(
            texts=tuple(SafeText(text) for text in texts),
            findings=Findings(texts=tuple(findings)),
            surrogates=self.surrogates,
            keyed=await asyncio.to_thread(self._keyed, issued),  # (3)
        )

    def _keyed(self, issued: tuple[str, ...] = ()) -> KeyedIdentifiers:
        return self.known.keyed(self.secret, issued=(*self.surrogates.issued(), *issued))

    def _written(self, texts: Sequence[str], findings: Sequence[Sequence[Finding]]) -> list[str]:
        return [self.surrogates.replace(text, found) for text, found in zip(texts, findings, strict=True)]

    def _not_issued(self, texts: Sequence[str], findings: Sequence[Sequence[Finding]]) -> list[tuple[Finding, ...]]:
        keyed = self._keyed()
        return [
            tuple(each for finding in found if (each := _new_part(text, finding, keyed)) is not None)
            for text, found in zip(texts, findings, strict=True)
        ]


def _new_part(text: str, finding: Finding, keyed: KeyedIdentifiers) -> Finding | None:
    """Return the part of a finding in a replaced text that no surrogate stands for, or None.

    A surrogate beside ordinary words can look like one longer place ("Gladwyn" before "Cancer Network"): words that the
    first look took for ordinary stay, unless they are a person's or hold a digit.
    """
    words = list(_WORD.finditer(text, finding.start, finding.end))
    fresh = [word for word in words if not keyed.is_issued(word.group())]
    if not fresh or keyed.is_issued(text[finding.start : finding.end]):
        return None
    if len(fresh) == len(words):
        return finding
    if finding.kind is Kind.LOCATION and not any(map(str.isdigit, "".join(word.group() for word in fresh))):
        return None
    return dataclasses.replace(finding, start=fresh[0].start(), end=fresh[-1].end())


@asynccontextmanager
async def _resource_ids() -> AsyncIterator[ResourceIds]:
    """Return the map of one exchange's resource ids, wiped at the end."""
    ids = ResourceIds.fresh()
    try:
        yield ids
    finally:
        ids.wipe()


def _whole(kind: Kind, value: str) -> tuple[Finding, ...]:
    return (Finding(kind=kind, start=0, end=len(value), score=1.0, recognizer="fhir-path"),)
