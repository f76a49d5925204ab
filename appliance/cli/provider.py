"""``appliance provider list | show``: who outside the building may get what, under which agreement, until when.

Shows the register on disk, which a running appliance uses after two officers approved it.  Nothing is changed and
nobody outside is asked.  An agreement that has ended is shown as such and is no error: that is when people look.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from appliance.cli.options import AsJson, Home, settings
from appliance.cli.provider_state import Standing, standings
from appliance.cli.show import console, print_json, table
from appliance.clock import Clock
from appliance.errors import ConfigError
from appliance.policy.agreements import AgreementWarning, pin_ends, warnings
from appliance.policy.load import load_bundle
from appliance.policy.register import Agreement, Provider

NOBODY = "The register names no provider, so nothing leaves the building; see policies/providers.yaml."
"""What is said where there is nothing to list."""


def list_providers(*, home: Home = None, as_json: AsJson = False) -> None:
    """List providers and agreements with their days left, and what closes them."""
    config, now = settings(home), Clock().now()
    bundle = load_bundle(config.policies)
    found = list(standings(config, bundle, now))
    told = warnings(bundle.providers, now)
    if as_json:
        print_json({"digest": bundle.digest, "agreements": [_essence(each) for each in found], "warnings": _told(told)})
        return
    out = console()
    if not found:
        out.print(NOBODY, soft_wrap=True)
        return
    columns = ("provider", "service", "region", "agreement", "effective", "expires", "days left", "state")
    out.print(table("", columns, (_row(each) for each in found)))
    for warning in told:
        out.print(warning.sentence, style="yellow", soft_wrap=True)


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As 'provider list' shows it.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show one provider in full: host, pins, models, ceilings, agreements."""
    config, now = settings(home), Clock().now()
    bundle = load_bundle(config.policies)
    provider = bundle.providers.get(name)
    if provider is None:
        known = ", ".join(bundle.providers) or "none"
        raise ConfigError(f"The register names no provider '{name}'; it names: {known}.")
    found = [each for each in standings(config, bundle, now) if each.provider is provider]
    if as_json:
        print_json({**_document(provider), "agreements": [_paper(each) for each in found]})
        return
    out = console()
    out.print(table(f"{provider.name} (policy {bundle.digest[:12]})", ("", ""), _lines(_document(provider)).items()))
    for each in found:
        style = "green" if each.is_open() else "red"
        out.print(f"\nAgreement {each.agreement.id}: {each.words()}", style=style, soft_wrap=True)
        out.print(table("", ("", ""), _lines(_paper(each)).items()))


def _row(standing: Standing) -> tuple[object, ...]:
    provider, agreement = standing.provider, standing.agreement
    return (
        f"{provider.name}{' SANDBOX' if provider.sandbox else ''}",
        provider.service,
        provider.region,
        agreement.id,
        f"{agreement.effective:%Y-%m-%d %H:%M}",
        f"{agreement.expires:%Y-%m-%d %H:%M}",
        standing.days_left,
        Text(standing.words(), style="green" if standing.is_open() else "red"),
    )


def _essence(standing: Standing) -> dict[str, object]:
    provider = standing.provider
    return {
        "provider": provider.name,
        "service": provider.service,
        "region": provider.region,
        "models": [model.name for model in provider.models],
        "sandbox": provider.sandbox,
        **_paper(standing),
    }


def _paper(standing: Standing) -> dict[str, object]:
    state = {"state": standing.state, "days_left": standing.days_left, "closed": standing.closed}
    return {"agreement": standing.agreement.id, **state, **_terms(standing.agreement)}


def _terms(agreement: Agreement) -> dict[str, object]:
    return {name: _plain(value) for name, value in asdict(agreement).items() if name != "id"}


def _document(provider: Provider) -> dict[str, object]:
    """Return everything but the agreements; of the pin when it ends, because nobody reads a certificate."""
    told = {name: value for name, value in asdict(provider).items() if name not in {"endpoint", "agreements"}}
    endpoint = {name: value for name, value in asdict(provider.endpoint).items() if name != "ca_pem"}
    models = [
        {**asdict(model), "digest": provider.identity(model).digest, "label": provider.identity(model).name}
        for model in provider.models
    ]
    return {**told, **endpoint, "ca_ends": _plain(pin_ends(provider)), "models": models}


def _told(found: tuple[AgreementWarning, ...]) -> list[dict[str, object]]:
    return [{name: _plain(value) for name, value in asdict(each).items()} for each in found]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return sorted(value) if isinstance(value, frozenset) else value


def _lines(document: Mapping[str, object]) -> dict[str, str]:
    return {name.replace("_", " "): _line(value) for name, value in document.items()}


def _line(value: object) -> str:
    """Write a value as a person reads it: parts joined, nothing as a dash, which in a scope means everything."""
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_line(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(_line(part) for part in value) or "-"
    return "-" if value == "" else str(value)
