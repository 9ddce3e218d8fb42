"""The question as it is sent, about whom, why and when; and what there is to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base import wall
from sojourn.care.staffing import zones
from sojourn.doors.staff.desk.names import organization_names
from sojourn.gate.explain import Asked
from sojourn.gate.explaining import words
from sojourn.gate.explaining.choices import choices

if TYPE_CHECKING:
    from sojourn.gate.access import Access

PURPOSES = ("TREAT", "COC", "HPAYMT", "HOPERAT", "HRESCH", "HLEGAL", "PATRQT", "PUBHLTH")
MADE_UP = "made-up"


class Group(NamedTuple):
    """Answers to `who` under one heading."""

    title: str
    options: list[tuple[str, str]]


class Menu(NamedTuple):
    """Everything that can be chosen."""

    who: list[Group]
    roles: list[tuple[str, str]]
    programs: list[tuple[str, str]]
    purposes: list[tuple[str, str]]


async def menu(access: Access, patient: str) -> Menu:
    """What there is to choose from for one patient."""
    found = await choices(access, patient)
    names = await organization_names(access, found.named)
    groups = [
        Group("Staff", [(f"account:{a}", f"{name}, {role.replace('-', ' ')}") for a, name, role in found.staff]),
        Group("Outside organizations", [(f"account:{a}", name) for a, name, _ in found.outside]),
        Group("Named in this patient's consents", [(f"to:{r}", names.get(r, r)) for r in found.named]),
        Group("Somebody made up", [(MADE_UP, "Somebody with the role and program below")]),
    ]
    return Menu(
        [g for g in groups if g.options],
        [(r, r.replace("-", " ")) for r in found.roles],
        [(str(n), name) for n, name in found.programs],
        [(code, words.purpose(code)) for code in PURPOSES],
    )


def asked(form: Mapping[str, str], programs: Mapping[int, object]) -> Asked | None:
    """About whom; None where that was not said."""
    purpose = form.get("purpose") if form.get("purpose") in PURPOSES else "TREAT"
    sort, _, name = form.get("who", "").partition(":")
    if sort == "account" and name:
        return Asked(account=name, purpose=str(purpose))
    if sort == "to" and name:
        return Asked(recipient=name, purpose=str(purpose))
    if sort == MADE_UP and form.get("role"):
        number = form.get("program", "")
        chosen = (int(number),) if number.isdecimal() and int(number) in programs else ()
        return Asked(role=form["role"], programs=chosen, purpose=str(purpose))
    return None


def day(form: Mapping[str, str], now: datetime) -> tuple[datetime | None, str]:
    """(the last moment of the day that was asked about, what is wrong); None for now."""
    text = form.get("day", "").strip()
    if not text:
        return None, ""
    try:
        asked = datetime.fromisoformat(text).date()
        ended = zones.moment(asked, time(23, 59, 59), zones.here(), ends=True)
    except (ValueError, OverflowError):
        return None, "A day must be written as 2026-03-01."
    if asked > wall.day(now):
        return None, "That day is still to come."
    return min(ended, now), ""
