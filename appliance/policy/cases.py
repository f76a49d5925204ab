"""Expected decisions as data: ``policies/cases/*.yaml`` says in plain words what must be answered, and why.

A compliance officer can read and add to them without knowing Cedar.  ``appliance policy check`` and the tests ask every
case of the bundle and hold answer and policy ids against what is written.  Cases are no part of what is in force: they
do not change the bundle's digest.
"""

import pathlib
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from appliance.decision import Decision
from appliance.errors import PolicyInvalidError
from appliance.exchange import Actor
from appliance.policy.bundle import Bundle
from appliance.policy.decide import decide
from appliance.policy.document import Document, read_document
from appliance.policy.folder import read_folder
from appliance.policy.question import (
    Action,
    Fact,
    PrincipalKind,
    Question,
    Resource,
    ResourceKind,
    trail_resource,
)
from appliance.policy.roles import resource_of
from appliance.policy.task import Section, Sentence

ASKING = "client_0000000000000001"
"""Id of whoever asks in a case; ``trail: own`` is this one's."""

ANOTHER = "client_0000000000000002"
"""Id of the client whose exchanges ``trail: another`` is about."""


CaseFacts = dict[str, str | bool | int | list[str]]
"""Facts as YAML has them."""


class Case(Section):
    """One question and the answer that must come."""

    title: Sentence
    """The promise, as a person would say it."""

    principal: PrincipalKind = PrincipalKind.CLIENT
    roles: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    """Tasks that an operator granted to the one who asks."""

    tenant: str = "sandbox"
    action: Action
    task: str | None = None
    trail: Literal["own", "another", "whole"] | None = None
    """With neither a task nor a trail the question is about the appliance, or about the register."""

    facts: CaseFacts = Field(default_factory=dict)
    """Beside, and in place of, the `CasesFile.given`."""

    unsaid: tuple[str, ...] = ()
    """Given facts that this question leaves out."""

    allowed: Annotated[bool, Field(strict=True)]
    policies: tuple[str, ...]
    """Ids of the policies that decide it, in order; none where nothing permits or where an error denies."""

    @model_validator(mode="after")
    def _one_resource(self) -> Self:
        if self.task is not None and self.trail is not None:
            message = "a case is about a task or about the trail; remove one of the two"
            raise ValueError(message)
        return self

    def question(self, given: CaseFacts) -> Question:
        """Return the question that the case asks, with the facts that all cases of its file share."""
        actor = Actor(
            client_id=ASKING,
            name="of the case",
            tenant=self.tenant,
            roles=frozenset(self.roles),
            tasks=frozenset(self.granted),
        )
        facts: dict[str, Fact] = {
            name: frozenset(fact) if isinstance(fact, list) else fact
            for name, fact in {**given, **self.facts}.items()
            if name not in self.unsaid
        }
        return Question(
            actor=actor, action=self.action, resource=self._resource(), facts=facts, principal=self.principal
        )

    def _resource(self) -> Resource:
        if self.task is not None:
            return Resource(kind=ResourceKind.TASK, name=self.task)
        if self.trail is not None:
            return trail_resource({"own": ASKING, "another": ANOTHER, "whole": ""}[self.trail])
        return resource_of(self.action)


class CasesFile(Section):
    """One file of ``policies/cases/``."""

    given: CaseFacts = Field(default_factory=dict)
    """Facts of every case of the file that does not say otherwise."""

    cases: tuple[Case, ...]


def check_cases(bundle: Bundle, path: pathlib.Path) -> int:
    """Ask every case of the bundle and return how many there are.  Raises PolicyInvalidError if one fails."""
    asked = 0
    for document, index, case in _cases(path):
        asked += 1
        decision = decide(bundle, case.question(document.value.given))
        if (decision.allowed, decision.policy_ids) != (case.allowed, case.policies):
            raise document.error(("cases", index), _difference(case, decision))
    if asked == 0:
        raise PolicyInvalidError("cases:1: there is no case; restore policies/cases from the release.")
    return asked


def _cases(path: pathlib.Path) -> Iterator[tuple[Document[CasesFile], int, Case]]:
    folder = read_folder(path)
    for file in folder.matching(r"cases/.*"):
        document = read_document(file, folder.text(file), CasesFile)
        for index, case in enumerate(document.value.cases):
            yield document, index, case


def _difference(case: Case, decision: Decision) -> str:
    expected = _said(case.policies, allowed=case.allowed)
    answered = _said(decision.policy_ids, allowed=decision.allowed)
    return (
        f"'{case.title}' expects {expected}, but the policies answer {answered}; "
        "mend the policy, or the case if the change is meant."
    )


def _said(policy_ids: tuple[str, ...], *, allowed: bool) -> str:
    return f"{'yes' if allowed else 'no'} by {', '.join(policy_ids) or 'no policy'}"
