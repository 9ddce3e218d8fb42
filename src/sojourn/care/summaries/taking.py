"""Taking over: a line added, a line of ours changed, the rest beside; with labels and Provenance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sojourn.care.allergies import lists as allergies
from sojourn.care.allergies.lists import Allergy
from sojourn.care.listing import note, teller
from sojourn.care.medications import writing
from sojourn.care.medications.lines import Line
from sojourn.care.medications.tables import Table
from sojourn.care.problems import lists as problems
from sojourn.care.problems.lists import Problem
from sojourn.care.resources import author, moment
from sojourn.care.summaries import elements, filing, mapping, opening
from sojourn.care.summaries.comparing import Entry, Row
from sojourn.care.summaries.mapping import MORE_TYPES, STATEMENT, TYPES, Mapped
from sojourn.gate import origin
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.found import Stored
from sojourn.wire.ccda.facts import Document

_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_SOME: Final = 40


@dataclass(frozen=True, slots=True)
class Ways:
    """What the caller may do with what a document says: by their role, and whether they prescribe. picked: labels of all that is taken over."""

    access: Access
    prescriber: bool
    table: Table
    picked: Sequence[Mapping[str, str]] = ()

    def add(self, kind: str) -> bool:
        """Whether a line of this kind may be written."""
        return self.access.may(TYPES[kind], "create")

    def update(self, entry: Entry) -> bool:
        """Whether a line may be changed."""
        if isinstance(entry.line, Line):
            return entry.line.current and writing.may_change(self.access, entry.line, prescriber=self.prescriber)
        return self.access.may(TYPES[entry.kind], "update")

    def beside(self, kind: str) -> bool:
        """Whether what stands beside the lines may be written."""
        return all(self.access.may(t, action) for t in (TYPES.get(kind, "Observation"), *MORE_TYPES.get(kind, ())) for action in ("create", "search"))


@dataclass(slots=True)
class Taken:
    """What became of one statement. ref: what is written of it; author, number: who said it there."""

    key: str
    ref: str
    author: str
    changes: list[Change] = field(default_factory=list)
    number: str = ""


def _with(resource: dict[str, Any], labels: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The resource with further labels: what is taken over raises, and never lowers."""
    known = (resource.get("meta") or {}).get("security") or []
    more = [dict(c) for c in labels if not any((k.get("system"), k.get("code")) == (c.get("system"), c.get("code")) for k in known)]
    return {**resource, "meta": {**(resource.get("meta") or {}), "security": [*known, *more]}} if more else resource


def added(access: Access, row: Row, about: str, program: int | None, id_: str, labels: Sequence[Mapping[str, Any]]) -> Taken:
    """A line of the document as one of the chart, with where it comes from."""
    assert row.item.resource is not None  # noqa: S101 - only what maps is a row
    r, kind = dict(row.item.resource), row.item.fact.kind
    who = author(access)
    if kind == "medication":
        r |= {"dateAsserted": r.get("dateAsserted") or moment(access), "informationSource": {"display": about}}
    else:
        r |= {"recordedDate": moment(access), **({"recorder": who} if who else {})}
    r["note"] = [*r.get("note", ()), note(access, f"Taken over from {about}.")]
    return Taken(row.key, f"{TYPES[kind]}/{id_}", row.item.fact.author, [Change("create", TYPES[kind], id_, _with(r, labels), program=program)], row.item.fact.number)


def changes(row: Row, entry: Entry) -> bool:
    """Whether the document says anything that a line does not."""
    x = entry.line
    if isinstance(x, Line):
        return row.over or mapping.dosage(row.item.fact) not in ("", x.dose)
    if row.over != (not x.current):
        return isinstance(x, Problem) or row.over
    return bool(_more(row, x))


def _more(row: Row, x: Allergy | Problem) -> dict[str, Any]:
    """Elements that the document has and the line does not: codes, a beginning, reactions, how grave it is."""
    said, r = row.item.resource or {}, x.stored.resource
    code = r.get("code") or {}
    new = [c for c in (said.get("code") or {}).get("coding", ()) if not any((k.get("system"), k.get("code")) == (c.get("system"), c.get("code")) for k in code.get("coding", ()))]
    out: dict[str, Any] = {"code": {**code, "coding": [*code.get("coding", ()), *new]}} if new else {}
    if isinstance(x, Problem):
        return out | ({"onsetDateTime": said["onsetDateTime"]} if "onsetDateTime" in said and not x.onset else {})
    out |= {"criticality": said["criticality"]} if "criticality" in said and not x.criticality else {}
    have = {" ".join(w.split()).casefold() for w in x.reaction.split(",")}
    fresh = [reaction for reaction in said.get("reaction", ()) if any(str(m.get("text", "")).casefold() not in have for m in reaction["manifestation"])]
    return out | ({"reaction": [*r.get("reaction", ()), *fresh]} if fresh else {})


def updated(
    access: Access, patient: str, ways: Ways, row: Row, entry: Entry, about: str, program: int | None, id_: str, why: str, labels: Sequence[Mapping[str, Any]],
) -> Taken:  # fmt: skip
    """A line of the chart as the document says it, as changes with a reason. Raises Malformed."""
    x, said = entry.line, " ".join(filter(None, (f"Says {about}.", why)))
    fact = row.item.fact
    if isinstance(x, Line):
        made = [writing.acting(access, x, "stop", said)] if row.over else writing.changing(access, patient, ways.table, x, mapping.dosage(fact), said, program=program, key=id_)
    elif isinstance(x, Problem) and row.over == x.current:
        made = [problems.acting(access, x, "resolve" if row.over else "again", said, fact.time.end[:10] if row.over and fact.time.end <= access.now.date().isoformat() else "")]
    elif isinstance(x, Allergy) and row.over and x.current:
        made = [allergies.ended(access, x, "resolve", said, program=program)]
    else:
        r = x.stored.resource
        after = {**r, **_more(row, x), "note": [*r.get("note", ()), note(access, f"Completed. {said}")]}
        made = [Change("update", entry.ref.partition("/")[0], x.id, after, if_match=x.version, program=program)]
    marks = [*labels, *((row.item.resource or {}).get("meta") or {}).get("security", ())]
    for change in made:
        assert change.resource is not None  # noqa: S101 - nothing is deleted
        change.resource = _with(change.resource, marks)
    last = made[-1]
    return Taken(row.key, f"{last.type}/{last.id}", fact.author, made, fact.number)


async def together(access: Access, patient: str, program: int | None, items: Sequence[Mapped], document: dict[str, Any]) -> list[Taken]:
    """What stands beside the lines: what is there already with the same content stays as it is, what was put right since is changed."""
    picked = filing.picked(document)
    there = await _there(access, patient, items, program)
    ids = {item.key: there[item.key].id if item.key in there else new_id() for item in items}
    out: list[Taken] = []
    for item in items:
        assert item.resource is not None  # noqa: S101 - only what maps is taken over
        r = _with(_holding(item.resource, ids), picked)
        type_, before = str(r["resourceType"]), there.get(item.key)
        if before is None:
            id_ = ids[item.key]
            out.append(Taken(item.key, f"{type_}/{id_}", item.fact.author, [Change("create", type_, id_, r, program=program)], item.fact.number))
        elif _says(before.resource) != _says(r) and access.may(type_, "update"):
            whole = _with({**r, "id": before.id, "meta": before.resource.get("meta") or {}}, (r.get("meta") or {}).get("security", ()))
            out.append(Taken(item.key, f"{type_}/{before.id}", item.fact.author, [Change("update", type_, before.id, whole, if_match=before.version, program=program)], item.fact.number))
    return out


def _holding(resource: dict[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """A panel with references to those of its results that are taken over with it."""
    if "result" not in resource:
        return resource
    held = [{"reference": f"Observation/{ids[key]}"} for one in resource["result"] if (key := str(one["identifier"]["value"])) in ids]
    return {k: v for k, v in {**resource, "result": held}.items() if k != "result" or held}


def _says(resource: Mapping[str, Any]) -> dict[str, Any]:
    """What it says, whatever the server and the version of the document added."""
    return {k: v for k, v in resource.items() if k not in ("id", "meta", "text", "extension", "identifier")}


async def _there(access: Access, patient: str, items: Sequence[Mapped], program: int | None) -> dict[str, Stored]:
    """Of these statements those that are in this record, may be seen, and were taken over by the same program, by key. One search for each forty.

    Another record of the person may have taken over the same: that stays there, as it is.
    """
    wanted: dict[str, list[str]] = {}
    for item in items:
        wanted.setdefault(str((item.resource or {})["resourceType"]), []).append(item.key)
    found: list[Stored] = []
    for type_, keys in wanted.items():
        for start in range(0, len(keys), _SOME):
            tokens = ",".join(f"{STATEMENT}|{key}" for key in keys[start : start + _SOME])
            there = (await access.search(type_, [("patient", patient), ("identifier", tokens)], count=200)).matches
            found += [s for s in there if any(isinstance(v, dict) and v.get("reference") == f"Patient/{patient}" for v in s.resource.values())]
    made = await origin.makers(access, [f"{s.type}/{s.id}" for s in found])
    return {str(i["value"]): s for s in found if made[f"{s.type}/{s.id}"] == program for i in s.resource.get("identifier", ()) if i.get("system") == STATEMENT}


def provenance(access: Access, document: Document, id_: str, program: int | None, taken: Sequence[Taken]) -> list[Change]:
    """Where it all came from: one record for what has the same labels and was said by the same person, so that none tells of what is kept apart."""
    groups: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[str]] = {}
    for t in taken:
        security = [c for change in t.changes for c in ((change.resource or {}).get("meta") or {}).get("security", ())]
        labels = tuple(sorted({(str(c.get("system", "")), str(c.get("code", ""))) for c in security}))
        groups.setdefault((t.author, t.number, labels), []).append(t.ref)
    return [Change("create", "Provenance", new_id(), _provenance(access, document, id_, who, number, refs, labels), program=program) for (who, number, labels), refs in groups.items()]


def _provenance(access: Access, document: Document, id_: str, who: str, number: str, refs: Sequence[str], labels: Sequence[tuple[str, str]]) -> dict[str, Any]:
    said = list(dict.fromkeys(w for a in (who, *(document.authors if not who else ())) if (w := elements.words(a))))[:5]
    keeper = elements.words(document.custodian)
    numbered = {"identifier": i} if who and (i := elements.identifier(number)) else {}
    agents = [_agent("author", {**numbered, "display": w}) for w in said] + ([_agent("custodian", {"display": keeper})] if keeper else [])
    me = author(access)
    return {
        "resourceType": "Provenance", **({"meta": {"security": [{"system": s, "code": c} for s, c in labels]}} if labels else {}), "extension": teller(opening.about(document)), "target": [{"reference": r} for r in refs], "recorded": moment(access),
        "activity": {"text": "Taken over from a clinical document (C-CDA)"}, "agent": [*agents, *([_agent("enterer", me)] if me else [])] or [_agent("author", {"display": "A document that names nobody"})],
        "entity": [{"role": "source", "what": {"reference": f"DocumentReference/{id_}"}}],
    }  # fmt: skip


def _agent(code: str, who: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": {"coding": [{"system": _PARTICIPANT, "code": code}]}, "who": who}
