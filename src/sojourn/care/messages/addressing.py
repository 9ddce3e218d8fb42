"""To whom a message goes: a person, who is on call, a role, a team, a unit; never past sight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors
from sojourn.care import staffing
from sojourn.care.staffing.roster import sites_of
from sojourn.gate import messages

if TYPE_CHECKING:
    from sojourn.care.staffing.roster import Roster
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program
    from sojourn.gate.messages import Colleague

PERSON, ON_CALL, ROLE, TEAM, UNIT = "person", "on-call", "role", "team", "unit"
NOBODY = "There is nobody of this name to whom this can be sent."
_PLURAL = {"admissions": "Admissions", "biller": "Billing", "on-call": "Those who cover for others"}
MOST = 60
FOUND = 5


class About(NamedTuple):
    """Whom a message is about, as the sender sees them. program: under which it is sent; known: programs in which the sender sees the client."""

    patient: str
    program: Program | None
    known: frozenset[int]
    team: frozenset[str]

    @property
    def number(self) -> int:
        """Of the program, 0 for none."""
        return self.program.number if self.program else 0


class Group(NamedTuple):
    """Several people at once. code: as a form sends it."""

    code: str
    text: str


async def about(access: Access, patient: str, wanted: int = 0) -> About:
    """Whom it is about. wanted: the program that the sender chose. Raises NotFound for a client whom the sender may not see."""
    if not patient:
        chosen = wanted if wanted in access.caller.programs else access.caller.acting
        return About("", access.rules.programs.get(chosen) if chosen in access.caller.programs and chosen is not None else None, frozenset(), frozenset())
    _, stays, teams = await asyncio.gather(access.read("Patient", patient), _found(access, "EpisodeOfCare", patient), _found(access, "CareTeam", patient))
    organizations = {str(s.get("managingOrganization", {}).get("reference", "")) for s in stays}
    known = frozenset(n for n, p in access.rules.programs.items() if p.organization in organizations)
    members = frozenset(str(p.get("member", {}).get("reference", "")) for t in teams for p in t.get("participant", ()))
    mine = [n for n in access.caller.programs if n in known] or [n for n in access.caller.programs if n == access.caller.acting]
    number = wanted if wanted in mine else access.caller.acting if access.caller.acting in mine else min(mine, default=None)
    program = access.rules.programs.get(number) if number is not None else None
    return About(patient, program, known | ({number} if number is not None else frozenset()), members)


async def _found(access: Access, type_: str, patient: str) -> list[dict[str, Any]]:
    if not access.may(type_, "search"):
        return []
    return (await access.search(type_, [("patient", patient), ("status", "active")], count=50)).resources


def groups(access: Access, about_: About, colleagues: Sequence[Colleague], units: dict[str, str]) -> list[Group]:
    """What can be chosen beside people: whoever is on call, roles of the sender's program, the client's team, units where somebody works."""
    name = about_.program.name if about_.program else "every program"
    found = [Group(ON_CALL, f"Whoever is on call for {name}")]
    if about_.patient:
        found.append(Group(TEAM, "The client's team"))
    within = [c for c in colleagues if about_.program is None or about_.number in c.programs]
    for role in sorted({c.role for c in within}):
        found.append(Group(f"{ROLE}:{role}", f"{_PLURAL.get(role, role.replace('-', ' ').capitalize() + 's')} of {name}"))
    here = {u for c in within for u in c.units}
    found += [Group(f"{UNIT}:{u}", f"The unit {text}") for u, text in sorted(units.items(), key=lambda x: x[1]) if u in here]
    return found


async def find(access: Access, about_: About, words: str, colleagues: Sequence[Colleague]) -> list[Colleague]:
    """Colleagues whose names begin so and to whom this can be sent; who cannot be is as one who is not there."""
    wanted = words.casefold().replace(",", " ").split()
    fits = [c for c in colleagues if wanted and c.account != access.caller.account and all(any(part.startswith(w) for part in c.name.casefold().replace(",", " ").split()) for w in wanted)][:FOUND]
    return await _may(access, about_, fits)


async def _may(access: Access, about_: About, people: Iterable[Colleague]) -> list[Colleague]:
    if not about_.patient:
        return list(people)
    return await messages.reachable(access, people, about_.patient, about_.program, about_.known, about_.team)


async def resolve(access: Access, about_: About, codes: Sequence[str]) -> list[Colleague]:
    """The people behind what was chosen: only those to whom this can be sent, without the sender.

    Raises Malformed, in the same words for somebody who is not there and for somebody who may not see the client.
    """
    colleagues = [c for c in await messages.directory(access) if c.account != access.caller.account]
    roster = await staffing.read(access, access.now) if any(code == ON_CALL or code.startswith((ROLE, UNIT)) for code in codes) else None
    chosen: dict[str, Colleague] = {}
    for code in dict.fromkeys(codes):
        people = await _may(access, about_, _behind(access, code, about_, colleagues, roster))
        if not people:
            raise errors.Malformed(NOBODY)
        chosen |= {c.account: c for c in people}
    if not chosen:
        raise errors.Malformed("Choose to whom it goes.")
    if len(chosen) > MOST:
        raise errors.Malformed(f"A message goes to {MOST} people at most.")
    return list(chosen.values())


def _behind(access: Access, code: str, about_: About, colleagues: Sequence[Colleague], roster: Roster | None) -> list[Colleague]:
    kind, _, value = code.partition(":")
    if kind == PERSON:
        return [c for c in colleagues if c.account == value]
    if kind == TEAM:
        return [c for c in colleagues if c.agent and c.agent in about_.team]
    if roster is None:
        return []
    if kind == ON_CALL:
        program = about_.program
        who = roster.on_call(program.organization if program else None, sites_of(access, program), access.now)
        return [c for c in colleagues if c.agent in who and not roster.away(c.agent, access.now)]
    within = [c for c in colleagues if (about_.program is None or about_.number in c.programs) and not (c.agent and roster.away(c.agent, access.now))]
    if kind == ROLE:
        return [c for c in within if c.role == value]
    return [c for c in within if value in c.units] if kind == UNIT else []


