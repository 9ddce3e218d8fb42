"""Which reconciliations there are: found by moment and stay, so that nobody ticks one off by hand.

A reconciliation is one List for each program whose lines it decided (https://hl7.org/fhir/R4/list.html), with an identifier that follows
from the moment and the stay. The identifier is a digest: it tells nobody which stay it is of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sojourn.care.listing import text_of
from sojourn.care.resources import CARE
from sojourn.gate.access import Access

ADMISSION, TRANSITION, DISCHARGE = "admission", "transition", "discharge"
MOMENTS: Final = {ADMISSION: "Admission", TRANSITION: "Move to another level of care", DISCHARGE: "Discharge"}
KIND: Final = "medication-reconciliation"
IDENTIFIER: Final = "https://sojourn.example/fhir/NamingSystem/medication-reconciliation"
DOSE: Final = "https://sojourn.example/fhir/StructureDefinition/last-dose"
REASON: Final = "https://sojourn.example/fhir/StructureDefinition/reconciliation-reason"
PREPARED: Final = "prepared"
_MOST: Final = 200


class Dose(NamedTuple):
    """When a medication was last taken, as the sender entered it. at: a FHIR dateTime, or ''; why: the words in its place. ref: of the line."""

    ref: str
    at: str
    why: str


def value(moment: str, episode: str) -> str:
    """The value of the identifier of a moment in a stay."""
    return hashlib.sha256(f"{KIND}\0{moment}\0{episode}".encode()).hexdigest()[:32]


def token(moment: str, episode: str) -> str:
    """The same as a search value."""
    return f"{IDENTIFIER}|{value(moment, episode)}"


def code(moment: str) -> str:
    """The code of every reconciliation at a moment, as a search value."""
    return f"{CARE}|{KIND}.{moment}"


def at(moment: str, episode: str) -> str:
    """Search parameters that find the reconciliation of a stay, or without one every one of the moment: for `search` of checklists."""
    return f"identifier={token(moment, episode)}&status=current" if episode else f"code={code(moment)}&status=current&_sort=-date"


async def lists(access: Access, patient: str, moment: str, episode: str = "") -> list[dict[str, Any]]:
    """The Lists of a reconciliation that the caller may see: of a stay, else the newest act of the moment. One search."""
    if not access.may("List", "search"):
        return []
    params = [("patient", patient), ("status", "current"), *([("identifier", token(moment, episode))] if episode else [("code", code(moment))]), ("_sort", "-date")]
    found = (await access.search("List", params, count=_MOST)).resources
    newest = next((str(r.get("date", "")) for r in found), "")
    return [r for r in found if str(r.get("date", "")) == newest]


async def last_doses(access: Access, patient: str, episode: str = "") -> list[Dose]:
    """What the sender entered at a move, of what the caller may see."""
    found = await lists(access, patient, TRANSITION, episode)
    return [d for r in found for e in r.get("entry", ()) if (d := dose(e)) is not None]


def dose(entry: Mapping[str, Any]) -> Dose | None:
    """The last dose in an entry of a List."""
    said = next((e for e in entry.get("extension", ()) if e.get("url") == DOSE), None)
    if said is None:
        return None
    return Dose(str((entry.get("item") or {}).get("reference", "")), str(said.get("valueDateTime", "")), str(said.get("valueString", "")))


def reason(entry: Mapping[str, Any]) -> str:
    """Why, in an entry of a List."""
    return next((str(e.get("valueString", "")) for e in entry.get("extension", ()) if e.get("url") == REASON), "")


def decision(entry: Mapping[str, Any]) -> str:
    """The code of what was decided, in an entry of a List."""
    return next((str(c.get("code", "")) for c in (entry.get("flag") or {}).get("coding", ()) if c.get("system") == CARE), text_of(entry.get("flag")))


async def done(access: Access, moment: str, since: datetime) -> set[str]:
    """Identifiers of every reconciliation at a moment since a day, whoever's: for the clock. Follows every page."""
    out: set[str] = set()
    cursor: str | None = None
    while True:
        found = await access.search("List", [("code", code(moment)), ("status", "current"), ("date", f"ge{since.date().isoformat()}")], count=500, cursor=cursor)
        out |= {str(i.get("value", "")) for r in found.resources for i in r.get("identifier", ()) if i.get("system") == IDENTIFIER}
        cursor = found.next
        if cursor is None:
            return out
