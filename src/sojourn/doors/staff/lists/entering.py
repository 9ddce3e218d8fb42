"""What lists of a chart share: programs to write under, names, history, keys against double clicks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.care import levels
from sojourn.care.listing import Note, notes_of, text_of
from sojourn.doors.staff.words import day_and_time, own_name
from sojourn.gate.changes import new_id

if TYPE_CHECKING:
    from sojourn.gate.access import Access

CHANGED = "Somebody else changed this since you opened it. It is shown as it is now; what you typed is still here, and nothing of it was saved."
_HISTORY = 60


class Programs(NamedTuple):
    """The programs that the caller can write under, for this client the likeliest first. number: the one to offer.

    records: by program, in which records of the person it has a stay.
    """

    choices: list[tuple[int, str]]
    number: int | None
    records: Mapping[int, Sequence[str]] = {}

    def chosen(self, said: Mapping[str, str]) -> int | None:
        """What was chosen, if it is one of them."""
        given = said.get("program", "")
        return next((n for n, _ in self.choices if str(n) == given), self.number)

    def record(self, said: Mapping[str, str], patient: str) -> str:
        """In which record it is written down: in that of the chart, unless the chosen program has its stay in another one, which is what its people read."""
        there = self.records.get(self.chosen(said) or 0, ())
        return patient if patient in there or not there else there[0]


async def programs(access: Access, patient: str) -> Programs:
    """Of the caller's programs those in which this client has a stay come first. One search, none for who works in one program."""
    mine = [(p.number, p.name) for p in access.programs]
    if len(mine) < 2:
        return Programs(mine, mine[0][0] if mine else None)
    runs = {p.organization.rpartition("/")[2]: p.number for p in access.programs if p.organization}
    stays = await levels.current(access, patient) if access.may("EpisodeOfCare", "search") else []
    first = list(dict.fromkeys(runs[s.organization] for s in stays if s.organization in runs))
    records = {n: [s.patient for s in stays if runs.get(s.organization) == n] for n in first}
    ordered = sorted(mine, key=lambda p: first.index(p[0]) if p[0] in first else len(first))
    return Programs(ordered, first[0] if first else access.caller.acting if access.caller.acting in dict(mine) else ordered[0][0], records)


def names(beside: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What people and organizations call themselves, by reference."""
    return {ref: own_name(r) for ref, r in beside.items()}


async def looked_up(access: Access, references: Iterable[str]) -> dict[str, str]:
    """Names of practitioners. One search, none for nobody."""
    wanted = sorted({r.partition("/")[2] for r in references if r.startswith("Practitioner/")})
    if not wanted or not access.may("Practitioner", "search"):
        return {}
    found = await access.search("Practitioner", [("_id", ",".join(wanted[:100]))], count=100)
    return {f"Practitioner/{s.id}": own_name(s.resource) for s in found.matches}


def teller(by: str, known: Mapping[str, str]) -> str:
    """Who said something: a name, or the words that stand for them."""
    if by.startswith(("Patient/", "RelatedPerson/")):
        return known.get(by, "") or ("the client" if by.startswith("Patient/") else "a relative")
    return known.get(by, "") if "/" in by and by.partition("/")[0].isalpha() and by.partition("/")[0][:1].isupper() else by


class Past(NamedTuple):
    """One version of a line: when it came, what was said with it, and how it stood then."""

    when: str
    by: str
    text: str
    status: str
    what: str


async def history(access: Access, type_: str, id_: str) -> tuple[list[Past], list[str]]:
    """The versions of a line, the newest first, and the references of who wrote them. One question; none for a role that has no history."""
    if not access.may(type_, "history"):
        return [], []
    found = await access.history(type_, id_, count=_HISTORY)
    out: list[Past] = []
    seen: set[Note] = set()
    people: list[str] = []
    for resource in reversed(found.resources):
        new = [n for n in notes_of(resource) if n not in seen]
        seen |= set(new)
        last = new[-1] if new else None
        updated = str((resource.get("meta") or {}).get("lastUpdated", ""))
        out.append(Past(day_and_time(last.at if last and last.at else updated), last.by if last else "", last.text if last else "Written, or imported." if not out else "Changed.", _status(resource), _what(resource)))
        people += [last.by] if last else []
    return out[::-1], people


def _status(r: Mapping[str, Any]) -> str:
    if isinstance(r.get("status"), str):
        return str(r["status"]).replace("-", " ")
    return ", ".join(filter(None, (text_of(r.get("clinicalStatus")), text_of(r.get("verificationStatus")))))


def _what(r: Mapping[str, Any]) -> str:
    dosage: Any = next(iter(r.get("dosageInstruction") or r.get("dosage") or ()), {})
    return str(dosage.get("text", "")) if isinstance(dosage, dict) else ""


def key() -> str:
    """The id of what a form is about to write: sent twice it is written once."""
    return new_id()


def kept_key(said: Mapping[str, str]) -> str:
    """The key that a form came with, if it is one of ours."""
    given = said.get("key", "")
    return given if 8 <= len(given) <= 64 and given.replace("-", "").isalnum() else ""
