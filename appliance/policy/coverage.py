"""Whether agreements cover what the register would use them for: nothing uncovered, no gap, no overlap, one paper each.

A disclosure record names one agreement.  With two in force for the same use nobody could say which; with a day between
two the route would close unannounced; a model that none covers would be a promise without paper.  Checked over every
model, task, purpose and data class apart, so that an agreement for one task never hides a gap of another.
"""

from collections.abc import Collection, Iterable
from itertools import pairwise, product

from appliance.exchange import DataClass, Purpose
from appliance.policy.document import Document, ModelT, Path
from appliance.policy.register import Agreement, ManagedModel, Provider, Use

ANY_OTHER_TASK = ""
"""Stands for every task that no agreement names; no task has an empty name."""


def check_coverage(
    document: Document[ModelT], at: Path, *, ids: Iterable[str], provider: Provider, tasks: Collection[str]
) -> None:
    """Refuse a provider whose agreements, with these ids in the file's order, leave something open.

    Raises PolicyInvalidError at the key to mend.
    """
    places: dict[str, Path] = {}
    for index, name in enumerate(ids):
        place = (*at, "agreements", index)
        if name in places:
            raise document.error((*place, "id"), f"agreement '{name}' stands above; keep one of the two.")
        places[name] = place
    for agreement in provider.agreements:
        _check_words(document, places[agreement.id], agreement, provider=provider, tasks=tasks)
    for index, model in enumerate(provider.models):
        _check_model(document, (*at, "models", index), provider, model)
    for model, use in product(provider.models, _uses(provider)):
        _check_periods(document, places, [each for each in provider.agreements if each.covers(provider, model, use)])


def check_papers(document: Document[ModelT], papers: Iterable[tuple[Path, Agreement]]) -> None:
    """Refuse one number for two documents, and one document under two numbers, over the whole register."""
    by_id: dict[str, tuple[object, ...]] = {}
    by_digest: dict[str, str] = {}
    for at, agreement in papers:
        said = (agreement.document_sha256, agreement.effective, agreement.expires, agreement.parties)
        if by_id.setdefault(agreement.id, said) != said:
            raise document.error(
                (*at, "id"),
                f"agreement '{agreement.id}' stands above with another document, party or date; mend one of the two.",
            )
        twin = by_digest.setdefault(agreement.document_sha256, agreement.id)
        if twin != agreement.id:
            raise document.error(
                (*at, "document_sha256"),
                f"agreements '{twin}' and '{agreement.id}' have the same signed document; enter each one's own digest, "
                "or give both entries one id.",
            )


def _check_words(
    document: Document[ModelT], at: Path, agreement: Agreement, *, provider: Provider, tasks: Collection[str]
) -> None:
    if agreement.expires <= agreement.effective:
        raise document.error((*at, "expires"), "it expires before it is in force; mend one of the two dates.")
    if provider.recipient not in agreement.parties:
        raise document.error(
            (*at, "parties"), f"'{provider.recipient}', who gets the data, is no party of it; mend one of the two."
        )
    for task in sorted(agreement.tasks - set(tasks)):
        raise document.error((*at, "tasks"), f"there is no tasks/{task}.yaml; mend or remove this name.")
    for name in sorted(agreement.models - {each.name for each in provider.models}):
        raise document.error((*at, "models"), f"'{name}' is no model of this provider; mend or remove it.")


def _check_model(document: Document[ModelT], at: Path, provider: Provider, model: ManagedModel) -> None:
    agreements = provider.agreements
    if not any(provider.service in each.services for each in agreements):
        raise document.error((*at[:2], "service"), f"no agreement covers service '{provider.service}'; add it to one.")
    if not any(provider.service in each.services and provider.region in each.regions for each in agreements):
        raise document.error(
            (*at[:2], "region"), f"no agreement covers this service in region '{provider.region}'; add it to one."
        )
    if not any(each.covers(provider, model, use) for each in agreements for use in _uses(provider)):
        raise document.error(
            (*at, "name"), f"no agreement covers model '{model.name}'; add it to one, or remove the model."
        )


def _uses(provider: Provider) -> list[Use]:
    """Return every use that the agreements may tell apart."""
    named = {task for each in provider.agreements for task in each.tasks}
    return [
        Use(task=task, purpose=purpose, data_class=data_class)
        for task, purpose, data_class in product(sorted({ANY_OTHER_TASK, *named}), Purpose, DataClass)
    ]


def _check_periods(document: Document[ModelT], places: dict[str, Path], agreements: list[Agreement]) -> None:
    """Refuse a gap or an overlap between agreements for one and the same use, which stand in the order of periods."""
    for earlier, later in pairwise(agreements):
        between = f"agreements '{earlier.id}' and '{later.id}'"
        if later.effective < earlier.expires:
            raise document.error(
                (*places[later.id], "effective"),
                f"{between} cover the same use at the same time; let one begin when the other expires.",
            )
        if later.effective > earlier.expires:
            raise document.error(
                (*places[later.id], "effective"),
                f"{between} leave a gap from {earlier.expires:%Y-%m-%d %H:%M %Z} on; let one begin when the other "
                "expires, or remove the earlier.",
            )
