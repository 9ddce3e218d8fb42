"""Somebody written down twice: found by the clock, linked by those who see both, and unlinked.

Whoever writes down a person is never told of one whom they may not see, and nothing refuses, delays or changes their answer. Here the
clock, which sees everything, looks at who was written down lately. Two that are the same person are joined by a Linkage
(https://hl7.org/fhir/R4/linkage.html): neither chart is changed, each keeps its history and its labels, and nobody sees more than before. A link
leaves two charts that name each other; merging.py makes one of them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.resources import author, id_of, ref
from sojourn.gate import findings, linking
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

KIND: Final = "people"
NEEDS: Final = (("Collision", "resolve"), ("Patient", "search"))
LINKS: Final = (*NEEDS, ("Linkage", "create"))
_BACK = timedelta(minutes=15)
_AT_ONCE = 1000


class Pair(NamedTuple):
    """Two records that may be one person, both of which the caller may see."""

    id: str
    one: dict[str, Any]
    other: dict[str, Any]


async def look(access: Access) -> int:
    """By the clock: people written down or changed lately who are like somebody who was there. How many pairs are new."""
    since = access.now - _BACK
    found = await access.search("Patient", [("_lastUpdated", f"ge{since.isoformat()}"), ("active:not", "false")], count=500)
    new = 0
    for person in found.resources:
        for other in await _alike(access, person):
            if not await linked(access, str(person["id"]), str(other["id"])):
                new += await findings.add(access, KIND, [f"Patient/{person['id']}", f"Patient/{other['id']}"])
    return new


async def _alike(access: Access, person: dict[str, Any]) -> list[dict[str, Any]]:
    """The same family name and birth date with a given name that begins alike; or the same family name and telephone."""
    name: dict[str, Any] = next((n for n in person.get("name", ()) if n.get("family")), {})
    family, given, born = str(name.get("family", "")), str(next(iter(name.get("given", ())), "")), str(person.get("birthDate", ""))
    phone = next((str(t["value"]) for t in person.get("telecom", ()) if t.get("system") == "phone" and t.get("value")), "")
    asked = [[("family:exact", family), ("birthdate", born), ("given", given[:3])]] if family and given and born else []
    asked += [[("family:exact", family), ("phone", phone)]] if family and phone else []
    out: dict[str, dict[str, Any]] = {}
    for params in asked:
        answer = await access.search("Patient", [(k, v.replace(",", "\\,").replace("|", "\\|").replace("$", "\\$")) for k, v in params], count=20)
        out |= {str(p["id"]): p for p in answer.resources if p["id"] != person["id"]}
    return list(out.values())


async def waiting(access: Access) -> list[Pair]:
    """Pairs that nobody has decided about, of which the caller may see both. Raises Forbidden."""
    await access.check("resolve", "Collision")
    rows = await findings.open_(access, KIND)
    wanted = sorted({s.partition("/")[2] for row in rows for s in row.subjects})
    seen: dict[str, dict[str, Any]] = {}
    for first in range(0, len(wanted), _AT_ONCE):
        found = await access.search("Patient", [("_id", ",".join(wanted[first : first + _AT_ONCE]))], count=_AT_ONCE)
        seen |= {str(p["id"]): p for p in found.resources}
    pairs = [(row.id, seen.get(row.subjects[0].partition("/")[2]), seen.get(row.subjects[1].partition("/")[2])) for row in rows]
    return [Pair(id_, one, other) for id_, one, other in pairs if one is not None and other is not None]


async def _linkages(access: Access, patient: str) -> list[Any]:
    found = await access.search("Linkage", [("item", f"Patient/{patient}")], count=20)
    return [s for s in found.matches if s.resource.get("active") is not False]


async def linkage(access: Access, one: str, other: str) -> Any:
    """What joins two records, as far as the caller may see: a Stored, or None."""
    return next((s for s in await _linkages(access, one) if other in _people(s.resource)), None)


async def linked(access: Access, one: str, other: str) -> bool:
    """Whether two records are joined, as far as the caller may see."""
    return await linkage(access, one, other) is not None


def _people(linkage: dict[str, Any]) -> list[str]:
    return [id_ for item in linkage.get("item", ()) if (id_ := id_of(item.get("resource"), "Patient"))]


async def others(access: Access, patient: str) -> list[tuple[str, str]]:
    """(patient, linkage) of the other records of a person whom the caller may see. At most two searches."""
    found = [(id_, s.id) for s in await _linkages(access, patient) for id_ in _people(s.resource) if id_ != patient]
    if not found:
        return []
    there = await access.search("Patient", [("_id", ",".join(id_ for id_, _ in found))], count=len(found))
    return [pair for pair in found if pair[0] in {s.id for s in there.matches}]


async def _pair(access: Access, finding: str) -> Pair:
    pair = next((p for p in await waiting(access) if p.id == finding), None)
    if pair is None:
        raise errors.NotFound("There is no such pair.")
    return pair


async def link(access: Access, finding: str, note: str) -> str:
    """Say that two records are one person; the id of the Linkage. It belongs to the program under the stricter law of the two, so that
    whoever may not see one side does not see that there is a link. Raises NotFound, Forbidden."""
    pair = await _pair(access, finding)
    people = [str(pair.one["id"]), str(pair.other["id"])]
    made: dict[str, Any] = {
        "resourceType": "Linkage", "active": True, **({"author": who} if (who := author(access)) else {}),
        "item": [{"type": kind, "resource": ref("Patient", id_)} for kind, id_ in zip(("source", "alternate"), people, strict=True)],
    }  # fmt: skip
    id_ = new_id()
    await access.write([Change("create", "Linkage", id_, made, program=await linking.program_of(access, [("Patient", p) for p in people]))], action="link")
    await findings.close(access, finding, f"The same person. {note}".strip())
    return id_


async def unlink(access: Access, linkage: str) -> None:
    """Take a link back: both records are as they were. Raises NotFound."""
    stored = await access.read("Linkage", linkage)
    await access.write([Change("update", "Linkage", linkage, {**stored.resource, "active": False}, if_match=stored.version)], action="link")


async def apart(access: Access, finding: str, note: str) -> None:
    """Say that two are not the same person. Raises NotFound, Malformed without a word why."""
    if not note.strip():
        raise errors.Malformed("Say how you know that they are two people.")
    await _pair(access, finding)
    await findings.close(access, finding, f"Two people. {note.strip()}")
