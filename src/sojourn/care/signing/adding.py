"""Add to what is locked: an addendum, signed itself, beside the document that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.care.signing import documents
from sojourn.care.signing.documents import Document, Outcome
from sojourn.care.signing.preparing import once
from sojourn.gate import bases, labels
from sojourn.gate.changes import Change

if TYPE_CHECKING:
    from sojourn.gate.access import Access


async def addendum(access: Access, document: Document, text: str, *, key: str = "") -> Outcome:
    """Write and sign an addendum. key: of the form that it comes from; the same one twice is one addendum.

    Raises Invalid for an empty one, Conflict for one that is there already, and what signing raises.
    """
    said = text.replace("\r\n", "\n").strip()
    if not said:
        raise errors.Invalid("Write what you add.")
    id_ = _id(access, document, key or access.request)
    shown = f"{said}\n".encode()
    outcome = await documents.signing(access, [Change("create", "DocumentReference", id_, _resource(access, document, shown, id_), program=document.program)], id_, shown, meaning="addendum")
    await access.write(outcome.changes, action="sign")
    return outcome


async def added(access: Access, document: Document, key: str) -> bool:
    """Whether the form with this key has become an addendum already."""
    return bool((await access.search("DocumentReference", [("_id", _id(access, document, key))], count=1)).resources)


def _id(access: Access, document: Document, key: str) -> str:
    return once("addendum", document.id, access.caller.account, key)


async def addenda(access: Access, document: Document) -> list[dict[str, Any]]:
    """What was added to a document, oldest first."""
    found = await access.search("DocumentReference", [("relatesto", f"DocumentReference/{document.id}")], count=100)
    return sorted(found.resources, key=lambda r: str(r.get("date", "")))


def _resource(access: Access, document: Document, shown: bytes, id_: str) -> dict[str, Any]:
    original = document.resource
    moment = access.now.isoformat(timespec="milliseconds")
    apart = bases.codings(labels.label(dict(original), [], None).own & bases.APART)
    context = {key: value for key, value in (original.get("context") or {}).items() if key == "encounter"}
    title = f"Addendum: {(original.get('type') or {}).get('text') or 'document'}"
    return {
        "resourceType": "DocumentReference",
        "id": id_,
        **({"meta": {"security": apart}} if apart else {}),
        "status": "current",
        "docStatus": "final",
        "type": {**{k: v for k, v in (original.get("type") or {}).items() if k == "coding"}, "text": title},
        **({"category": original["category"]} if original.get("category") else {}),
        "subject": original["subject"],
        "date": moment,
        **({"author": [{"reference": access.caller.agent}]} if access.caller.agent else {}),
        "relatesTo": [{"code": "appends", "target": {"reference": f"DocumentReference/{document.id}"}}],
        "content": [{"attachment": documents.attachment(shown, title, moment)}],
        **({"context": context} if context else {}),
    }
