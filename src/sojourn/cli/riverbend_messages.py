"""Messages at the sample organization: an urgent one, a conversation, one about nobody."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta

from sojourn.base.errors import SojournError
from sojourn.care import giving, tasks
from sojourn.care.messages import addressing, sending
from sojourn.cli.riverbend_desk import signed_in_as
from sojourn.gate import messages
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate


async def lay_out(gate: Gate, today: date) -> None:  # noqa: ARG001 - as the others
    """Once, as the people of the sample would do it."""
    async with signed_in_as(gate, "dana") as therapist:
        if (await messages.listed(therapist))[0]:
            return
        mine = await _clients(therapist)
        task = tasks.new(therapist, "outreach", "Ask the school about the form", patient=mine[0], owner=therapist.caller.agent, due=therapist.now + timedelta(days=4), program=therapist.caller.acting)
        await therapist.write([task], action="task")
        await _tell(therapist, 1, mine[0], ["person:okafor"], "Sleep", "She sleeps three hours since the new dose. No thoughts of hurting herself; I asked. Could you see her before Thursday?")
        await _tell(therapist, 2, "", ["role:clinician"], "Room 2 on Friday", "The window in room 2 is mended on Friday morning. I have put my nine o'clock into room 4.")
    async with signed_in_as(gate, "okafor") as doctor:
        for thread in [t for t in (await messages.listed(doctor))[0] if t.patient][:1]:
            await messages.answer(doctor, thread, "Tomorrow at 8:30, if she can. Tell her to take it in the morning until then.", name="sample")
    async with signed_in_as(gate, "dana") as therapist:
        with suppress(SojournError):  # whoever gets it must see the client; the sample's people change with its stories
            await giving.give(therapist, task.id, "okafor", "The form asks for your signature.", keep=True)
    async with signed_in_as(gate, "nina") as nurse:
        theirs = await _clients(nurse)
        if theirs:
            await _tell(nurse, 3, theirs[0], ["on-call", "role:nurse"], "Blood pressure", "168 over 104 at two, 172 over 108 at half past. No headache. Please call the unit.", urgent=True)


async def _tell(access: Access, n: int, client: str, to: list[str], subject: str, text: str, *, urgent: bool = False) -> None:
    about = await addressing.about(access, client)
    for codes in (to, *([code] for code in to)):
        try:
            await sending.send(access, f"sample{n}", about, codes, subject, text, urgent=urgent)
        except SojournError:
            continue
        return


async def _clients(access: Access) -> list[str]:
    found = await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "-date")], count=20)
    return list(dict.fromkeys(str(e["patient"]["reference"]).partition("/")[2] for e in found.resources))
