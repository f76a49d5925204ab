"""What a policy folder lets leave, in lines that an officer can read and compare: providers, agreements, files.

The lines stand in the record of each approval, so the next proposal can say what changes.  No secret is in them: the
register itself holds none.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.approval import Approved
from appliance.errors import PolicyInvalidError
from appliance.policy.bundle import Bundle
from appliance.policy.folder import read_folder
from appliance.policy.register import Agreement, ManagedModel, Provider

SHORT = 16
"""Hex digits by which people compare a digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A policy folder in lines."""

    register: tuple[str, ...]
    files: tuple[str, ...]


def state(bundle: Bundle, folder: Path) -> Stated:
    """Return what a bundle lets leave, and the files that it was made of.

    Raises PolicyInvalidError if the folder is not what the bundle was made of any more.
    """
    content = read_folder(folder)
    if content.digest() != bundle.digest:
        raise PolicyInvalidError(f"{folder}:1: a file was changed while it was read; run this again.")
    files = (f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in sorted(content.files.items()))
    return Stated(register=tuple(_register(bundle)), files=tuple(files))


def changes(before: Approved | None, after: Stated) -> tuple[str, ...]:
    """Return what changes against what was approved last, in words."""
    if before is None:
        return tuple(f"new: {line}" for line in after.register) or ("Nothing may leave under this policy.",)
    words = (
        *_differences(before.register, after.register),
        *_file_differences(_by_name(before.files), _by_name(after.files)),
    )
    return words or ("Nothing changes.",)


def _register(bundle: Bundle) -> Iterator[str]:
    for provider in sorted(bundle.providers.values(), key=lambda each: each.name):
        yield _provider(provider)
        yield from (_model(provider, each) for each in provider.models)
        yield from (_agreement(provider, each) for each in provider.agreements)


def _provider(provider: Provider) -> str:
    endpoint, ceilings = provider.endpoint, provider.ceilings
    pin = hashlib.sha256(endpoint.ca_pem.encode()).hexdigest()[:SHORT]
    marked = "SANDBOX provider" if provider.sandbox else "provider"
    return (
        f"{marked} {provider.name}: {provider.recipient}, {provider.service} in {provider.region} at "
        f"{endpoint.host}:{endpoint.port} ({', '.join(endpoint.addresses)}), pinned certificate {pin}, "
        f"credential file '{provider.credential}', at most {ceilings.usd_per_day:g} USD a day and "
        f"{ceilings.requests_per_minute} requests a minute"
    )


def _model(provider: Provider, model: ManagedModel) -> str:
    deployed = f" as {model.deployment}" if model.deployment else ""
    return (
        f"model {model.name}{deployed} of {provider.name}, {model.input_usd_per_million:g} and "
        f"{model.output_usd_per_million:g} USD a million tokens"
    )


def _agreement(provider: Provider, agreement: Agreement) -> str:
    covered = "; ".join(
        (
            _named("services", agreement.services),
            _named("regions", agreement.regions),
            _named("models", agreement.models),
            _named("tasks", agreement.tasks),
            _named("purposes", agreement.purposes),
            _named("data", agreement.data_classes),
        )
    )
    return (
        f"agreement {agreement.id} with {provider.name}, from {agreement.effective.isoformat()} until "
        f"{agreement.expires.isoformat()}; {covered}; keeps: {agreement.retention}; training: {agreement.training}; "
        f"document {agreement.document_sha256[:SHORT]}"
    )


def _named(what: str, names: Iterable[str]) -> str:
    return f"{what} {', '.join(sorted(names)) or 'all'}"


def _differences(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    yield from (f"gone: {line}" for line in before if line not in after)
    yield from (f"new: {line}" for line in after if line not in before)


def _file_differences(before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        if name not in after:
            yield f"file removed: {name}"
        elif name not in before:
            yield f"file added: {name}"
        elif before[name] != after[name]:
            yield f"file changed: {name}"


def _by_name(lines: Sequence[str]) -> dict[str, str]:
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
