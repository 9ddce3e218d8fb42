"""Whether people could see something, asked before they are told of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sojourn.gate.explaining import callers
from sojourn.record import explaining
from sojourn.record.explaining import Moment

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program


class Sight(NamedTuple):
    """account: of the person, '' if they have none with which to sign in. sees: whether all of it is open to them."""

    account: str = ""
    sees: bool = False


async def sights(access: Access, people: Collection[str], names: Sequence[str], program: Program | None, type_: str) -> dict[str, Sight]:
    """By person (`Practitioner/x`): could they see each named resource, and something of a type that a program makes about its patient?

    It is for the gate's own writing: what comes of it is shown to nobody.
    """
    moment = Moment(access.now, access.now, now=True)
    met = await callers.everyone(access, moment, access.house.rules[access.tenant.number], "TREAT") if people else []
    found: dict[str, Sight] = {}
    for one in met:
        who = one.caller.agent
        if who is None or who not in people or one.caller.kind != "staff":
            continue
        rows = await explaining.rows(access.house.db, access.head, moment, one.decision.args, names=list(names))
        apart = program is not None and program.part2 and program.number not in one.caller.programs
        role = all(one.rules.allows(one.caller.role, "read", t) for t in (type_, *(name.partition("/")[0] for name in names)))
        sees = role and not apart and len(rows) == len(names) and all(all(r["may"].values()) for r in rows)
        if not found.get(who, Sight()).sees:
            found[who] = Sight(one.caller.account, sees)
    return found
