"""Who this is: the facts at the top of every page of a chart, fetched in one search."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sojourn.base import clock
from sojourn.base.errors import NotFound
from sojourn.care.risk.precautions import called as called_flag
from sojourn.care.risk.precautions import in_force
from sojourn.doors.staff.words import Resource, born_with_age, called, code_of, code_text, first, full_name, pronouns, record_number
from sojourn.gate.access import Access

NOTICE = "You may not be seeing everything"
WHY = (
    "What a chart shows depends on your role, on your part in this person's care, on the law and on what the person has agreed to. "
    "These words are the same on every chart, whether or not anything is kept from you."
)
BARRED = "not part of your role"
_BESIDE = (("AllergyIntolerance", "patient"), ("Flag", "patient"))
_NOT_CURRENT = ("inactive", "resolved", "entered-in-error", "refuted")

Tags = list[tuple[str, str]]


class Banner(NamedTuple):
    """`facts`: (label, text or tags), always the same labels in the same order."""

    id: str
    name: str
    called: str
    facts: list[tuple[str, str | Tags]]
    person: Resource
    """The Patient itself, as this caller sees it: a page that needs more of it need not ask again."""
    notice: str = NOTICE
    why: str = WHY
    others: tuple[str, ...] = ()
    """Other records of the same person that are charts of their own, as far as the caller may see them: ids."""
    records: tuple[tuple[str, str], ...] = ()
    """The records that this chart reads as one, each with its number, the surviving one first; none where there is one alone."""


async def fetch(access: Access, patient: str) -> Banner:
    """One search for the patient with allergies and safety flags. Raises NotFound alike for one who is not there and one who may not be seen.

    Where the person has several records (Access.records), those of all of them.
    """
    beside = [("_revinclude", f"{type_}:{param}") for type_, param in _BESIDE if access.may(type_, "search")]
    linked = [("_revinclude", "Linkage:item")] if access.may("Linkage", "search") else []
    ids = access.records if patient in access.records else (patient,)
    found = await access.search("Patient", [("_id", ",".join(ids)), *beside, *linked], count=len(ids))
    people = {str(p["id"]): p for p in found.resources}
    if patient not in people:
        raise NotFound
    made = banner(people[patient], [stored.resource for stored in found.included if stored.type != "Linkage"], {type_ for type_, _ in _BESIDE if not access.may(type_, "search")})
    links = _others(patient, [stored.resource for stored in found.included if stored.type == "Linkage"])
    return made._replace(others=tuple(id_ for id_ in links if id_ not in ids), records=tuple((id_, record_number(people[id_]) or "without a number") for id_ in ids if id_ in people) if len(ids) > 1 else ())


def _others(patient: str, linkages: list[Resource]) -> list[str]:
    """Whom links name beside this one, links that were taken back left out."""
    named = [str(item.get("resource", {}).get("reference", "")) for each in linkages if each.get("active") is not False for item in each.get("item", ())]
    return sorted({n.partition("/")[2] for n in named if n.startswith("Patient/")} - {patient})


def banner(person: Resource, beside: list[Resource], barred: Collection[str] = ()) -> Banner:
    """The facts, from a Patient and what was found beside it. `barred`: types that the role never sees, on no chart."""
    facts: list[tuple[str, str | Tags]] = [
        ("Born", born_with_age(person)),
        ("Pronouns", pronouns(person)),
        ("Record", record_number(person)),
        ("Allergies", BARRED if "AllergyIntolerance" in barred else allergies([r for r in beside if r["resourceType"] == "AllergyIntolerance"])),
        ("Safety", BARRED if "Flag" in barred else safety([r for r in beside if r["resourceType"] == "Flag"])),
    ]
    return Banner(str(person["id"]), full_name(person), called(person), facts, person)


def allergies(found: list[Resource]) -> str | Tags:
    """One tag each, red; a recorded `no known allergy` as plain words. Nothing recorded is not the same as none: a dash."""
    current = [a for a in found if _status(a) not in _NOT_CURRENT]
    return [(code_text(a.get("code") or {}), "plain" if "no known" in code_text(a.get("code") or {}).casefold() else "red") for a in current] or ""


def safety(found: list[Resource]) -> str | Tags:
    """One red tag for each flag that holds now."""
    now = clock.now()
    return [(called_flag(dict(f)), "red") for f in found if in_force(dict(f), now)] or ""


def _status(allergy: Resource) -> str:
    return code_of(first(allergy, "verificationStatus")) if code_of(first(allergy, "verificationStatus")) in _NOT_CURRENT else code_of(first(allergy, "clinicalStatus"))
