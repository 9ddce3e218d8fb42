"""Authorizations that run out: counted at each signature and by the clock, told to who watches."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from sojourn.base import errors, log
from sojourn.care import policies, staffing, tasks
from sojourn.care.authorizations import counting, model
from sojourn.care.authorizations.counting import Count
from sojourn.care.authorizations.keeping import REVIEW, WATCH
from sojourn.care.authorizations.model import CURRENT, TYPE, Authorization
from sojourn.care.resources import CARE, code_of, concept, id_of, moment
from sojourn.care.signing.preparing import once
from sojourn.care.staffing import zones
from sojourn.gate import origin
from sojourn.gate.changes import Change
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access
    from sojourn.gate.clockwork import Clockwork
    from sojourn.gate.feed import Change as Committed
    from sojourn.gate.feed import Handler, Turn

EVERY: Final = 3600.0
"""Seconds between looks of the clock; what is signed is counted at once."""
TEXT: Final = "An authorization runs out"
ASKS: Final = "A concurrent review is due"
_OF: Final = ("DocumentReference", TYPE)
_SOME: Final = 20
_log = log.logger(__name__)


@dataclass(frozen=True, slots=True)
class Watch:
    """What was counted of an authorization. uncovered: services without one of their kind; counted: when, or '' where the caller's role does not see it."""

    authorization: Authorization
    used: float
    over: float
    uncovered: int
    counted: str
    owner: str

    def days(self, today: date) -> int:
        """Days that are left, with today; 0 once it ended."""
        return max((self.authorization.end - max(today, self.authorization.start)).days + 1, 0)

    @property
    def left(self) -> float:
        """Units that are left."""
        return max(self.authorization.approved - self.used, 0)

    def low(self, rules: Policies, today: date) -> bool:
        """Whether it is time to do something about it."""
        units, days = (max((float(v) for v in rules.value(f"authorizations.warn-{k}")), default=0) for k in ("units", "days"))
        return self.days(today) <= days or (bool(self.counted) and (self.left <= units or self.over > 0 or self.uncovered > 0))


def follower(clockwork: Clockwork) -> Handler:
    """For listeners.py: what is signed, unlocked, corrected or entered is counted anew."""

    async def handle(turn: Turn, changes: list[Committed]) -> None:
        named = {(c.type, c.id) for c in changes if c.type in _OF and c.kind in ("create", "update")}
        if not named:
            return
        looking = await clockwork.access(turn.tenant)
        if not (await looking.search(TYPE, [("_tag", f"{CARE}|{CURRENT}")], count=1)).matches:
            return
        patients: set[str] = set()
        for type_, element in ((TYPE, "patient"), ("DocumentReference", "subject")):
            ids = sorted(id_ for t, id_ in named if t == type_)
            for start in range(0, len(ids), _SOME):
                found = await looking.search(type_, [("_id", ",".join(ids[start : start + _SOME]))], count=_SOME)
                patients |= {id_ for s in found.matches if (id_ := id_of(s.resource.get(element), "Patient"))}
        await recount(looking, turn.inside(looking), sorted(patients), await policies.of(looking))

    return handle


async def run(access: Access) -> None:
    """By the clock: everything that is current, counted anew; reviews asked for whose day comes near; what ended long ago taken off the board."""
    rules = await policies.of(access)
    patients: set[str] = set()
    cursor: str | None = None
    today = access.now.astimezone(zones.of_program(access, None)).date()
    while True:
        page = await access.search(TYPE, [("_tag", f"{CARE}|{CURRENT}")], count=200, cursor=cursor)
        for stored in page.matches:
            a = model.read(stored.resource, stored.version)
            if a is not None and (a.end < today - timedelta(days=rules.number("authorizations.past-days")) or a.status != "active"):
                await _past(access, stored.resource, a)
            elif a is not None:
                patients.add(a.patient)
        cursor = page.next
        if cursor is None:
            break
    wanted = sorted(patients)
    for start in range(0, len(wanted), _SOME):
        await recount(access, access, wanted[start : start + _SOME], rules)


async def _past(access: Access, resource: Mapping[str, Any], a: Authorization) -> None:
    tag = [t for t in resource["meta"].get("tag", ()) if t.get("code") != CURRENT]
    found = await access.search("Task", [("focus", f"{TYPE}/{a.id}"), ("code", f"{CARE}|{WATCH},{CARE}|{REVIEW}"), ("status", ",".join(tasks.OPEN))], count=20)
    changes = [Change("update", TYPE, a.id, {**resource, "meta": {**resource["meta"], "tag": tag}}, if_match=a.version)]
    changes += [tasks.finishing(access, s.resource, "It is over.", if_match=s.version) for s in found.matches]
    with suppress(errors.Conflict, errors.VersionConflict):
        await access.write(changes, action="authorization")


async def recount(access: Access, writing: Access, patients: Sequence[str], rules: Policies) -> None:
    """Count what is current of these clients, and keep what changed in the tasks of whoever watches."""
    if not patients:
        return
    held = await access.search(TYPE, [("patient", ",".join(patients)), ("_tag", f"{CARE}|{CURRENT}")], count=500)
    current = {a.id: (a, s) for s in held.matches if (a := model.read(s.resource, s.version)) is not None}
    if not current:
        return
    every = [a for a, _ in current.values()]
    since = min(a.start for a in every)
    services, _ = await counting.delivered(access, sorted({a.patient for a in every}), since)
    used: dict[str, Count] = {}
    uncovered: dict[str, int] = {}
    for some, theirs in await counting.apart(access, every, services):
        counts = counting.allocate(some, theirs)
        used |= counts.by
        uncovered |= {a.id: sum(counting.fits(a, s) for s in counts.uncovered if s.patient == a.patient) for a in some}
    known = await access.search("Task", [("focus", ",".join(f"{TYPE}/{i}" for i in sorted(current))), ("code", f"{CARE}|{WATCH},{CARE}|{REVIEW}")], count=500)
    work = {(id_of(s.resource.get("focus"), TYPE), code_of(s.resource.get("code")), str(s.resource.get("id"))): s for s in known.matches}
    today = access.now.astimezone(zones.of_program(access, None)).date()
    for a, stored in current.values():
        program = await origin.made_by(access, TYPE, a.id)
        owner = await staffing.responsible(access, a.patient, access.rules.programs.get(program) if program is not None else None) or ""
        security = [dict(c) for c in (stored.resource.get("meta") or {}).get("security") or ()]
        watch = next((s for (focus, kind, _), s in work.items() if focus == a.id and kind == WATCH), None)
        changes: list[Change] = []
        if a.status != "active":
            changes += [tasks.finishing(writing, s.resource, "It does not hold.", if_match=s.version) for (focus, _, _), s in work.items() if focus == a.id and s.resource["status"] in tasks.OPEN]
        else:
            changes += _watching(writing, a, used[a.id], uncovered[a.id], owner, rules, watch, program, security)
            review = once(REVIEW, a.id, a.review.isoformat() if a.review else "")
            if a.review is not None and a.review <= today + timedelta(days=rules.number("authorizations.review-days")) and (a.id, REVIEW, review) not in work:
                changes.append(_asking(writing, a, review, rules, program, security))
        for change in changes:
            with suppress(errors.Conflict, errors.VersionConflict):
                await writing.write([change], action="task")


def _watching(access: Access, a: Authorization, count: Count, uncovered: int, owner: str, rules: Policies, known: Any, program: int | None, security: list[dict[str, Any]]) -> list[Change]:
    """The task that keeps what was counted, where it differs from what it keeps already."""
    output = [
        {"type": concept("used", "Used"), "valueDecimal": count.used}, {"type": concept("over", "Beyond it"), "valueDecimal": count.over},
        {"type": concept("uncovered", "Not covered"), "valueInteger": uncovered},
    ]  # fmt: skip
    ends = {"period": {"end": instant(datetime.combine(a.end, time(23, 59), zones.of_program(access, program)).astimezone(UTC))}}
    owned = {"owner": {"reference": owner}} if owner else {}
    if known is None:
        made = tasks.new(access, WATCH, TEXT, patient=a.patient, owner=owner or None, role=str(next(iter(rules.value("authorizations.roles")), "utilization-reviewer")), focus=f"{TYPE}/{a.id}", program=program, id_=once(WATCH, a.id))
        assert made.resource is not None  # noqa: S101 - it was just made
        made.resource |= {"performerType": _roles(rules), "output": output, "restriction": ends, **({"meta": {"security": security}} if security else {})}
        return [made]
    task = known.resource
    same = _numbers(task) == (count.used, count.over, uncovered) and task.get("restriction") == ends and task.get("owner") == owned.get("owner") and task["status"] in tasks.OPEN
    if same:
        return []
    after = {k: v for k, v in task.items() if k != "owner"} | owned | {"status": "requested", "output": output, "restriction": ends, "lastModified": max(moment(access), str(task.get("authoredOn", "")))}
    return [Change("update", "Task", str(task["id"]), after, if_match=known.version)]


def _numbers(task: Mapping[str, Any]) -> tuple[float, float, int]:
    said = {code_of(o.get("type")): o for o in task.get("output") or ()}
    return float(said.get("used", {}).get("valueDecimal", 0)), float(said.get("over", {}).get("valueDecimal", 0)), int(said.get("uncovered", {}).get("valueInteger", 0))


def _roles(rules: Policies) -> list[dict[str, Any]]:
    return [{"coding": [{"system": tasks.ROLE, "code": str(role)}]} for role in rules.value("authorizations.roles")]


def _asking(access: Access, a: Authorization, id_: str, rules: Policies, program: int | None, security: list[dict[str, Any]]) -> Change:
    assert a.review is not None  # noqa: S101 - the caller looked
    due = datetime.combine(a.review, time(17), zones.of_program(access, program)).astimezone(UTC)
    made = tasks.new(access, REVIEW, ASKS, patient=a.patient, role=str(next(iter(rules.value("authorizations.roles")), "utilization-reviewer")), due=due, focus=f"{TYPE}/{a.id}", program=program, id_=id_)
    assert made.resource is not None  # noqa: S101 - it was just made
    made.resource |= {"performerType": _roles(rules), **({"meta": {"security": security}} if security else {})}
    return made


async def watched(access: Access, *, mine: bool = True, patient: str = "", count: int = 300, beside: bool = False) -> list[Watch]:
    """What is watched: by the caller's role or for their clients, or by anybody as far as the caller may see; the first to run out first.

    beside: on a page that shows the other kinds of tasks.ABOUT, too.
    """
    if not access.may("Task", "search"):
        held_ = await access.search(TYPE, [*([("patient", patient)] if patient else []), ("_tag", f"{CARE}|{CURRENT}")], count=count)
        plain = [Watch(a, 0, 0, 0, "", "") for s in held_.matches if (a := model.read(s.resource, s.version)) is not None and a.status == "active"]
        return sorted(plain, key=lambda w: (w.authorization.end, w.authorization.id))
    wanted: list[list[tuple[str, str]]] = [[("patient", patient)]] if patient else [[]]
    if mine:
        wanted = [[("performer", f"{tasks.ROLE}|{access.caller.role}")], *([[("owner", access.caller.agent)]] if access.caller.agent else [])]
    asked = await tasks.about(access, WATCH, taken=True) if beside and mine and not patient else None
    parts = [asked] if asked is not None else []
    for params in wanted if asked is None else ():
        answer = await access.search("Task", [*params, ("code", f"{CARE}|{WATCH}"), ("status", ",".join(tasks.OPEN)), ("_include", "Task:focus")], count=count)
        parts.append((answer.matches, answer.included))
    found: dict[str, Watch] = {}
    for matches, included in parts:
        held = {s.id: s for s in included if s.type == TYPE}
        for stored in matches:
            of = held.get(id_of(stored.resource.get("focus"), TYPE))
            a = model.read(of.resource, of.version) if of is not None else None
            if a is not None and a.status == "active":
                used, over, uncovered = _numbers(stored.resource)
                found[a.id] = Watch(a, used, over, uncovered, str(stored.resource.get("lastModified", "")), str((stored.resource.get("owner") or {}).get("reference", "")))
    today = access.now.astimezone(zones.of_program(access, None)).date()
    return sorted(found.values(), key=lambda w: (min(w.days(today), w.left), w.authorization.end, w.authorization.id))
