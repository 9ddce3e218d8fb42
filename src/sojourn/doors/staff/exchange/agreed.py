"""GET and POST /exchange/partners/{partner}/agreed: what was agreed; and who is told on Today."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sojourn.base.errors import Malformed, VersionConflict
from sojourn.doors.staff.exchange.words import age
from sojourn.doors.staff.lines import Line
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time, day_text
from sojourn.gate.exchange import agreed, contracts, partners, profile, terms, watching
from sojourn.gate.exchange.agreed import Agreed
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner

_TEXTS = ("data", "purpose", "gives", "answers", "kind", "where", "result")
_DAYS = ("begins", "ends", "tested")
UNITS = {"hours": "hours", "days": "days"}
_DAY = 24


async def show(request: Request) -> Response:
    """What was agreed, and changing it."""
    access, id_ = request.state.access, request.path_params["partner"]
    before, keepers, past = await asyncio.gather(partners.one(access, id_), watching.keepers(access), watching.past(access, id_))
    current = agreed.of(before.agreed)
    said, problem, status = _said(current), "", 200
    if request.method == "POST":
        form = await request.form()
        said = {k: str(form.get(k, "")) for k in (*_TEXTS, *_DAYS, "every", "unit", "weekdays")}
        try:
            today = access.now.astimezone(ZoneInfo(before.timezone)).date()
            made = agreed.checked(_read(said, current), current, [*keepers, current.answers], today, access.now)
            await partners.put(access, replace(before, agreed=agreed.facts(made)), before)
            return redirect(request, f"/exchange/partners/{id_}/agreed", "saved")
        except (Malformed, VersionConflict) as error:
            problem, status = error.message, 422
    gone = {current.answers: "somebody who looks after messages no more"} if current.answers and current.answers not in keepers else {}
    zone = ZoneInfo(before.timezone)
    history = [{"what": _told(a, zone), "told": day_and_time(a.raised), "over": day_and_time(a.closed) if a.closed else ("still so", "amber")} for a in past]
    return PAGES.render(
        request, "exchange/agreed.html", status=status, partner=before, said=said, problem=problem, purposes={"": "Not said"} | profile.PURPOSES, gives=agreed.GIVES, agreements=agreed.AGREEMENTS,
        keepers={"": "Nobody in particular: everybody who looks after messages is told"} | keepers | gone, units=UNITS, history=history,
    )  # fmt: skip


def _told(alarm: watching.Alarm, zone: ZoneInfo) -> str:
    """What an alarm said, in words."""
    if (term := contracts.term_of(alarm.kind)) is not None:
        return f"{_exchange(term)} was overdue since {day_and_time(alarm.began)}"
    if alarm.kind == agreed.SILENT:
        return f"Nothing came since {day_and_time(alarm.began)}"
    if alarm.kind == watching.BACKLOG:
        return f"Messages were late since {day_and_time(alarm.began)}"
    return f"The agreement's last day is {day_text((alarm.began - timedelta(hours=1)).astimezone(zone).date().isoformat())}"


def _exchange(term: tuple[str, str, str]) -> str:
    """What a contract is about, in words."""
    way, closes, kind = term
    what = kind.replace("^", " ") or "A message"
    return f"{what} from them" if way == "in" else f"{what} to them, {'the answer to it' if closes == contracts.ANSWERED else 'that they took it'},"


def _said(current: Agreed) -> dict[str, str]:
    facts = agreed.facts(current)
    whole = bool(current.every) and current.every % _DAY == 0
    return {
        **{k: facts[k] for k in _TEXTS}, **{k: facts[k] or "" for k in _DAYS}, "every": str(current.every // _DAY if whole else current.every or ""), "unit": "days" if whole else "hours",
        "weekdays": "yes" if current.weekdays else "",
    }  # fmt: skip


def _read(said: dict[str, str], current: Agreed) -> Agreed:
    """What was typed. Raises Malformed."""
    days: dict[str, Any] = {}
    for name in _DAYS:
        try:
            days[name] = date.fromisoformat(said[name]) if said[name].strip() else None
        except ValueError:
            raise Malformed("Write a day as 2026-03-01.") from None
    typed = said["every"].strip()
    if typed and not (typed.isdecimal() and len(typed) < 5):  # noqa: PLR2004 - of hours in 90 days
        raise Malformed("Write after how many hours or days something is expected as a whole number.")
    every = int(typed or 0) * (_DAY if said["unit"] == "days" else 1)
    texts: dict[str, Any] = {k: said[k].strip() for k in _TEXTS}
    return replace(current, **texts, **days, every=every, weekdays=said["weekdays"] == "yes")


def rhythm(what: Agreed) -> str:
    """What is expected, in words."""
    if not what.every:
        return ""
    n, unit = (what.every // _DAY, "day") if what.every % _DAY == 0 else (what.every, "hour")
    each = f"every {unit}" if n == 1 else f"every {n} {unit}s"
    return f"{each}, weekends not counted" if what.weekdays else each


def silence(partner: Partner, heard: datetime | None, now: datetime) -> str:
    """That nothing comes from them any more, in words; '' while it does or nothing is expected."""
    what = agreed.of(partner.agreed)
    found = agreed.expected(what, heard, ZoneInfo(partner.timezone)) if partner.active else None
    if found is None or now < found[1]:
        return ""
    return f"Nothing came for {age(found[0], now)}; something is expected {rhythm(what)}."


def ending(partner: Partner, now: datetime) -> tuple[str, str]:
    """(words, tone) about the agreement; ('', 'plain') where there is none."""
    what, zone = agreed.of(partner.agreed), ZoneInfo(partner.timezone)
    if not what.kind:
        return "", "plain"
    over = agreed.over(what, zone)
    if over is None or what.ends is None:
        return "in force", "plain"
    if over <= now:
        return f"ended {day_text(what.ends.isoformat())}", "red"
    return (f"ends {day_text(what.ends.isoformat())}", "amber") if over - now <= timedelta(days=agreed.SOON + 1) else (f"until {day_text(what.ends.isoformat())}", "plain")


def _contracts(partner: Partner) -> str:
    n = len(terms.of(partner.agreed))
    return f"{n} {'kind' if n == 1 else 'kinds'} of exchange {'is' if n == 1 else 'are'} closed within an agreed time" if n else ""


def lines(partner: Partner, keepers: Mapping[str, str]) -> list[tuple[str, str]]:
    """What was agreed, as a page lists it."""
    what = agreed.of(partner.agreed)
    days = " to ".join(day_text(d.isoformat()) if d else "open" for d in (what.begins, what.ends)) if what.begins or what.ends else ""
    tested = f"{day_text(what.tested.isoformat())}{': ' if what.result else ''}{what.result}" if what.tested else ""
    return [
        ("What is exchanged", what.data), ("Purpose", profile.PURPOSES.get(what.purpose, "")), ("On what basis they get it", agreed.GIVES[what.gives] if what.gives in agreed.GIVES else ""),
        ("Who answers for it", keepers.get(what.answers, "nobody now") if what.answers else ""), ("Agreement", ", ".join(filter(None, (agreed.AGREEMENTS.get(what.kind, "") if what.kind else "", what.where, days)))),
        ("Last test", tested), ("Expected from them", rhythm(what)), ("Contracts of exchanges", _contracts(partner)),
    ]  # fmt: skip


async def today(access: Access) -> list[Line]:
    """What the caller has to know about partners: those that they answer for, and those that nobody answers for."""
    open_ = await watching.open_(access)
    if not open_:
        return []
    found, keepers = await asyncio.gather(partners.every(access), watching.keepers(access))
    known = {p.id: p for p in found}
    shown = []
    for alarm in open_:
        partner = known.get(alarm.partner)
        answers = str(partner.agreed.get("answers", "")) if partner is not None else ""
        if partner is not None and (answers == access.caller.account or answers not in keepers):
            shown.append(_line(access, partner, alarm))
    return shown


def _line(access: Access, partner: Partner, alarm: watching.Alarm) -> Line:
    place = f"/exchange/partners/{partner.id}/agreed" if access.may("Exchange", "administer") else "/exchange"
    if alarm.kind == agreed.SILENT:
        return Line("Nothing comes from a partner", place, partner.name, f"for {age(alarm.began, access.now)}", "red", f"expected {rhythm(agreed.of(partner.agreed))}")
    if (term := contracts.term_of(alarm.kind)) is not None:
        return Line("An exchange with a partner is overdue", "/exchange/overdue", partner.name, f"for {age(alarm.began, access.now)}", "red", _exchange(term).rstrip(","))
    if alarm.kind == watching.BACKLOG:
        return Line("Messages wait to be done and nothing does them", "/exchange", partner.name, f"late for {age(alarm.began, access.now)}", "red", "see whether the server keeps up")
    words, tone = ending(partner, access.now)
    return Line("An agreement with a partner ends" if tone != "red" else "An agreement with a partner is over", place, partner.name, words, tone)
