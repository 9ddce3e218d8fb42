"""What waits for a signature: lines of Today and the supervision page, asked for once a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.care import policies, tasks
from sojourn.care.credentials import held, keeping
from sojourn.care.signing.documents import COSIGN, LATE, RETURNED, REVIEW
from sojourn.doors.staff import waiting
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.waiting import Line, remaining
from sojourn.doors.staff.words import day_text, own_name

if TYPE_CHECKING:
    from sojourn.gate.access import Access

KINDS = (COSIGN, REVIEW, RETURNED, LATE)
waiting.ELSEWHERE.update(KINDS)
waiting.PLACES.update({COSIGN: "/patients/{patient}/documents/{focus}", RETURNED: "/patients/{patient}/documents/{focus}", REVIEW: "/patients/{patient}/documents/{focus}", LATE: "/patients/{patient}/documents/{focus}"})


class Waits(NamedTuple):
    """A task with the document that it is about. author, title, day: "" where the caller may not see the document."""

    work: tasks.Work
    who: str
    author: str
    title: str
    day: str


async def mine(access: Access) -> list[tasks.Work]:
    """Everything that waits for the caller's hand. Two searches for all sections of a page together."""
    return await tasks.mine(access, kinds=KINDS)


async def described(access: Access, works: list[tasks.Work]) -> list[Waits]:
    """With the client's name and what the document is: two searches, whatever their number."""
    ids = [w.focus.partition("/")[2] for w in works if w.focus.startswith("DocumentReference/")]
    names, found = await asyncio.gather(patient_names(access, [w.patient for w in works if w.patient]), _documents(access, ids))
    out = []
    for work in works:
        document = found.get(work.focus, {})
        period = (document.get("context") or {}).get("period") or {}
        author: dict[str, Any] = next((found.get(str(a.get("reference", "")), {}) for a in document.get("author") or ()), {})
        title = str((document.get("type") or {}).get("text") or "Document") if document else ""
        out.append(Waits(work, names.get(work.patient, ""), own_name(author) if author else "", title, day_text(period.get("start") or document.get("date"))))
    return out


async def _documents(access: Access, ids: list[str]) -> dict[str, dict[str, Any]]:
    if not ids or not access.may("DocumentReference", "search"):
        return {}
    found = await access.search("DocumentReference", [("_id", ",".join(sorted(set(ids)))), ("_include", "DocumentReference:author")], count=100)
    return {f"{s.type}/{s.id}": s.resource for s in (*found.matches, *found.included)}


async def to_cosign(access: Access) -> list[Line]:
    """Today: documents of others that wait for the caller, or their role."""
    return await _lines(access, [w for w in await mine(access) if w.kind in (COSIGN, REVIEW)])


async def returned(access: Access) -> list[Line]:
    """Today: the caller's own documents that came back, and what came after they were locked."""
    return await _lines(access, [w for w in await mine(access) if w.kind in (RETURNED, LATE)])


async def _lines(access: Access, works: list[tasks.Work]) -> list[Line]:
    names = await patient_names(access, [w.patient for w in works[:30] if w.patient]) if works else {}
    lines = []
    for work in works[:30]:
        due, tone = remaining(work.due, access.now)
        lines.append(Line(work.text, waiting.place(work), names.get(work.patient, ""), due, tone, "for anybody of your role" if not work.owner else ""))
    return lines


async def credentials(access: Access) -> list[Line]:
    """Today: the caller's own credentials that end soon; for who enters credentials those of everybody."""
    manages = access.may(*keeping.MANAGE)
    me = (access.caller.agent or "").removeprefix("Practitioner/")
    if manages:
        found = await keeping.holders(access)
    else:
        answer = await access.search("Practitioner", [("_id", me)], count=1) if me else None
        found = [keeping.holder(s.resource, s.version) for s in answer.matches] if answer else []
    if not any(held.managed(h.resource) for h in found):
        return []
    days = (await policies.of(access)).number("credentials.warn-days")
    lines = []
    for one in keeping.ending(found, access.today, days)[:20]:
        mine_ = one.holder.id == me
        days_ = f"{abs(one.days)} day{'' if abs(one.days) == 1 else 's'}"
        said = f"ended {days_} ago" if one.days < 0 else "ends today" if one.days == 0 else f"ends in {days_}"
        text = f"{'Your' if mine_ else one.holder.name + ':'} {one.credential.text}"
        lines.append(Line(text, f"/credentials/{one.holder.id}" if manages else "/credentials/mine", "", said, "red" if one.days < 14 else "amber"))
    return lines
