"""What may be done with a signed document: co-sign, return, reopen, lock, unlock, mark as an error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.credentials import held
from sojourn.care.resources import concept
from sojourn.care.signing import documents, people
from sojourn.care.signing.documents import COSIGN, RETURNED, REVIEW, UNSIGNED, Document
from sojourn.care.signing.preparing import prepare
from sojourn.gate import bases, closing, labels
from sojourn.gate.changes import Change, new_id
from sojourn.gate.closing import Act

if TYPE_CHECKING:
    from sojourn.gate.access import Access

LEAST = 4
"""Characters of a reason or comment: fewer say nothing."""


async def cosign(access: Access, document: Document, *, version: str) -> None:
    """Co-sign what waits for it. Raises Forbidden for its author and for who may not, VersionConflict, Closed, Expired, ProofNeeded."""
    works = await waiting(access, document, COSIGN)
    _may_cosign(access, document, works)
    me = await people.me(access)
    credential = held.best(me.practitioner or {}, access.today)
    if credential is not None and credential.level in ("intern", "supervised"):
        raise errors.Forbidden("Your own credential needs a co-signature: you cannot give one.")
    rules = await policies.of(access)
    act = Act("co-sign", documents.locks(access, rules))
    changes = await _together(access, document, version, act, docStatus="final")
    made = await prepare(access, [f"{c.type}/{c.id}" for c in changes], document.shown, "co-signer", labels=apart_of(document), signed_by=me, program=document.program)
    await access.write([*changes, *made.changes, *_ended(access, works, "Co-signed.")], action="sign")


async def give_back(access: Access, document: Document, comment: str, *, version: str) -> None:
    """Return what waits for a co-signature to its author, with comments that only readers of the document can read."""
    _said(comment, "Write what should change, so that the author knows.")
    works = await waiting(access, document, COSIGN)
    _may_cosign(access, document, works)
    changes = await _together(access, document, version, Act("return"), docStatus="preliminary")
    work = _for_author(access, document, "A document came back to you with comments.")
    await access.write([*changes, _told(access, document, "returned", "Returned with comments", comment), *work, *_ended(access, works, "Returned.")], action="return")


async def reopen(access: Access, document: Document, reason: str, *, version: str) -> None:
    """Its author opens a document again that is signed and neither co-signed nor locked."""
    if document.author != access.caller.agent:
        raise errors.Forbidden("Only its author opens a signed document again before it locks.")
    _said(reason, "Write why it is opened again.")
    changes = await _together(access, document, version, Act("reopen"), docStatus="preliminary")
    ended = [*await documents.finishing(access, document.id, COSIGN, "Opened again by its author."), *await documents.finishing(access, document.id, REVIEW, "Opened again by its author.")]
    waits = _for_author(access, document, "A document that you opened again waits for your signature.", UNSIGNED)
    await access.write([*changes, _told(access, document, "reopened", "Opened again by its author", reason), *waits, *ended], action="reopen")


async def lock(access: Access, document: Document, *, version: str) -> None:
    """Lock it now, before its time. Raises Forbidden while it waits for a co-signature."""
    if document.state == "signed" and closing.read(document.resource).locks is None:
        raise errors.Forbidden("It waits for a co-signature, and locks after that.")
    changes = await _together(access, document, version, Act("lock"))
    await access.write([*changes, _told(access, document, "locked", "Locked", "")], action="lock")


async def unlock(access: Access, document: Document, reason: str, *, version: str) -> None:
    """Open a locked document again; for roles that may (unlock on DocumentReference), with a reason that stays beside it."""
    await access.check("unlock", "DocumentReference", document.id)
    await access.require_fresh()
    _said(reason, "Write why it is unlocked. An addendum is the usual way to add to a locked document.")
    changes = await _together(access, document, version, Act("unlock"), docStatus="preliminary")
    work = _for_author(access, document, "A document was unlocked: correct it and sign it again.")
    await access.write([*changes, _told(access, document, "unlocked", "Unlocked", reason), *work], action="unlock")


async def error(access: Access, document: Document, reason: str, *, version: str) -> None:
    """Mark it as entered in error. It stays as it is and readable for those who may read it; its author or who may unlock does this."""
    if document.author != access.caller.agent:
        await access.check("unlock", "DocumentReference", document.id)
    _said(reason, "Write what is wrong, for whoever reads it later.")
    changes = await _together(access, document, version, Act("error"), status="entered-in-error", docStatus="entered-in-error")
    targets = [f"{c.type}/{c.id}" for c in changes]
    made = await prepare(access, targets, document.shown, "error", labels=apart_of(document), reason=reason, program=document.program)
    ended = [*await documents.finishing(access, document.id, COSIGN, "Entered in error."), *await documents.finishing(access, document.id, REVIEW, "Entered in error.")]
    await access.write([*changes, *made.changes, *ended], action="sign")


async def reviewed(access: Access, document: Document, comment: str) -> None:
    """A supervisor looked at what was drawn for review: a signature of its own, and the document stays as it is."""
    works = await waiting(access, document, REVIEW)
    _may_cosign(access, document, works)
    targets = [f"DocumentReference/{document.id}"]
    made = await prepare(access, targets, document.shown, "reviewed", labels=apart_of(document), reason=comment.strip(), program=document.program)
    await access.write([*made.changes, *_ended(access, works, "Reviewed.")], action="sign")


def may_cosign(access: Access, document: Document, works: Sequence[tuple[tasks.Work, Any]]) -> bool:
    """Whether the caller is the one who co-signs: named for it, or of a role that does; never its author."""
    me = access.caller.agent
    return bool(me) and document.author != me and (access.may("DocumentReference", "co-sign") or any(work.owner == me for work, _ in works))


def _may_cosign(access: Access, document: Document, works: Sequence[tuple[tasks.Work, Any]]) -> None:
    if not may_cosign(access, document, works):
        raise errors.Forbidden("It is not yours to co-sign: its author cannot, and others need the role or must be named for it.")


async def waiting(access: Access, document: Document, *kinds: str) -> list[tuple[tasks.Work, Any]]:
    """Open tasks of some kinds about a document, with what is stored."""
    found = await access.search("Task", [("focus", f"DocumentReference/{document.id}"), ("status", ",".join(tasks.OPEN))], count=20)
    read = [(tasks.read(stored.resource), stored) for stored in found.matches]
    return [(work, stored) for work, stored in read if work is not None and work.kind in kinds]


def _ended(access: Access, works: Sequence[tuple[tasks.Work, Any]], note: str) -> list[Change]:
    return [tasks.finishing(access, stored.resource, note, if_match=stored.version) for _, stored in works]


async def _together(access: Access, document: Document, version: str, act: Act, **elements: str) -> list[Change]:
    """The act on the document, made from the version that was seen, and on all that is closed with it."""
    changes = [Change("update", "DocumentReference", document.id, {**document.resource, **elements}, if_match=version, closing=act)]
    before = closing.ACTS[act.kind].before
    related = [("QuestionnaireResponse", document.id)] if any(
        r.get("reference") == f"QuestionnaireResponse/{document.id}" for r in (document.resource.get("context") or {}).get("related") or ()
    ) else []  # fmt: skip
    for content in document.resource.get("content") or ():
        type_, _, id_ = str((content.get("attachment") or {}).get("url") or "").partition("/")
        if type_ == "Binary" and id_ and "/" not in id_:
            related.append((type_, id_))
    for type_, id_ in related:
        try:
            stored = await access.read(type_, id_)
        except (errors.NotFound, errors.Gone):
            continue
        if closing.read(stored.resource).at(access.now) in before:
            changes.append(Change("update", type_, id_, stored.resource, if_match=stored.version, closing=act))
    return changes


def _told(access: Access, document: Document, code: str, text: str, why: str) -> Change:
    """Who did it, when and why, beside the document: seen by whoever sees the document."""
    apart = apart_of(document)
    provenance = {
        "resourceType": "Provenance",
        **({"meta": {"security": apart}} if apart else {}),
        "target": [{"reference": f"DocumentReference/{document.id}"}],
        "recorded": access.now.isoformat(timespec="milliseconds"),
        **({"reason": [{"text": why.strip()}]} if why.strip() else {}),
        "activity": concept(f"document-{code}", text),
        "agent": [{"who": {"reference": access.caller.agent}}],
    }
    return Change("create", "Provenance", new_id(), provenance, program=document.program)


def _for_author(access: Access, document: Document, text: str, kind: str = RETURNED) -> list[Change]:
    if not document.author:
        return []
    change = tasks.new(
        access, kind, text, patient=document.patient or None, owner=document.author, due=access.now + timedelta(days=3),
        focus=f"DocumentReference/{document.id}", priority="urgent", program=document.program,
    )  # fmt: skip
    assert change.resource is not None  # noqa: S101 - it was just made
    if apart := apart_of(document):
        change.resource["meta"] = {"security": apart}
    return [change]


def apart_of(document: Document) -> list[dict[str, str]]:
    """The labels of a note that the law keeps apart."""
    return bases.codings(labels.label(dict(document.resource), [], None).own & bases.APART)


def _said(text: str, missing: str) -> None:
    if len(text.strip()) < LEAST:
        raise errors.Invalid(missing)
