"""For listeners.py: each new or corrected laboratory result finds somebody, once, by any door."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.orders import matching
from sojourn.care.resources import id_of
from sojourn.care.results import model, owners, review
from sojourn.care.results.model import REPORT, UNREAD, VALUE, Result
from sojourn.care.signing.preparing import once
from sojourn.gate import origin, seeing
from sojourn.gate.changes import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program
    from sojourn.gate.clockwork import Clockwork
    from sojourn.gate.feed import Change as Committed
    from sojourn.gate.feed import Handler, Turn
    from sojourn.gate.found import Stored

_SOME: Final = 40  # ids in one search
_MANY: Final = 400
_OPEN: Final = ",".join(tasks.OPEN)


def follower(clockwork: Clockwork) -> Handler:
    """For listeners.py. It reads what is committed and writes in the turn: what was asked once is not asked again."""

    async def handle(turn: Turn, changes: list[Committed]) -> None:
        latest = {(c.type, c.id): c.kind for c in changes if c.type in (REPORT, VALUE) and c.kind in ("create", "update", "delete")}
        if not latest:
            return
        looking = await clockwork.access(turn.tenant)
        found = await _results(looking, {name for name, kind in latest.items() if kind != "delete"})
        gone = [f"{type_}/{id_}" for (type_, id_), kind in latest.items() if kind == "delete"]
        earlier = await _earlier(looking, [*(f"{s.type}/{s.id}" for s, _ in found), *gone])
        inside = turn.inside(looking)
        for one in (r for focus in gone for r in earlier.get(focus, ()) if r.open):
            await _end(inside, one, "What it was about is gone.")
        rules = await policies.of(looking) if found else None
        for stored, parts in found:
            assert rules is not None  # noqa: S101 - it was just read
            updated = any(latest.get((s.type, s.id)) == "update" for s in (stored, *parts))
            await _ask(looking, inside, stored, parts, rules, earlier.get(f"{stored.type}/{stored.id}", []), updated=updated)

    return handle


async def _earlier(access: Access, names: Sequence[str]) -> dict[str, list[review.Review]]:
    """What was asked before about results, by `Type/id`, the newest first."""
    found: dict[str, list[review.Review]] = {}
    for start in range(0, len(names), _SOME):
        cursor: str | None = None
        while True:
            page = await access.search("Task", [("focus", ",".join(names[start : start + _SOME])), review.code(review.KIND), ("_sort", "-authored-on")], count=_MANY, cursor=cursor)
            for one in (r for s in page.matches if (r := review.read(s.resource, s.version)) is not None):
                found.setdefault(one.focus, []).append(one)
            cursor = page.next
            if cursor is None:
                break
    return found


async def _results(access: Access, named: set[tuple[str, str]]) -> list[tuple[Stored, list[Stored]]]:
    """The results that are new or changed, each with its values: reports first, then values that no report holds."""
    single = {id_ for type_, id_ in named if type_ == VALUE}
    alone = {s.id for s in await _of(access, VALUE, "_id", single) if model.laboratory(s.resource)}
    reports = {s.id: s for s in await _of(access, REPORT, "_id", {id_ for type_, id_ in named if type_ == REPORT})}
    reports |= {s.id: s for s in await _of(access, REPORT, "result", alone)}
    reports = {id_: s for id_, s in reports.items() if model.laboratory(s.resource) and s.resource.get("status") not in UNREAD}
    members = {id_ for s in reports.values() for id_ in _members(s)}
    values = {s.id: s for s in await _of(access, VALUE, "_id", members | alone)}
    whole = [(s, [values[id_] for id_ in _members(s) if id_ in values]) for s in reports.values()]
    return [*whole, *((values[id_], [values[id_]]) for id_ in sorted(alone - members) if id_ in values and values[id_].resource.get("status") not in UNREAD)]


def _members(report: Stored) -> list[str]:
    return [id_ for r in report.resource.get("result") or () if (id_ := id_of(r, VALUE))]


async def _of(access: Access, type_: str, by: str, ids: Iterable[str]) -> list[Stored]:
    """What a search by a list of ids finds, some at a time."""
    wanted, found = sorted(ids), []
    for start in range(0, len(wanted), _SOME):
        some = ",".join(wanted[start : start + _SOME])
        found += (await access.search(type_, [(by, some)], count=_MANY)).matches
    return found


async def _ask(access: Access, inside: Access, stored: Stored, parts: Sequence[Stored], rules: Policies, asked: Sequence[review.Review], *, updated: bool) -> None:
    """Ask somebody, unless the same was asked already, or it is history."""
    focus = f"{stored.type}/{stored.id}"
    result = Result(stored.type, stored.id, stored.resource, tuple(p.resource for p in parts))
    last = asked[0] if asked else None
    changed = await _changed(access, last, stored, parts) if last else []
    if not result.patient or (last and not changed) or (last is None and not _new(access, result, stored, rules, updated=updated)):
        return
    program = await origin.made_by(access, stored.type, stored.id)
    answering = await matching.orders_of(access, result, rules)
    requesters = [*(str((o.get("requester") or {}).get("reference", "")) for o in await _orders(access, result)), *(o.requester for o in answering)]
    orderers = [who for who in dict.fromkeys(requesters) if who.startswith("Practitioner/")]
    known = access.rules.programs.get(program) if program is not None else None
    owner = await owners.owner(access, result.patient, focus, known, rules, orderers=orderers)
    before = [c for c in changed if "|" in c]
    corrected = last is not None and (result.status in model.CORRECTED or any(c.startswith(f"{VALUE}/") for c in before))
    change = review.asked(
        inside, once(review.KIND, focus, last.id if last else "", *sorted(changed)), patient=result.patient, focus=focus, severity=result.severity(model.rules(rules)), owner=owner,
        role=str(rules.value("results.role")), rules=rules, seen=model.seen((s.type, s.id, s.version) for s in (stored, *parts)), before=before if corrected else (), corrected=corrected,
        program=program, security=[s for s in (stored.resource.get("meta") or {}).get("security") or () if isinstance(s, dict)],
    )  # fmt: skip
    told = await _lookers(access, asked, focus, result.patient, known, without=owner) if corrected else []
    with suppress(errors.Conflict):  # it is there already
        await inside.write([change, *(_told(inside, change, who) for who in told)], action="task")
    for one in [*(r for r in asked if r.open), *await _parts_asked(access, parts if stored.type == REPORT else ())]:
        await _end(inside, one, "What came later is asked about instead.")
    await matching.answered(inside, result, answering)
    await matching.closed(access, inside, result)


async def _lookers(access: Access, asked: Sequence[review.Review], about: str, patient: str, program: Program | None, *, without: str) -> list[str]:
    """Who looked at what is corrected now, is not asked about it anyway, and may see it still."""
    people = {r.by for r in asked if r.outcome and r.by.startswith("Practitioner/")} - {without}
    known = await seeing.sights(access, people, [f"Patient/{patient}", about], program, about.partition("/")[0]) if people else {}
    return sorted(who for who in people if (sight := known.get(who)) is not None and sight.account and sight.sees)


def _told(inside: Access, asked: Change, who: str) -> Change:
    """The task of somebody who may have acted on what was corrected."""
    assert asked.resource is not None  # noqa: S101 - it was just made
    work = asked.resource
    due = datetime.fromisoformat(work["restriction"]["period"]["end"])
    made = tasks.new(inside, review.CHANGED, review.AGAIN, patient=id_of(work.get("for"), "Patient"), owner=who, due=due, focus=f"Task/{asked.id}", priority=str(work["priority"]), program=asked.program, id_=once(review.CHANGED, asked.id, who))
    assert made.resource is not None  # noqa: S101 - it was just made
    if "meta" in work:
        made.resource["meta"] = work["meta"]
    return made


def _new(access: Access, result: Result, stored: Stored, rules: Policies, *, updated: bool) -> bool:
    """Whether a result that nobody was asked about is to be looked at: it is not history, or was corrected here."""
    if result.status in model.CORRECTED and updated:
        return True
    if result.status in model.WITHDRAWN:
        return False
    issued = model.moment(result.issued) or model.moment(result.when) or stored.updated
    return issued >= access.now - timedelta(days=rules.number("results.history-days"))


async def _end(inside: Access, one: review.Review, why: str) -> None:
    """End a review that nothing is to be done about; who looked at it at this moment is right."""
    with suppress(errors.Conflict, errors.VersionConflict, errors.NotFound):
        await inside.write([tasks.finishing(inside, dict(one.resource), why, status="cancelled", if_match=one.version)], action="task")


async def _changed(access: Access, last: review.Review, stored: Stored, parts: Sequence[Stored]) -> list[str]:
    """What differs from what was asked about last: `Type/id|version` of what it was, or `Type/id` of what is new. Nothing where it says the same."""
    before = dict(v.rsplit("|", 1) for v in last.seen if "|" in v)
    now = {f"{s.type}/{s.id}": s for s in (stored, *parts)}
    out = [name for name in now if name not in before]
    for name, version in before.items():
        current = now.get(name)
        if current is None or current.version == version:
            continue
        type_, _, id_ = name.partition("/")
        with suppress(errors.SojournError):
            if model.same((await access.vread(type_, id_, version)).resource, current.resource):
                continue
        out.append(f"{name}|{version}")
    return out


async def _orders(access: Access, result: Result) -> list[dict[str, Any]]:
    if not result.orders:
        return []
    return (await access.search("ServiceRequest", [("_id", ",".join(result.orders[:_SOME]))], count=_SOME)).resources


async def _parts_asked(access: Access, parts: Sequence[Stored]) -> list[review.Review]:
    """Open reviews of single values that a report now holds."""
    if not parts:
        return []
    found = await access.search("Task", [("focus", ",".join(f"{p.type}/{p.id}" for p in parts[:_SOME])), review.code(review.KIND), ("status", _OPEN)], count=100)
    return [r for s in found.matches if (r := review.read(s.resource, s.version)) is not None]
