"""Supervision: who is under whom, the log of its hours, and how many were meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.credentials import held
from sojourn.care.credentials.keeping import Holder
from sojourn.care.resources import CARE, code_of, concept
from sojourn.gate.changes import Change, new_id

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access

CODE: Final = "supervision"
KIND: Final = "https://sojourn.example/fhir/StructureDefinition/supervision-kind"
MINUTES: Final = "https://sojourn.example/fhir/StructureDefinition/supervision-minutes"
TOPIC: Final = "https://sojourn.example/fhir/StructureDefinition/supervision-topic"
KINDS: Final = {"individual": "Individual", "group": "In a group"}
WEEKS: Final = 4
"""The span over which hours are counted."""
NEEDS: Final = (("Basic", "create"),)


class Session(NamedTuple):
    """One entry of the log: one person, once. day: when."""

    who: str
    supervisor: str
    day: date
    minutes: int
    kind: str
    topic: str


class Hours(NamedTuple):
    """What somebody had in the span, in hours; needed: how many policy asks for; counted: with no more in groups than may count."""

    holder: Holder
    individual: float
    group: float
    counted: float
    needed: float

    @property
    def enough(self) -> bool:
        """Whether there were as many as policy asks for."""
        return self.counted >= self.needed


def under(found: Iterable[Holder], supervisor: str, today: date) -> list[Holder]:
    """Who works under somebody's supervision on a day, by their credentials."""
    return [h for h in found if any(c.supervisor == supervisor and c.on(today) for c in held.managed(h.resource))]


async def log(access: Access, supervisees: Iterable[str], *, day: date, minutes: int, kind: str, topic: str = "") -> list[str]:
    """Write down a session of supervision with these (Practitioner/id); one entry for each. topic: no client's name, nothing of a chart.

    Raises Invalid, and what a write raises.
    """
    who = list(dict.fromkeys(supervisees))
    wrong = []
    if not who or any(not w.startswith("Practitioner/") for w in who):
        wrong.append("Who was there: choose at least one.")
    if kind not in KINDS:
        wrong.append("Choose whether it was individual or in a group.")
    if kind == "individual" and len(who) > 1:
        wrong.append("Individual supervision is with one person: enter one after the other, or choose in a group.")
    if not 5 <= minutes <= 480:
        wrong.append("Minutes: from 5 to 480.")
    if day > access.today:
        wrong.append("The day cannot be in the future.")
    if access.caller.agent in who:
        wrong.append("Nobody supervises themselves.")
    if wrong:
        raise errors.Invalid(" ".join(wrong))
    entries = [_entry(access, one, day, minutes, kind, topic) for one in who]
    await access.write([Change("create", "Basic", str(entry["id"]), entry) for entry in entries], action="supervision")
    return [str(entry["id"]) for entry in entries]


def _entry(access: Access, who: str, day: date, minutes: int, kind: str, topic: str) -> dict[str, Any]:
    said = [{"url": KIND, "valueCode": kind}, {"url": MINUTES, "valueInteger": minutes}]
    if topic.strip():
        said.append({"url": TOPIC, "valueString": topic.strip()[:200]})
    return {
        "resourceType": "Basic", "id": new_id(), "extension": said, "code": concept(CODE, "Supervision"), "subject": {"reference": who}, "created": day.isoformat(),
        **({"author": {"reference": access.caller.agent}} if access.caller.agent else {}),
    }  # fmt: skip


async def sessions(access: Access, since: date) -> list[Session]:
    """The log since a day. One search."""
    if not access.may("Basic", "search"):
        return []
    found = await access.search("Basic", [("code", f"{CARE}|{CODE}"), ("created", f"ge{since.isoformat()}")], count=1000)
    return [session for one in found.resources if (session := read(one)) is not None]


def read(basic: dict[str, Any]) -> Session | None:
    """An entry of the log; None for any other Basic."""
    if code_of(basic.get("code")) != CODE:
        return None
    said = {e.get("url"): e for e in basic.get("extension") or ()}
    try:
        day = date.fromisoformat(str(basic.get("created", ""))[:10])
    except ValueError:
        return None
    return Session(
        str((basic.get("subject") or {}).get("reference", "")), str((basic.get("author") or {}).get("reference", "")), day,
        int(said.get(MINUTES, {}).get("valueInteger", 0)), str(said.get(KIND, {}).get("valueCode", "")), str(said.get(TOPIC, {}).get("valueString", "")),
    )  # fmt: skip


def hours(holder: Holder, log_: Iterable[Session], rules: Policies, today: date) -> Hours:
    """What somebody had in the last four weeks."""
    since = today - timedelta(weeks=WEEKS)
    mine = [s for s in log_ if s.who == holder.reference and since < s.day <= today]
    individual = sum(s.minutes for s in mine if s.kind == "individual") / 60
    group = sum(s.minutes for s in mine if s.kind == "group") / 60
    needed = rules.number("supervision.hours")
    counted = individual + min(group, needed * rules.number("supervision.group-share") / 100)
    return Hours(holder, individual, group, counted, needed)
