"""What follows from reconciling a document: lines taken over, changed or refused, one signature.

The result is a signed List (https://hl7.org/fhir/R4/list.html) under the program that filed the document: whether a document is reconciled is
found by it, and ticked off by nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import signing, tasks
from sojourn.care.exchange import translating
from sojourn.care.listing import note
from sojourn.care.medications.reconciled import REASON
from sojourn.care.medications.warnings import labels
from sojourn.care.papers.indexing import RECONCILE
from sojourn.care.resources import CARE, author, concept, moment, ref
from sojourn.care.signing import people
from sojourn.care.signing.preparing import once
from sojourn.care.summaries import bodies, comparing, denying, mapping, opening, taking
from sojourn.care.summaries.comparing import Row
from sojourn.care.summaries.mapping import Mapped
from sojourn.care.summaries.taking import Taken
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.found import Stored
from sojourn.wire.ccda.facts import Document

UNCODED: Final = "No coded statements."
ADD, UPDATE, THERE, NO = "add", "update", "there", "no"
DECISIONS: Final = {ADD: "Add", UPDATE: "Update", THERE: "Already there", NO: "Do not take over"}
_DONE: Final = {ADD: "added", UPDATE: "changed", THERE: "on the list already", NO: "not taken over"}
KIND: Final = "document-reconciliation"
LINE: Final = "https://sojourn.example/fhir/StructureDefinition/document-line"
"""Extension on an entry: the name that the document gives, which is not the display of a reference and so is shown to whoever may see the List."""
IDENTIFIER: Final = "https://sojourn.example/fhir/NamingSystem/document-reconciliation"


class Choice(NamedTuple):
    """What is decided of a row, and why."""

    what: str = ""
    reason: str = ""


class Act(NamedTuple):
    """Everything that a person decides at once. beside: kinds that are taken over together."""

    choices: dict[str, Choice]
    beside: frozenset[str]
    note: str


class Case(NamedTuple):
    """What is decided about: a document in a chart, the program that filed it, what it says and what the chart has; person: whose chart it is, as their Patient."""

    patient: str
    stored: Stored
    document: Document
    program: int | None
    mapped: list[Mapped]
    compared: comparing.Case
    takes: taking.Ways
    person: Mapping[str, Any]

    @property
    def about(self) -> str:
        """Where it comes from, in words."""
        return opening.about(self.document)

    def beside(self) -> dict[str, list[Mapped]]:
        """What is taken over together, by kind."""
        out: dict[str, list[Mapped]] = {kind: [] for kind in mapping.BESIDE}
        for m in self.mapped:
            if m.resource is not None and m.fact.kind in out:
                out[m.fact.kind].append(m)
        return {kind: found for kind, found in out.items() if found}

    def stays(self) -> list[Mapped]:
        """What stays in the document, each with why."""
        return [m for m in self.mapped if m.resource is None]

    @property
    def uncoded(self) -> str:
        """Of a document without coded statements, what it is in words; '' for one that has any."""
        return bodies.uncoded(self.document)

    def unread(self) -> list[str]:
        """Entries of sections that say nothing that is read, by section and line."""
        return [f"{s.title or 'A section without a title'}, {line}" for s in self.document.sections for line in s.unread]


def value(document: str) -> str:
    """The value of the identifier of a reconciliation with a document: a digest, which tells nobody which."""
    return hashlib.sha256(f"{KIND}\0{document}".encode()).hexdigest()[:32]


async def done(access: Access, patient: str, documents: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The signed reconciliation of each of these documents that has one the caller may see. One search, none for a role without."""
    if not documents or not access.may("List", "search"):
        return {}
    by = {value(id_): id_ for id_ in documents}
    found = await access.search("List", [("patient", patient), ("status", "current"), ("code", f"{CARE}|{KIND}"), ("_sort", "-date")], count=200)
    return {by[v]: r for r in reversed(found.resources) for i in r.get("identifier", ()) if i.get("system") == IDENTIFIER and (v := str(i.get("value", ""))) in by}


def offered(case: Case, row: Row) -> dict[str, str]:
    """What may be decided of a row."""
    kind, target = row.item.fact.kind, row.target
    # A line is not ended because others deny it, and none is known only where nothing stands on the list: who decides that goes to the list.
    denies = denying.refuted(row.item.fact)
    can = {
        ADD: case.takes.add(kind) and not (row.none and case.compared.holds(kind)), UPDATE: not denies and target is not None and not row.there and case.takes.update(target) and taking.changes(row, target),
        THERE: row.known is not None and not denies or row.there, NO: True,
    }  # fmt: skip
    return {what: text for what, text in DECISIONS.items() if can[what]}


def read(said: Mapping[str, str], case: Case) -> Act:
    """What a form says of these rows."""
    choices = {}
    for row in case.compared.every:
        what = said.get(f"what.{row.key}", "")
        choices[row.key] = Choice(what if what in offered(case, row) else "", " ".join(said.get(f"reason.{row.key}", "").split())[:500])
    return Act(choices, frozenset(kind for kind in case.beside() if said.get(f"beside.{kind}") and case.takes.beside(kind)), said.get("note", "").strip()[:2000])


def begun(case: Case) -> dict[str, str]:
    """The form as it is first shown: what is there already as such, what stands beside it taken over; all of it can be changed."""
    rows = {f"what.{row.key}": THERE for row in case.compared.every if row.there}
    return rows | {f"beside.{kind}": "yes" for kind in case.beside() if case.takes.beside(kind)}


def fields(act: Act) -> dict[str, str]:
    """The same as the fields of a form."""
    out = {"note": act.note, **{f"beside.{kind}": "yes" for kind in sorted(act.beside)}}
    for key, c in act.choices.items():
        out |= {f"what.{key}": c.what, f"reason.{key}": c.reason}
    return {k: v for k, v in out.items() if v}


def unresolved(case: Case, act: Act) -> dict[str, str]:
    """What stands in the way of signing, by the key of a row; what to do about it."""
    out = {}
    for row in case.compared.every:
        c = act.choices.get(row.key, Choice())
        if not c.what:
            out[row.key] = "Not decided."
        elif c.what == NO and not c.reason:
            out[row.key] = "Write why it is not taken over."
    return out


def text(case: Case, act: Act) -> str:
    """What is signed: no moment in it, so that it is the same when it is signed as when it was shown."""
    out = [f"Reconciled with a document from outside: {case.about}"]
    if case.uncoded:
        out.append(f"{UNCODED} {case.uncoded} Nothing was taken over line by line.")
    for kind, title in () if case.uncoded else mapping.LINES.items():
        rows = case.compared.rows[kind]
        out.append(f"{title}: none in the document" if not rows else f"{title}:")
        for row in rows:
            c = act.choices[row.key]
            parts = [": ".join(filter(None, (row.item.name, row.item.says))), _DONE[c.what] + (f" ({e.name})" if c.what in (UPDATE, THERE) and (e := _entry(row, c)) else ""), f"because: {c.reason}" if c.reason else ""]
            out.append("– " + " · ".join(filter(None, parts)))
    for kind, found in case.beside().items():
        out.append(f"{mapping.BESIDE[kind]}: {len(found)} {'taken over as outside information' if kind in act.beside else 'left in the document'}")
    return "\n".join([*out, *([act.note] if act.note else [])])


def _entry(row: Row, c: Choice) -> comparing.Entry | None:
    return row.target if c.what == UPDATE else row.known if c.what == THERE else None


async def sign(access: Access, case: Case, act: Act, shown: str, key: str) -> None:
    """Do what was decided and sign it, all or nothing. Doing it twice does it once.

    Raises ProofNeeded, Malformed with what is not decided, Conflict where what is there is no longer what was shown.
    """
    if case.program is None:
        raise errors.Conflict(ELSEWHERE)
    if missing := unresolved(case, act):
        raise errors.Malformed(f"{len(missing)} {'thing is' if len(missing) == 1 else 'things are'} not decided: look at what is marked.")
    if text(case, act) != shown:
        raise errors.Conflict("This is not what was shown any more. Read it again.")
    taken = [t for row in case.compared.every if (t := _taken(access, case, row, act.choices[row.key], key)) is not None]
    taken += await taking.together(access, case.patient, case.program, [m for kind in sorted(act.beside) for m in case.beside()[kind]], case.stored.resource)
    told = [e.line.stored.resource for row in case.compared.every if (e := _entry(row, act.choices[row.key])) is not None]
    carried = labels([case.stored.resource, *told])
    id_ = once(KIND, key, case.stored.id)
    body = _list(access, case, act, {t.key: t.ref for t in taken}, id_)
    if carried:
        body["meta"] = {"security": carried}
    made = await signing.prepare(access, [f"List/{id_}"], shown.encode(), "author", patient=case.patient, program=case.program, title="Reconciliation with a document from outside", labels=carried, signed_by=await people.me(access))
    changes = [Change("create", "List", id_, body, program=case.program), *made.changes, *(c for t in taken for c in t.changes)]
    await translating.translate(access, "", changes)
    changes += taking.provenance(access, case.document, case.stored.id, case.program, taken)
    changes += await _ended(access, case)
    try:
        await access.write(changes, action="reconcile", told=False)  # thousands of lines, of which nobody looks at the answer
    except errors.VersionConflict:
        raise
    except errors.Conflict:
        await access.read("List", id_)  # there already: the second click


ELSEWHERE: Final = "Another program filed this document. Its own people reconcile it."


def _taken(access: Access, case: Case, row: Row, c: Choice, key: str) -> Taken | None:
    new = once("outside-line", key, row.key)
    extra = [dict(c) for c in case.takes.picked]
    if c.what == ADD:
        return taking.added(access, row, case.about, case.program, new, extra)
    if c.what == UPDATE and (target := row.target) is not None:
        return taking.updated(access, case.patient, case.takes, row, target, case.about, case.program, new, c.reason, extra)
    return None


def _list(access: Access, case: Case, act: Act, made: Mapping[str, str], id_: str) -> dict[str, Any]:
    entries = []
    for row in case.compared.every:
        c = act.choices[row.key]
        entry, new = _entry(row, c), made.get(row.key, "")
        reference = new or (entry.ref if entry is not None else f"DocumentReference/{case.stored.id}")
        said = [{"url": LINE, "valueString": row.item.name[:500]}, *([{"url": REASON, "valueString": c.reason}] if c.reason else [])]
        entries.append({"extension": said, "flag": concept(c.what, DECISIONS[c.what]), "item": {"reference": reference}})
    empty = {"emptyReason": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/list-empty-reason", "code": "nilknown"}], "text": f"{UNCODED} {case.uncoded}" if case.uncoded else "The document names no allergy, problem or medication."}}
    return {
        "resourceType": "List", "id": id_, "identifier": [{"system": IDENTIFIER, "value": value(case.stored.id)}], "status": "current", "mode": "changes", "title": "Reconciliation with a document from outside",
        "code": concept(KIND, "Reconciliation with a document from outside"), "subject": ref("Patient", case.patient), "date": moment(access), **({"source": who} if (who := author(access)) else {}),
        "note": [note(access, f"Document: {case.about}"), *([note(access, act.note)] if act.note else [])], **({"entry": entries} if entries else empty),
    }  # fmt: skip


async def _ended(access: Access, case: Case) -> list[Change]:
    """What asked for it is over."""
    if not (access.may("Task", "update") and access.may("Task", "search")):
        return []
    found = await access.search("Task", [("patient", case.patient), ("focus", f"DocumentReference/{case.stored.id}"), ("status", ",".join(tasks.OPEN)), ("code", f"{CARE}|{RECONCILE}")], count=20)
    return [tasks.finishing(access, s.resource, "Reconciled.", if_match=s.version) for s in found.matches]
