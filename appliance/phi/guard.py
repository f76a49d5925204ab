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
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from appliance.clinical_text import ClinicalText, SafeText
from appliance.errors import PhiBlockedError
from appliance.phi.combine import combine
from appliance.phi.findings import Finding, Findings
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

    def __init__(self, finder: Finder, settings: Callable[[], GuardSettings]) -> None:
        """Take what finds, and where the settings in force are read, once for each request."""
        self._finder = finder
        self._settings = settings

    async def pseudonymise(self, texts: Sequence[ClinicalText], *, known: KnownIdentifiers) -> Pseudonymised:
        """Replace every identifier in the texts of one exchange.

        Raises PhiGuardUnavailableError if a part cannot answer, PhiBlockedError if a text cannot leave.
        """
        plain = [text.reveal() for text in texts]
        if sum(map(len, plain)) > MAX_CHARACTERS:
            raise PhiBlockedError(f"More than {MAX_CHARACTERS} characters cannot be guarded at once; send less.")
        settings = self._settings()
        await self._finder.use(settings.site)
        secret = secrets.token_bytes(SECRET_BYTES)
        surrogates = SurrogateMap(secret, settings)
        try:
            findings = await self._found(plain, known)  # (1)
            await asyncio.to_thread(surrogates.prepare, plain, findings)
            replaced, keyed = await self._replaced(plain, findings, known=known, map_of=(surrogates, secret))
        except BaseException:
            surrogates.wipe()
            raise
        return Pseudonymised(
            texts=tuple(SafeText(text) for text in replaced),
            findings=Findings(texts=tuple(findings)),
            surrogates=surrogates,
            keyed=keyed,
        )

    async def _found(self, texts: Sequence[str], known: KnownIdentifiers) -> list[tuple[Finding, ...]]:
        found = await self._finder.find(texts)
        return await asyncio.to_thread(combine, texts, found, known)

    async def _replaced(
        self,
        texts: Sequence[str],
        findings: Sequence[Sequence[Finding]],
        *,
        known: KnownIdentifiers,
        map_of: tuple[SurrogateMap, bytes],
    ) -> tuple[list[str], KeyedIdentifiers]:
        """Do steps (2) to (4).  Raises PhiBlockedError if there is no end to what shows once its neighbour is gone."""
        surrogates, secret = map_of
        for _ in range(MAX_LOOKS):
            texts = await asyncio.to_thread(_written, surrogates, texts, findings)  # (2)
            keyed = await asyncio.to_thread(known.keyed, secret, issued=surrogates.issued())  # (3)
            findings = _not_issued(texts, await self._found(texts, known), keyed)  # (4)
            if not any(findings):
                return list(texts), keyed
        raise PhiBlockedError("Identifiers in this text cannot be told from what replaces them; send it in parts.")


def _written(surrogates: SurrogateMap, texts: Sequence[str], findings: Sequence[Sequence[Finding]]) -> list[str]:
    return [surrogates.replace(text, found) for text, found in zip(texts, findings, strict=True)]


def _not_issued(
    texts: Sequence[str], findings: Sequence[Sequence[Finding]], keyed: KeyedIdentifiers
) -> list[tuple[Finding, ...]]:
    return [
        tuple(each for each in found if not keyed.is_issued(text[each.start : each.end]))
        for text, found in zip(texts, findings, strict=True)
    ]
