"""A finished review in words, signed by who made it: then it is a document as any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sojourn.base.errors import Conflict, Forbidden, Malformed
from sojourn.care.plan import reviews, writing
from sojourn.care.plan.document import day
from sojourn.care.resources import author, concept, moment, ref
from sojourn.care.signing import documents
from sojourn.gate.changes import Change, new_id

if TYPE_CHECKING:
    from sojourn.care import levels
    from sojourn.care.plan.model import Plan, Review
    from sojourn.care.plan.reviews import Progress
    from sojourn.gate.access import Access

TITLE: Final = "Review of the treatment plan"
CODE: Final = "plan-review-document"
NEEDS: Final = (("DocumentReference", "create"), ("ClinicalImpression", "update"))


def text(plan: Plan, review: Review, progress: Mapping[str, Progress], client: str) -> str:
    """The review as it is read and signed: each objective with its rating, its measure and what becomes of it. progress: by reference."""
    statements = {o.id: o.statement for o in plan.objectives}
    head = [TITLE.upper(), f"Client: {client}", f"Plan: {plan.title}", f"Of: {day(review.on)}", *([f"Why: {review.why}"] if review.why else [])]
    lines = [_line(progress[name], statements) for name in review.ratings if name in progress]
    rest = [review.summary] if review.summary else []
    return "\n\n".join(["\n".join(head), *lines, *rest]) + "\n"


def _line(p: Progress, statements: Mapping[str, str]) -> str:
    said = [reviews.RATINGS.get(p.rating, (p.rating, ""))[0], *([f"measured: {p.value}"] if p.value else []), *([reviews.DECISIONS[p.decision]] if p.decision in reviews.DECISIONS else [])]
    return f"{statements.get(p.objective, 'An objective')}\n  {'; '.join(filter(None, said))}" + (f"\n  {p.reason}" if p.reason else "")


def may_sign(access: Access, review: Review) -> bool:
    """Whether it is theirs to sign: who made it, once."""
    return review.status == "completed" and not review.document and bool(review.by) and review.by == access.caller.agent and all(access.may(t, a) for t, a in NEEDS)


async def sign(access: Access, plan: Plan, review: Review, shown: str, said: str, stay: levels.Stay | None) -> str:
    """Sign it; the id of its document. said: its words as they are now; shown: those that were on the screen.

    Raises ProofNeeded, Conflict for one that is signed, Forbidden for one of somebody else, Malformed for other words.
    """
    if review.document:
        raise Conflict("This review is signed already.")
    if not may_sign(access, review):
        raise Forbidden("A review is signed by who made it.")
    if shown.replace("\r\n", "\n").strip() != said.strip():
        raise Malformed("The review changed since it was shown. Read it again, then sign.")
    program, id_ = writing.program_of(access, stay.organization if stay else ""), new_id()
    made: dict[str, Any] = {
        "resourceType": "DocumentReference", "status": "current", "type": concept(CODE, TITLE), "category": [concept("treatment-plan", "Treatment plan")], "subject": ref("Patient", plan.patient), "date": moment(access),
        **({"author": [who]} if (who := author(access)) else {}), "content": [{"attachment": documents.attachment(said.encode(), TITLE, moment(access))}],
        "context": {"related": [ref("ClinicalImpression", review.id), ref("CarePlan", plan.id)]},
    }  # fmt: skip
    name = {"reference": f"DocumentReference/{id_}"}
    changes: Sequence[Change] = [
        Change("create", "DocumentReference", id_, made, program=program),
        Change("patch", "ClinicalImpression", review.id, patch=lambda view: {**view, "supportingInfo": [*view.get("supportingInfo", ()), name]}, if_match=review.version),
    ]
    outcome = await documents.signing(access, changes, id_, said.encode(), service=CODE)
    await access.write(outcome.changes, action="sign")
    return id_
