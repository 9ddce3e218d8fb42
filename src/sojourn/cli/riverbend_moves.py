"""Who moves on at the sample organization: an offered transition, a hand-off without an answer."""

from __future__ import annotations

from datetime import date

from sojourn.base.errors import SojournError
from sojourn.care import levels
from sojourn.care.handoff import referral
from sojourn.care.moves import packet, transition
from sojourn.cli.riverbend_desk import at_browser
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate

_WORDS = {
    "reason": "Thirty days without use, sleeps through, works in the kitchen again. He wants to go home and keep going three evenings a week.",
    "last-doses": "Naltrexone 50 mg this morning at 08:10.", "legal": "None. Probation ended in September.",
}  # fmt: skip
_NOTHING = "Asked; nothing to say."


async def lay_out(gate: Gate, today: date) -> None:  # noqa: ARG001 - as the others
    """Once: when nobody is on the move yet."""
    async with at_browser(gate, "okafor") as okafor:
        if await referral.waiting(okafor, count=1):
            return
        await _transition(okafor)
        await _handoff(okafor)


async def _transition(access: Access) -> None:
    numbers = {p.key: p.number for p in access.programs}
    found = await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "date")], count=300)
    stay = next((s for s in map(levels.stay, found.resources) if s.level == "3.5"), None)
    if stay is None or "iop" not in numbers:
        return
    id_ = await transition.begin(access, stay, level="2.1", program=numbers["iop"])
    t = await transition.one(access, id_)
    said = dict(_WORDS) | {f.part.code: _NOTHING for f in await packet.filled(access, stay.patient, _WORDS) if f.missing}
    await transition.write_down(access, t, said)
    await transition.offer(access, await transition.one(access, id_))


async def _handoff(access: Access) -> None:
    """To the practice that most consents name: the first client of whom something would leave."""
    practice = next((s.id for s in (await access.search("Organization", [("name", "Lakeside")], count=5)).matches), "")
    agreed = await access.search("Consent", [("status", "active"), ("actor", f"Organization/{practice}")], count=10)
    for consent in agreed.resources:
        patient = str(consent.get("patient", {}).get("reference", "")).partition("/")[2]
        try:
            handoff = await referral.one(access, await referral.prepare(access, patient, practice, asks="Blood pressure and liver tests within two weeks", why="Discharge from the program is planned for next week."))
            seen = await referral.preview(access, handoff)
            if seen.outgoing.shows:
                await referral.send(access, handoff, seen.digest)
                return
            await referral.move(access, handoff, "withdrawn", "Nothing may leave yet.")
        except SojournError:
            continue
