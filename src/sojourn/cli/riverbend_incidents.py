"""Incidents at the sample organization: new, late, without a name, signed off, and a draft."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sojourn.care.incidents import reporting, reviewing
from sojourn.care.incidents.model import Incident
from sojourn.care.staffing import zones
from sojourn.cli.riverbend_desk import at_browser, signed_in_as
from sojourn.gate import incidents
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate

RISK, RISK_NAME = "morgan", "Morgan Quinn"
"""Who looks into incidents: a login beside those of the people who treat."""


async def lay_out(gate: Gate, today: date) -> None:
    """Once, as the people of the sample would do it."""
    async with signed_in_as(gate, RISK) as risk:
        if await incidents.every(risk, risk.now - timedelta(days=4000)):
            return
    async with signed_in_as(gate, "nina") as nurse:
        (client, other) = await _clients(nurse, 2)
        await _send(nurse, 1, "fall", "mild", "The client slipped on the wet floor beside the sink and sat down hard. The floor had been mopped a moment before; no sign stood there.", minutes=35,
                    place="Kitchen, second floor", done="Ice pack, pulse and pressure taken, the physician on duty called.", clients=(client,))  # fmt: skip
        await _send(nurse, 2, "medication", "near-miss", "Two clients with the same first name. The wrong envelope was in the hand; the birth date was asked for and did not fit.", minutes=60 * 24 * 9, anonymous=True)
        colleague = await _colleague(nurse, "Tess")
    async with signed_in_as(gate, "dana") as therapist:
        await _send(therapist, 3, "elopement", "none", "The client left the group at the break and was not in the house. Seen at the bus stop by a driver at six.", minutes=60 * 27, place="Side door",
                    done="Searched house and yard, called the emergency contact and the police.", clients=tuple(await _clients(therapist, 1)))  # fmt: skip
        await _send(therapist, 4, "abuse", "none", "A client says that a colleague held the door of the laundry shut for some minutes and laughed.", minutes=60 * 5, staff=(colleague,), about=(colleague,) if colleague else ())
        begun = Incident(kind="property", harm="none", happened=(therapist.now - timedelta(hours=3)).isoformat(), what="A client's bicycle is gone from the stand.", program=reporting.program_of(therapist, 0))
        await reporting.keep(therapist, reporting.new_key(), begun)
    async with signed_in_as(gate, "adam") as front:
        await _send(front, 5, "privacy", "none", "The list of tomorrow's arrivals was faxed to a number with two digits turned around. The receiver called and shredded it.", minutes=60 * 20, people=14)
    async with signed_in_as(gate, "sam") as supervisor:
        for n, (kind, harm, days) in enumerate((("contraband", "none", 24), ("assault", "mild", 51), ("fall", "none", 60), ("medication", "near-miss", 83), ("self-harm", "moderate", 112), ("fall", "mild", 140)), 10):
            await _send(supervisor, n, kind, harm, _PAST[kind], minutes=60 * 24 * days, clients=())
        nina = await _colleague(supervisor, "Nina")
    await _looked_into(gate, today, nina, other)


_PAST = {
    "contraband": "Two vape pens and a pill without a mark were found in a shoe at the room check. The pill went to the safe, counted by two.",
    "assault": "One client pushed another at the telephone. Both were led to different rooms; nobody fell.",
    "fall": "A client missed the last step in the dark and caught the rail.",
    "medication": "The evening cup held the morning dose; it was seen before it was handed over.",
    "self-harm": "A client had scratched both forearms with a broken comb. Wounds were cleaned, the prescriber came, observation was raised.",
}


async def _send(access: Access, n: int, kind: str, harm: str, what: str, *, minutes: int, anonymous: bool = False, **more: Any) -> None:
    happened = access.now.astimezone(zones.of(None)) - timedelta(minutes=minutes)
    incident = Incident(kind=kind, harm=harm, what=what, happened=happened.isoformat(), program=reporting.program_of(access, 0), **more)
    await reporting.send(access, f"sample{n:018}", incident, anonymous=anonymous)


async def _clients(access: Access, count: int) -> list[str]:
    found = await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "-date")], count=20)
    return list(dict.fromkeys(str(e["patient"]["reference"]).partition("/")[2] for e in found.resources))[:count]


async def _colleague(access: Access, given: str) -> str:
    found = await access.search("Practitioner", [("given", given)], count=1)
    return next((f"Practitioner/{p['id']}" for p in found.resources), "")


async def _looked_into(gate: Gate, today: date, owner: str, _client: str) -> None:
    """The old ones are answered, found out and signed off; one action is open, one of the new ones has its first proof."""
    async with at_browser(gate, RISK) as risk:
        for case in await reviewing.every(risk, risk.now - timedelta(days=1)):
            old = datetime.fromisoformat(case.incident.happened) < risk.now - timedelta(days=20)
            for notice in case.incident.notices:
                if not old and notice.key not in ("hotline", "police"):
                    continue
                at = min(datetime.fromisoformat(case.incident.happened) + timedelta(minutes=50), risk.now)
                await reviewing.told(gate.access_of(risk.caller), await reviewing.open_(risk, case.report.id), notice.key, at, "Duty desk", "telephone", "")
            if old:
                await _closed(gate, risk, case.report.id, today, owner)


async def _closed(gate: Gate, risk: Access, id_: str, today: date, owner: str) -> None:
    case = await reviewing.open_(risk, id_)
    await reviewing.find_cause(risk, case, "Found by walking through the hour with those who were there: the check at the change of shift had been left out.", ("procedure", "communication"))
    if case.incident.kind == "contraband" and owner:
        await reviewing.give(risk, case, "Room checks at every admission stand on the checklist of the unit.", owner, today + timedelta(days=6), name="sample")
    met = datetime.fromisoformat(case.incident.happened).date() + timedelta(days=14)
    case = await reviewing.open_(risk, id_)
    await reviewing.meet(risk, case, {"met": met.isoformat(), "members": "Quinn, Okafor, Sable", "found": "The rule was known and not kept in a busy hour.", "decided": "The check is done by two, and signed on the board."})
    await reviewing.sign_off(gate.access_of(risk.caller), await reviewing.open_(risk, id_))
