"""Who looks for care at the sample organization: calls, reviews, benefits, a held bed, a waiting list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from sojourn.base.errors import SojournError
from sojourn.care import policies
from sojourn.care.admissions import benefits, calls, capacity, reviewing
from sojourn.care.admissions import case as cases
from sojourn.care.census import moving, occupancy, places
from sojourn.care.forms import actions, shipping
from sojourn.care.forms.filling import Filled, fill
from sojourn.cli.riverbend_desk import signed_in_as
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate

TENANT = 1
_QUIET = {
    "danger": "no", "relation": "self", "message-ok": "neutral", "interpreter": "false", "red-flags": "none", "pregnant": "no", "source": "self", "insurance": "yes", "withdrawal": "none",
}  # fmt: skip
_SCREEN = {
    "dim1": "Drinks a bottle of wine a day, last drink yesterday evening, no withdrawal in the past.", "dim2": "High blood pressure, treated.", "dim3": "Low mood since the divorce; sleeps badly.",
    "dim4": "Has tried to stop twice this year.", "dim5": "Lives alone; a sister nearby is willing to help.", "dim6": "Wants to be sober for her granddaughter.", "exclusion": "none",
    "violence": "no", "fire": "no", "offence": "no", "suicide": "no", "mat": "none", "allergies": "none known", "tb": "no", "adl": "no", "level": "3.5", "medical-review": "true",
    "why": "Blood pressure and alcohol: a nurse should look at the plan for the first days.",
}  # fmt: skip


class Caller(NamedTuple):
    """Somebody who calls, and how it goes on."""

    person: calls.Person
    program: str
    level: str
    outcome: str
    concern: str
    note: str = ""
    answers: Mapping[str, str] = {}  # noqa: RUF012 - read only
    then: str = ""


_CALLERS = (
    Caller(calls.Person("Castellane", "Ruth", "1968-02-11", "female", "518-555-0171"), "residential", "3.5", "pre-screen", "I drink too much and I cannot stop by myself.", then="review"),
    Caller(calls.Person("Brandt", "Milo", "1994-09-30", "male", "518-555-0172"), "residential", "3.5", "benefits", "Fentanyl, every day. My probation officer says I have to do something.",
           answers={"relation": "self", "seeks": "sud", "source": "court", "withdrawal": "mild"}, then="bed"),
    Caller(calls.Person("Okonjo", "Grace", "1979-05-03", "female", "518-555-0173", "Gracie"), "php", "PHP", "benefits", "My therapist thinks that once a week is not enough any more.", then="benefits"),
    Caller(calls.Person("Delacroix", "Theo", "2001-12-19", "male", "518-555-0174"), "mhop", "OP", "waitlist", "Panic attacks at work.", "Wants evenings."),
    Caller(calls.Person("Harker", "June", "1986-07-22", "female", "518-555-0175"), "detox", "3.7", "inquiry", "Her husband calls: she is shaking and has not eaten since Friday.",
           answers={"relation": "family", "caller-name": "Tom Harker", "danger": "unknown", "danger-what": "Shaking, has had a seizure before.", "danger-done": "told", "withdrawal": "seizure", "red-flags": "other"}),
    Caller(calls.Person("Lindgren", "Per", "1972-03-15", "male"), "mhop", "OP", "referred-out", "Needs help with memory, not with mood.", "Referred to the memory clinic at Mercy Hospital; gave the number."),
)  # fmt: skip


_PLACES = "iop 24, php 16, mhop 60"


async def lay_out(gate: Gate, today: date) -> None:  # noqa: ARG001 - as the others
    """Once, on an empty board, as the people of the sample would do it."""
    async with signed_in_as(gate, "adam") as adam:
        if await cases.board(adam, count=1):
            return
        async with signed_in_as(gate, "priya") as officer:
            await policies.change(officer, capacity.KEY, "", _PLACES, "Chairs in the group rooms, and the caseloads of Northgate")
        numbers = {program.key: program.number for program in adam.programs}
        for caller in _CALLERS:
            await _one(gate, adam, caller, numbers[caller.program])


async def _one(gate: Gate, adam: Access, caller: Caller, program: int) -> None:
    said = {**_QUIET, "seeks": "mh" if caller.program in ("php", "mhop") else "sud", "concern": caller.concern, **caller.answers}
    access = gate.access_of(adam.caller)
    id_ = await calls.take(access, caller.person, filled(access, calls.SHEET, said), program=program, level=caller.level, outcome=caller.outcome, note=caller.note)
    case = await cases.one(access, id_)
    if caller.then == "review":
        await actions.submit(access, case.patient, filled(access, reviewing.SHEET, _SCREEN))
        await reviewing.ask(gate.access_of(adam.caller), await cases.one(access, id_), "nurse")
    elif caller.then == "benefits":
        values = {"answered-by.payer": "Blue Heron Health Plan", "answered-by.phone": "Heron Behavioral, for Blue Heron", "answered-by.rely": "Heron Behavioral", "deductible.phone": "600 of 1,500 met",
                  "deductible.rely": "600 of 1,500 met", "auth.PHP.phone": "Needed from day 1, ten days at a time", "auth.PHP.rely": "Ask for ten days", "representative": "Kim", "reference": "HB-20934"}  # fmt: skip
        await benefits.save(access, case, values, "")
    elif caller.then == "bed":
        await _hold(access, case)


async def _hold(access: Access, case: cases.Case) -> None:
    beds = await places.beds(access)
    taken = {p.bed for p in await occupancy.now(access, beds)}
    stay, _ = await cases.stay_of(access, case)
    free = next((b for b in beds if b.id not in taken and not b.closed and "Residential" in b.unit_name), None)
    if free is None:
        return
    try:
        await moving.hold(access, patient=case.patient, episode=case.episode, organization=stay.organization, bed=free.id, expected=access.now + timedelta(hours=20), program=case.program or None)
    except SojournError:
        return  # somebody took it: then this one waits, as in life


def filled(access: Access, form: str, said: Mapping[str, str]) -> Filled:
    """A shipped form with answers given by the code of what is chosen."""
    asked = shipping.shipped(access.house.base)[form]
    keys = {(link, option.value.get("valueCoding", {}).get("code")): option.key for link, item in asked.by_link.items() for option in item.options}
    return fill(asked, {link: [keys.get((link, value), value)] for link, value in said.items()}, check=True)
