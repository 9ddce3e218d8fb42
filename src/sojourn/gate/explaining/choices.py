"""About whom it can be asked for one patient: accounts, who is named in consents, somebody made up."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sojourn.gate.explaining import callers
from sojourn.record import explaining
from sojourn.record.explaining import Moment

if TYPE_CHECKING:
    from sojourn.gate.access import Access


class Choices(NamedTuple):
    """staff and outside: (account, name, role). named: recipients in this patient's consents that have no account."""

    staff: list[tuple[str, str, str]]
    outside: list[tuple[str, str, str]]
    named: list[str]
    roles: list[str]
    programs: list[tuple[int, str]]


async def choices(access: Access, patient: str) -> Choices:
    """For who may explain; shows nothing of a record but which recipients a patient's consents name."""
    moment = Moment(access.now, access.now, now=True)
    met = await callers.everyone(access, moment, access.rules, "TREAT")
    people = sorted((m.caller.account, m.caller.name, m.caller.role) for m in met)
    outside = {m.caller.account for m in met if m.caller.outside}
    known = {key for m in met if m.caller.outside for key in m.caller.keys}
    given = await explaining.grants(access.house.db, access.head, moment, patient, None)
    recipients = {g["recipient"] for g in given if g["recipient"].startswith(("Organization/", "Practitioner/", "RelatedPerson/"))}
    by_name = sorted(people, key=lambda p: p[1].casefold())
    return Choices(
        [p for p in by_name if p[0] not in outside],
        [p for p in by_name if p[0] in outside],
        sorted(recipients - known),
        sorted({p[2] for p in people if p[0] not in outside}),
        sorted(((p.number, p.name) for p in access.rules.programs.values()), key=lambda p: p[1]),
    )
