"""The floor and the office of the sample organization: what waits for its technician and its biller."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta

from sojourn.base.errors import SojournError
from sojourn.care import tasks
from sojourn.care.messages import addressing, sending
from sojourn.care.resources import id_of
from sojourn.cli.riverbend_desk import signed_in_as
from sojourn.gate import messages
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate
from sojourn.sample.callers import program_organization_id
from sojourn.sample.programs import PROGRAMS

SEED = 1
_ROUNDS = (
    ("Vital signs before lunch", "", 2),
    ("Count belongings with the client and sign the sheet", "", 5),
    ("Walk to the dentist at two, and back", "tess", 4),
    ("Urine sample for the random screen", "", 8),
)
"""What is to be done, by whom where it is somebody's, and within how many hours."""


async def lay_out(gate: Gate, today: date) -> None:  # noqa: ARG001 - as the others
    """Once: while nobody wrote to the technician."""
    async with signed_in_as(gate, "tess") as technician:
        if (await messages.listed(technician))[0]:
            return
        me = str(technician.caller.agent)
    async with signed_in_as(gate, "okafor") as doctor:
        number, clients = await _residents(doctor)
        changes = [
            tasks.new(doctor, "floor", text, patient=client, owner=me if whose else None, role=None if whose else "technician", due=doctor.now + timedelta(hours=hours), program=number)
            for client, (text, whose, hours) in zip(clients, _ROUNDS, strict=False)
        ]
        if changes:
            await doctor.write(changes, action="task")
            await _tell(doctor, clients[0], "person:tess", "Tonight", "He asked for his telephone twice and paces. Please look in every half hour and write down what you see; call me at once if he talks of leaving.")
    async with signed_in_as(gate, "adam") as admissions:
        await _tell(admissions, "", "person:bill", "Numbers of the plan", "Evergreen Mutual gives new authorization numbers from January on. The list of those that end this month is under Authorizations.")


async def _tell(access: Access, client: str, to: str, subject: str, text: str) -> None:
    with suppress(SojournError):  # whoever gets it must see the client; the sample's people change with its stories
        await sending.send(access, f"floor-{to}", await addressing.about(access, client), [to], subject, text, urgent=False)


async def _residents(access: Access) -> tuple[int, list[str]]:
    """The number of the residential program and its clients now."""
    number = next(n for n, p in enumerate(PROGRAMS, 1) if p.key == "residential")
    managing = f"Organization/{program_organization_id(SEED, 'residential')}"
    found = await access.search("EpisodeOfCare", [("status", "active"), ("organization", managing), ("_sort", "-date")], count=10)
    return number, list(dict.fromkeys(id_of(e.get("patient"), "Patient") for e in found.resources))
