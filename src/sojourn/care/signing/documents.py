"""Sign a document: signature, state, the co-signature it needs, the review drawn, in one write."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.credentials import held
from sojourn.care.resources import id_of
from sojourn.care.signing import payers, people, routing
from sojourn.care.signing.digests import contents
from sojourn.care.signing.preparing import prepare
from sojourn.care.signing.routing import Route
from sojourn.gate import bases, closing, labels, origin
from sojourn.gate.changes import Change
from sojourn.gate.closing import Act

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

COSIGN, RETURNED, REVIEW, LATE = "note-cosign", "note-returned", "note-review", "late-item"
UNSIGNED = "note-unsigned"
"""Its author saved it, and signs it later (care/notes/saving.py)."""
LATE_ENTRY = "https://sojourn.example/fhir/StructureDefinition/late-entry"
"""On a document: it was written later after what it tells of than the policy allows. valueInstant: when it was written."""
_TEXT = {
    COSIGN: "A document waits for your co-signature.",
    RETURNED: "A document came back to you with comments.",
    REVIEW: "A document was drawn for review.",
}


class Document(NamedTuple):
    """A stored document and how far it is. state: of closing.ACTS, or "" for what was never signed here."""

    id: str
    version: str
    resource: dict[str, Any]
    state: str
    locks: datetime | None
    stored: Stored
    program: int | None = None
    """The caller's program that made it: what belongs to it is made by the same."""

    @property
    def patient(self) -> str:
        """Logical id of whom it is about."""
        return id_of(self.resource.get("subject"), "Patient")

    @property
    def shown(self) -> bytes:
        """The bytes that whoever signs sees: its first content."""
        return next(contents(self.resource), b"")

    @property
    def text(self) -> str:
        """The same as words, where it is words: "" for a file of another kind, which is looked at elsewhere."""
        holder = next((c.get("attachment") or {} for c in self.resource.get("content") or () if (c.get("attachment") or {}).get("data")), {})
        return self.shown.decode("utf-8", "replace") if str(holder.get("contentType", "")).startswith("text/plain") else ""

    @property
    def closed(self) -> bool:
        """Whether nothing but an act of signing changes it."""
        return self.state not in closing.OPEN

    @property
    def author(self) -> str:
        """Practitioner/id of who wrote it, or ""."""
        return next((str(a.get("reference", "")) for a in self.resource.get("author") or () if str(a.get("reference", "")).startswith("Practitioner/")), "")


class Outcome(NamedTuple):
    """What goes into the write. route: the co-signature that it needs, if any; sampled: whether it was drawn for review."""

    changes: list[Change]
    route: Route | None
    sampled: bool


async def read(access: Access, id_: str, *, writing: bool = True) -> Document:
    """A document; `writing`: with the program that made it, for what is to be written beside it. Raises NotFound, also for what may not be seen."""
    stored = await access.read("DocumentReference", id_)
    mark = closing.read(stored.resource)
    program = await origin.made_by(access, "DocumentReference", id_) if writing else None
    return Document(id_, stored.version, stored.resource, mark.at(access.now), mark.locks, stored, program)


async def signing(access: Access, changes: Sequence[Change], document: str, shown: bytes, *, service: str = "", meaning: str = "author") -> Outcome:
    """The author's signature over a document that is among `changes` (create or update of DocumentReference/`document`).

    Everything in `changes` with the same id that is a part of it (its QuestionnaireResponse), and the Binaries that it names, is closed
    with it. Returns all that has to be written together, `changes` included: `access.write(outcome.changes, action="sign")`.

    service: for the rules on co-signatures; who pays is asked of the chart where a rule wants to know. Raises as signing.prepare; Invalid when `shown` is not what the document holds.
    """
    change = next((c for c in changes if c.type == "DocumentReference" and c.id == document and c.resource is not None), None)
    if change is None or change.resource is None:
        raise errors.Invalid("What is signed must be written in the same moment.")
    if shown not in contents(change.resource):
        raise errors.Invalid("What was shown is not what the document holds. Read it again, then sign.")
    me = await people.me(access)
    rules = await policies.of(access)
    route = routing.route(rules, me.practitioner, access.now, service=service, payers=await _payers(access, rules, change.resource))
    drawn = route is None and meaning == "author" and routing.sampled(document, rules.number("signing.sample"))
    act = Act("sign", None if route else locks(access, rules))
    resource = _late({**change.resource, "docStatus": "preliminary" if route else "final"}, access, rules)
    apart = kept_apart(access, change)
    closed = [replace(change, resource=resource, closing=act), *await _attachments(access, resource, act)]
    parts = [replace(c, closing=act) for c in changes if c.id == document and c.type == "QuestionnaireResponse"]
    targets = [f"{c.type}/{c.id}" for c in (*closed, *parts)]
    made = await prepare(access, targets, shown, meaning, program=change.program, labels=apart, signed_by=me)
    rest = [c for c in changes if c is not change and not (c.id == document and c.type == "QuestionnaireResponse")]
    work = []
    patient = id_of(resource.get("subject"), "Patient")
    if route:
        work.append(_task(access, COSIGN, patient, document, apart, owner=route.owner, role=route.role, due=route.due, program=change.program))
    elif drawn:
        due = access.now + timedelta(days=rules.number("signing.sample-days"))
        work.append(_task(access, REVIEW, patient, document, apart, owner=_supervisor(me), role=routing.ROLE, due=due, program=change.program))
    ended = [e for kind in (RETURNED, UNSIGNED) for e in await finishing(access, document, kind, "Signed.")] if change.kind != "create" else []
    return Outcome([*rest, *parts, *closed, *made.changes, *work, *ended], route, drawn)


async def _payers(access: Access, rules: Policies, document: Mapping[str, Any]) -> Collection[str] | None:
    """Who pays on the day that a document is about; asked only if a rule wants to know."""
    if not routing.by_payer(map(str, rules.value("signing.co-sign"))):
        return ()
    about = str(((document.get("context") or {}).get("period") or {}).get("start") or document.get("date") or "")[:10]
    day = date.fromisoformat(about) if len(about) == 10 else access.today  # noqa: PLR2004 - a whole day
    return await payers.of(access, id_of(document.get("subject"), "Patient"), day)


def locks(access: Access, rules: Policies) -> datetime:
    """When a document locks whose last signature is made now."""
    return access.now + timedelta(hours=rules.number("signing.lock-hours"))


def kept_apart(access: Access, change: Change) -> list[dict[str, str]]:
    """The labels of a note that the law keeps apart: whatever tells of it carries them, too."""
    assert change.resource is not None  # noqa: S101 - of what is signed
    program = change.program if change.program is not None else access.caller.acting
    made_by = [access.rules.programs[program]] if program is not None and program in access.rules.programs else []
    found = labels.label(dict(change.resource), made_by, access.rules.labels)
    return bases.codings(found.own & bases.APART)


def _late(resource: dict[str, Any], access: Access, rules: Policies) -> dict[str, Any]:
    """The document, marked as a late entry if it is one: when it happened is its period, when it was written stands in the mark."""
    end = str(((resource.get("context") or {}).get("period") or {}).get("end", ""))
    kept = [e for e in resource.get("extension") or () if e.get("url") != LATE_ENTRY]
    before = [e for e in resource.get("extension") or () if e.get("url") == LATE_ENTRY]
    try:
        happened = datetime.fromisoformat(end)
        late = happened.tzinfo is not None and access.now - happened > timedelta(hours=rules.number("signing.late-hours"))
    except ValueError:
        late = False
    if not late and not before:
        return resource
    mark = before or [{"url": LATE_ENTRY, "valueInstant": access.now.isoformat(timespec="milliseconds")}]
    return {"resourceType": resource["resourceType"], **({"id": resource["id"]} if "id" in resource else {}), **resource, "extension": [*kept, *mark]}


async def _attachments(access: Access, resource: dict[str, Any], act: Act) -> list[Change]:
    """The Binaries that a document names, closed as they are."""
    found = []
    for content in resource.get("content") or ():
        type_, _, id_ = str((content.get("attachment") or {}).get("url") or "").partition("/")
        if type_ == "Binary" and id_ and "/" not in id_:
            stored = await access.read("Binary", id_)
            if closing.read(stored.resource).at(access.now) in closing.OPEN:
                found.append(Change("update", "Binary", id_, stored.resource, if_match=stored.version, closing=act))
    return found


def _supervisor(person: people.Person) -> str:
    return next((c.supervisor for c in held.managed(person.practitioner or {}) if c.supervisor), "")


def _task(
    access: Access, kind: str, patient: str, document: str, apart: Sequence[dict[str, str]], *, owner: str, role: str, due: datetime | None, program: int | None
) -> Change:
    change = tasks.new(
        access, kind, _TEXT[kind], patient=patient or None, owner=owner or None, role=None if owner else role, due=due, focus=f"DocumentReference/{document}", program=program,
    )  # fmt: skip
    assert change.resource is not None  # noqa: S101 - it was just made
    if apart:
        change.resource["meta"] = {"security": list(apart)}
    return change


def again(document: Document, version: str) -> Change:
    """A stored document as it is, to be signed from the version that was seen."""
    return Change("update", "DocumentReference", document.id, document.resource, if_match=version, program=document.program)


async def finishing(access: Access, document: str, kind: str, note: str) -> list[Change]:
    """The ends of the open tasks of a kind about a document."""
    found = await access.search("Task", [("focus", f"DocumentReference/{document}"), ("status", ",".join(tasks.OPEN))], count=20)
    return [
        tasks.finishing(access, stored.resource, note, if_match=stored.version)
        for stored in found.matches if (work := tasks.read(stored.resource)) is not None and work.kind == kind
    ]  # fmt: skip


def attachment(shown: bytes, title: str, moment: str) -> dict[str, Any]:
    """Text as an attachment."""
    return {"contentType": "text/plain", "data": base64.b64encode(shown).decode(), "size": len(shown), "title": title, "creation": moment}
