"""The safety plan: the client's own words as a CarePlan, signed as a document of these words.

https://hl7.org/fhir/R4/careplan.html. A plan that was signed is never changed: the next one replaces it, and both stay.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.resources import CARE, author, code_of, concept, moment, ref
from sojourn.care.signing import documents
from sojourn.gate.changes import Change, new_id

if TYPE_CHECKING:
    from sojourn.gate.access import Access

CODE: Final = "safety-plan"
TITLE: Final = "Safety plan"
NEEDS: Final = (("CarePlan", "create"), ("CarePlan", "update"))
LIFELINE: Final = "988 Suicide and Crisis Lifeline: call or text 988, at any hour."
EMERGENCY: Final = "If my life is in danger now: 911."
LONGEST: Final = 2000
"""Letters of one part."""


class Section(NamedTuple):
    """One part of the plan."""

    key: str
    title: str
    prompt: str
    effective: date


class Plan(NamedTuple):
    """A plan. status: draft, active (signed), revoked (replaced). lines: by section. document: the signed words, '' before. copies: when and how."""

    id: str
    version: str
    patient: str
    status: str
    created: str
    lines: Mapping[str, tuple[str, ...]]
    document: str
    copies: tuple[str, ...]
    resource: Mapping[str, Any]

    def text(self, key: str) -> str:
        """A part as it is typed."""
        return "\n".join(self.lines.get(key, ()))


@cache
def sections() -> tuple[Section, ...]:
    """The parts, in their order."""
    raw = tomllib.loads(files("sojourn.care.risk").joinpath("plan.toml").read_text("utf-8"))
    return tuple(Section(r["key"], r["title"], r["prompt"], r["effective"]) for r in raw["section"])


def read(resource: Mapping[str, Any], version: str = "") -> Plan | None:
    """The plan that a CarePlan is; None for any other."""
    if not any(code_of(c) == CODE for c in resource.get("category", ())):
        return None
    lines: dict[str, list[str]] = {}
    for activity in resource.get("activity", ()):
        detail = activity.get("detail", {})
        lines.setdefault(code_of(detail.get("code")), []).append(str(detail.get("description", "")))
    document = next((str(s.get("reference", "")).partition("/")[2] for s in resource.get("supportingInfo", ()) if str(s.get("reference", "")).startswith("DocumentReference/")), "")
    return Plan(
        str(resource.get("id", "")), version, str(resource.get("subject", {}).get("reference", "")).partition("/")[2], str(resource.get("status", "")), str(resource.get("created", "")),
        {key: tuple(said) for key, said in lines.items()}, document, tuple(str(n.get("text", "")) for n in resource.get("note", ())), resource,
    )  # fmt: skip


async def of_patient(access: Access, patient: str) -> list[Plan]:
    """The plans of a client, the newest first. One search."""
    found = await access.search("CarePlan", [("patient", patient), ("category", f"{CARE}|{CODE}"), ("_sort", "-_lastUpdated")], count=30)
    return [p for s in found.matches if (p := read(s.resource, s.version)) is not None]


async def save(access: Access, patient: str, texts: Mapping[str, str], *, version: str = "") -> str:
    """Keep the draft of a plan; its id. version: of the draft that was open. Raises Malformed (nothing said), VersionConflict, Forbidden."""
    lines = {s.key: [line.strip() for line in texts.get(s.key, "")[:LONGEST].splitlines() if line.strip()] for s in sections()}
    if not any(lines.values()):
        raise errors.Malformed("Write down at least one thing.")
    await access.read("Patient", patient)
    plans = [p for p in await of_patient(access, patient) if p.patient == patient]  # another record of the person keeps its own
    draft = next((p for p in plans if p.status == "draft"), None)
    before = next((p for p in plans if p.status == "active"), None)
    made: dict[str, Any] = {
        "resourceType": "CarePlan", "status": "draft", "intent": "plan", "category": [concept(CODE, TITLE)], "title": TITLE, "subject": ref("Patient", patient),
        "created": draft.created if draft else moment(access), "contributor": [ref("Patient", patient)],
        "activity": [{"detail": {"code": concept(s.key, s.title), "status": "in-progress", "description": line}} for s in sections() for line in lines[s.key]],
    }  # fmt: skip
    if by := author(access):
        made["author"] = by
    if before:
        made["replaces"] = [{"reference": f"CarePlan/{before.id}"}]
    id_ = draft.id if draft else new_id()
    change = Change("update", "CarePlan", id_, {**made, "id": id_}, if_match=version or draft.version) if draft else Change("create", "CarePlan", id_, made)
    await access.write([change], action="risk")
    return id_


async def one(access: Access, patient: str, id_: str) -> Plan:
    """A plan of this client. Raises NotFound."""
    stored = await access.read("CarePlan", id_)
    found = read(stored.resource, stored.version)
    if found is None or found.patient != patient:
        raise errors.NotFound("There is no such plan.")
    return found


async def words(access: Access, plan: Plan) -> str:
    """The plan as it is signed and printed."""
    return written(plan, str((await policies.of(access)).value("risk.crisis-line")))


def written(plan: Plan, crisis_line: str) -> str:
    """The plan as words. The numbers of last resort are always there."""
    parts = [TITLE]
    for n, s in enumerate(sections(), 1):
        parts.append("\n".join([f"{n}. {s.title}", *(f"   - {line}" for line in plan.lines.get(s.key, ()) or ("(nothing yet)",))]))
    parts.append("\n".join(["When this is not enough", *(f"   - {line}" for line in (LIFELINE, crisis_line, EMERGENCY) if line)]))
    return "\n\n".join(parts) + "\n"


async def sign(access: Access, patient: str, id_: str, version: str, shown: str) -> str:
    """Sign a draft as its author: from then it is in force, and replaces the one before. The id of the document.

    shown: the words that were on the screen. Raises ProofNeeded, Conflict (not a draft), VersionConflict, Malformed (other words), Forbidden.
    """
    plan = await one(access, patient, id_)
    if plan.status != "draft":
        raise errors.Conflict("This plan is signed already. Make a new one to change it.")
    said = await words(access, plan)
    if shown.replace("\r\n", "\n").strip() != said.strip():
        raise errors.Malformed("The plan changed since it was shown. Read it again, then sign.")
    document = new_id()
    made: dict[str, Any] = {
        "resourceType": "DocumentReference", "status": "current", "type": concept(CODE, TITLE), "subject": ref("Patient", patient), "date": moment(access),
        "content": [{"attachment": documents.attachment(said.encode(), TITLE, moment(access))}],
        "context": {"related": [{"reference": f"CarePlan/{id_}"}]},
    }  # fmt: skip
    if by := author(access):
        made["author"] = [by]
    active = {**plan.resource, "status": "active", "period": {"start": moment(access)}, "supportingInfo": [{"reference": f"DocumentReference/{document}"}]}
    changes = [Change("create", "DocumentReference", document, made), Change("update", "CarePlan", id_, active, if_match=version)]
    changes += [
        Change("update", "CarePlan", p.id, {**p.resource, "status": "revoked", "period": {**p.resource.get("period", {}), "end": moment(access)}}, if_match=p.version)
        for p in await of_patient(access, patient) if p.status == "active" and p.patient == patient
    ]  # fmt: skip
    outcome = await documents.signing(access, changes, document, said.encode(), service=CODE)
    await access.write(outcome.changes, action="sign")
    return document


async def copy_given(access: Access, patient: str, id_: str, how: str) -> None:
    """Write down that the client has a copy. Raises Malformed, NotFound."""
    if not how.strip():
        raise errors.Malformed("Say how the client got the copy.")
    plan = await one(access, patient, id_)
    note = {"time": moment(access), "text": f"Copy given: {how.strip()}", **({"authorReference": by} if (by := author(access)) else {"authorString": access.caller.name})}
    await access.write([Change("update", "CarePlan", id_, {**plan.resource, "note": [*plan.resource.get("note", ()), note]}, if_match=plan.version)], action="risk")
