"""Clinical documents in a chart: which wait, what one says beside the lists, what a version changed."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import policies
from sojourn.care.allergies import lists as allergies
from sojourn.care.medications import inforce, lines, writing
from sojourn.care.papers.reading import CCDA, media_of
from sojourn.care.problems import lists as problems
from sojourn.care.resources import id_of
from sojourn.care.summaries import comparing, deciding, filing, mapping, meter, opening, registering, taking
from sojourn.care.summaries.comparing import Changed
from sojourn.care.summaries.deciding import Case
from sojourn.gate import origin
from sojourn.gate.access import Access
from sojourn.gate.found import Stored

NEEDS: Final = (("Patient", "read"), ("DocumentReference", "search"))
WRITES: Final = (*NEEDS, ("List", "create"), ("MedicationStatement", "create"))
_KINDS: Final = f"{CCDA},text/xml,application/xml"
"""Content types under which senders keep a C-CDA; the first is ours."""
_MOST: Final = 50


class Waiting(NamedTuple):
    """A document of a chart. done: its reconciliation, where there is one that may be seen; over: whether a newer version is here."""

    id: str
    title: str
    about: str
    day: str
    done: dict[str, Any] | None
    over: bool


def is_one(resource: dict[str, Any]) -> bool:
    """Whether a DocumentReference holds a C-CDA, by what it says."""
    return any((c.get("attachment") or {}).get("contentType", "").partition(";")[0].strip() in _KINDS.split(",") for c in resource.get("content", ()))


def content(resource: dict[str, Any]) -> bytes:
    """The bytes of the C-CDA in a DocumentReference. Raises NotFound where it holds none."""
    for c in resource.get("content", ()):
        attachment = c.get("attachment") or {}
        if attachment.get("contentType", "").partition(";")[0].strip() in _KINDS.split(",") and attachment.get("data"):
            try:
                found = base64.b64decode(str(attachment["data"]))
            except binascii.Error:
                continue
            if media_of(found) == CCDA:
                return found
    raise errors.NotFound("There is no such document.")


async def one(access: Access, patient: str, id_: str) -> Stored:
    """A document of this chart. Raises NotFound alike for one that is not there, may not be seen, or is no C-CDA."""
    stored = await access.read("DocumentReference", id_)
    if id_of(stored.resource.get("subject"), "Patient") != patient or not is_one(stored.resource) or stored.resource.get("status") == "entered-in-error":
        raise errors.NotFound("There is no such document.")
    return stored


async def of_patient(access: Access, patient: str) -> list[Waiting]:
    """Those of a chart, the last first. Two searches at most."""
    if not access.may("DocumentReference", "search"):
        return []
    found = await access.search("DocumentReference", [("patient", patient), ("contenttype", _KINDS), ("status", "current,superseded"), ("_sort", "-date")], count=_MOST)
    done = await deciding.done(access, patient, [s.id for s in found.matches])
    return [waiting(s.resource, done) for s in found.matches]


def waiting(r: dict[str, Any], done: dict[str, dict[str, Any]]) -> Waiting:
    """A DocumentReference as a line."""
    attachment: dict[str, Any] = next((c.get("attachment") or {} for c in r.get("content", ())), {})
    day = str(attachment.get("creation") or r.get("date") or "")[:10]
    return Waiting(str(r["id"]), str(attachment.get("title") or (r.get("type") or {}).get("text") or "Clinical document"), str(r.get("description", "")), day, done.get(str(r["id"])), r.get("status") == "superseded")


async def case(access: Access, patient: str, stored: Stored) -> Case:
    """Everything that is decided about a document. Raises BadDocument."""
    document = await opening.opened(content(stored.resource))
    person, table, rules, mine, listed, standing, known = await asyncio.gather(
        access.read("Patient", patient), inforce.of(access), policies.of(access), writing.own_titles(access), _if(access, ("MedicationRequest", "MedicationStatement"), lines.of(access, patient)), allergies.of(access, patient), _if(access, ("Condition",), problems.of(access, patient)),
    )  # fmt: skip
    about = f"DocumentReference/{stored.id}"
    refs = [x.ref for every in (listed.lines if listed else (), standing.found, known or ()) for x in every]
    made = await origin.makers(access, [about, *refs])
    program = made[about]
    entries = comparing.entries(listed, standing, known or [], made, program)
    mapped = await asyncio.to_thread(mapping.of, document, patient, person.resource)
    ways = taking.Ways(access, writing.prescribes(access, rules, mine), table, filing.picked(stored.resource))
    return Case(patient, stored, document, program, mapped, comparing.case(mapped, entries, table), ways, person.resource)


async def kept(case: Case) -> dict[str, int]:
    """Data that the document alone keeps, by place in its entries, how often. It takes as long as reading it."""
    account = await asyncio.to_thread(meter.account, content(case.stored.resource), case.mapped, registering.patient(case.document), mapping.apart(case.document, case.person))
    return dict(sorted(account.kept.items()))


async def _if(access: Access, types: Iterable[str], asked: Any) -> Any:
    """The answer, where the role may search for one of these at all."""
    if any(access.may(t, "search") for t in types):
        return await asked
    asked.close()
    return None


async def changed(access: Access, patient: str, stored: Stored, case: Case) -> Changed | None:
    """How it differs from the version before it, where the caller may see one. One read, none for a document that replaces none."""
    before = next((id_of(r.get("target"), "DocumentReference") for r in stored.resource.get("relatesTo", ()) if r.get("code") == "replaces"), "")
    if not before:
        return None
    try:
        earlier = await one(access, patient, before)
        document = await opening.opened(content(earlier.resource))
    except (errors.NotFound, errors.Gone, opening.BadDocument):
        return None
    return comparing.changed(mapping.of(document, patient, case.person), case.mapped)
