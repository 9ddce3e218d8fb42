"""Who treats a client, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sojourn.gate.access import Access


class Member(NamedTuple):
    """Somebody of staff. reference: `Practitioner/id`; title: what stands after the name, such as LCSW."""

    reference: str
    name: str
    title: str

    @property
    def text(self) -> str:
        """Name and title."""
        return f"{self.name}, {self.title}" if self.title else self.name


def member(practitioner: Mapping[str, Any]) -> Member:
    """A Practitioner."""
    name = next((n for n in practitioner.get("name", ()) if isinstance(n, Mapping)), {})
    said = str(name.get("text") or " ".join([*map(str, name.get("given", ())), str(name.get("family", ""))]).strip())
    held = [str(q.get("code", {}).get("text") or "") for q in practitioner.get("qualification", ()) if isinstance(q, Mapping)]
    title = next(iter(map(str, name.get("suffix", ()))), "") or next(filter(None, held), "")
    return Member(f"Practitioner/{practitioner.get('id')}", said or "Staff", title if len(title) <= 12 else "")


async def of(access: Access, patient: str) -> dict[str, Member]:
    """The active care teams of a client, by reference. One search."""
    if not access.may("CareTeam", "search"):
        return {}
    found = await access.search("CareTeam", [("patient", patient), ("status", "active"), ("_include", "CareTeam:participant")], count=20)
    members = [member(s.resource) for s in found.included if s.type == "Practitioner"]
    return {m.reference: m for m in sorted(members, key=lambda m: m.name)}


async def named(access: Access, references: Iterable[str]) -> dict[str, Member]:
    """Staff by their references. One search, or none for nobody."""
    ids = sorted({r.removeprefix("Practitioner/") for r in references if r.startswith("Practitioner/")})
    if not ids or not access.may("Practitioner", "search"):
        return {}
    found = await access.search("Practitioner", [("_id", ",".join(ids))], count=len(ids))
    return {m.reference: m for m in map(member, found.resources)}
