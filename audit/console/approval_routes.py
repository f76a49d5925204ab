"""Routes by which two officers together open what is sealed: ask, approve, open; each step is a record first.

Handlers translate and call `Openings`.  Which right asking and approving need, the act decides (`approvals.RIGHTS`).
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from audit.approvals import ID_PATTERN
from audit.console.answers import ApprovalsView, ApprovalView, OpenedExchangeView
from audit.console.door import PREFIX, Needs, Rights
from audit.console.openings import Openings
from audit.console.schemas import ApprovalBody, OpeningBody
from audit.officers import Officer

ApprovalId = Annotated[str, Path(pattern=ID_PATTERN)]
"""An approval's id in a path; it names nobody."""


def approval_routes(openings: Openings, rights: Rights) -> APIRouter:
    """Return the routes of approvals and openings."""
    router = APIRouter(prefix=PREFIX, tags=["approvals"])
    Reader = Annotated[Officer, Depends(Needs(rights, "ReadTrail"))]  # noqa: N806  # types, made for this router
    Opener = Annotated[Officer, Depends(Needs(rights, "OpenBody"))]  # noqa: N806
    Anyone = Annotated[Officer, Depends(Needs(rights, None))]  # noqa: N806

    @router.get("/approvals", summary="List approvals, the newest request first", response_model=ApprovalsView)
    def approvals(_officer: Reader) -> dict[str, object]:
        return openings.approvals()

    @router.post(
        "/approvals",
        summary="Ask for a second officer's approval",
        response_model=ApprovalView,
        status_code=HTTPStatus.CREATED,
    )
    def request(officer: Anyone, body: ApprovalBody) -> dict[str, str]:
        return openings.request(officer, body.action, body.subject, case=body.case)

    @router.post(
        "/approvals/{approval}/give", summary="Approve what another officer asked for", response_model=ApprovalView
    )
    def give(officer: Anyone, approval: ApprovalId) -> dict[str, str]:
        return openings.approve(officer, approval)

    @router.post(
        "/openings",
        summary="Open the sealed bodies of an exchange, once, under an approval",
        response_model=OpenedExchangeView,
        response_model_exclude_unset=True,
    )
    def open_bodies(officer: Opener, body: OpeningBody) -> dict[str, object]:
        return openings.open(officer, body.exchange, approval_id=body.approval)

    return router
