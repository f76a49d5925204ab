"""Step 5 of a request: what a text holds becomes kinds and counts, facts for policy, routing and the record.

For a task that stays in the building rules are enough, and the forms of the people whom the caller named.  What
leaves goes through the whole guard (`phi.guard`) and its findings count again there.  Nothing here keeps text.
"""

import asyncio
import json

from appliance.exchange import TaskRequest
from appliance.phi.combine import combine
from appliance.phi.findings import Finding, Findings
from appliance.phi.known_identifiers import KnownIdentifiers
from appliance.phi.people import parse_people
from appliance.phi.rules import find, inspect
from appliance.tasks.inputs import texts_of


def named_people(request: TaskRequest) -> KnownIdentifiers:
    """Return whom the request names: its people, and its patients' record numbers.

    Raises InvalidRequestError naming the path.
    """
    people: list[object] = [] if request.people is None else json.loads(request.people.reveal())
    numbers = [patient.reveal() for patient in request.subject.patients]
    if numbers:
        people.append({"record_numbers": numbers})
    return parse_people(people) if people else KnownIdentifiers.nothing()


async def inspected(request: TaskRequest, known: KnownIdentifiers) -> Findings:
    """Return what stands in each text that a model would read.

    The people's forms are looked for where the caller named them: their record numbers alone are worth no search.
    """
    texts = texts_of(request)
    if request.people is None:
        return inspect(texts)
    plain = [text.reveal() for text in texts]
    return Findings(texts=tuple(await asyncio.to_thread(_found, plain, known)))


def _found(texts: list[str], known: KnownIdentifiers) -> list[tuple[Finding, ...]]:
    return combine(texts, [find(text) for text in texts], known)
