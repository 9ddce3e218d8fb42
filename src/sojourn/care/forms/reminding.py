"""Who is told that an assessment or a measure is due: one task for each client, by the clock.

A task says neither what is due nor about whom: both stand in the chart, for those who may open it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Final

from sojourn.base.errors import SojournError
from sojourn.care import levels, policies, tasks
from sojourn.care.forms import due, library, shipping
from sojourn.care.forms.due import Due
from sojourn.care.forms.model import Form, read
from sojourn.care.levels import Stay
from sojourn.care.resources import CARE
from sojourn.gate import bases
from sojourn.gate.access import Access

KIND: Final = "form-due"
TEXT: Final = "A form or a measure is due"
EVERY: Final = 3 * 3600
"""Seconds between looks."""
AHEAD: Final = timedelta(days=1)
AT_ONCE: Final = 300
_BACK = timedelta(days=100)


async def run(access: Access) -> None:
    """Make a task for each client of whom something is late or due within a day, and end those of whom nothing is any more."""
    episodes = await _all(access, "EpisodeOfCare", [("status", ",".join(due.IN_CARE))])
    own = [read(s.resource) for s in await library.stored(access)]
    rules = await policies.of(access)
    since = (access.now - _BACK).date().isoformat()
    observations = await _all(access, "Observation", [("code", due.codes()), ("date", f"ge{since}")])
    responses = await _all(access, "QuestionnaireResponse", [("questionnaire", ",".join(_canonicals(own)))])
    open_ = await _all(access, "Task", [("code", f"{CARE}|{KIND}"), ("status", ",".join(tasks.OPEN))])
    for under in (False, True):
        # What is not under 42 CFR Part 2 is reckoned as if nothing else were there: a task that comes or ends would tell of it.
        stays = [levels.stay(e) for e in episodes if _under(e) is under]
        answers = due.newest([r for r in responses if under or not _under(r)], [o for o in observations if under or not _under(o)], due.same_as(own))
        await _follow(access, stays, answers, rules, [t for t in open_ if _under(t) is under])


def _under(resource: dict[str, Any]) -> bool:
    """Whether something is a Part 2 record."""
    return any(bases.claimed(c) & bases.PART2 for c in (resource.get("meta") or {}).get("security") or ())


async def _follow(access: Access, stays: list[Stay], answers: due.Answers, rules: policies.Policies, open_: list[dict[str, Any]]) -> None:
    owed: dict[str, Due] = {}
    for one in due.soon(due.owed(stays, answers, rules, access.now), access.now, AHEAD):
        owed.setdefault(one.patient, one)
    waiting = {work.patient: task for task in open_ if (work := tasks.read(task)) is not None}
    for patient, task in waiting.items():
        if patient not in owed:
            with suppress(SojournError):  # somebody else has ended it meanwhile
                await access.write([tasks.finishing(access, task, "Nothing is due any more.", if_match=str(task["meta"]["versionId"]))], action="task")
    missing = [one for patient, one in owed.items() if patient not in waiting]
    for one in missing[:AT_ONCE]:
        await _tell(access, one, _of(stays, one.patient))


def _of(stays: list[Stay], patient: str) -> Stay | None:
    """The stay whose clinician is told: the newest that names one."""
    found = [s for s in stays if s.patient == patient and s.clinician.startswith("Practitioner/") and s.status in due.IN_CARE]
    return max(found, key=lambda s: s.started, default=None)


async def _tell(access: Access, one: Due, stay: Stay | None) -> None:
    if stay is None:
        return  # nobody answers for this client yet; the chart says what is due
    program = next((p.number for p in access.rules.programs.values() if p.organization in (stay.organization, f"Organization/{stay.organization}")), None)
    if program is None:
        return
    # The same task from two processes has the same id, and the second is refused.
    id_ = blake2b(f"{stay.id} {one.what} {one.by.isoformat()}".encode(), digest_size=16).hexdigest()
    change = tasks.new(access, KIND, TEXT, patient=one.patient, owner=stay.clinician, due=one.by, focus=f"EpisodeOfCare/{stay.id}", program=program, id_=id_)
    with suppress(SojournError):
        await access.write([change], action="task")


def _canonicals(own: list[Form]) -> list[str]:
    """Of every version of the forms that deadlines ask for."""
    kinds = ("assessment", "level-of-care")
    every = [*shipping.shipped().values(), *own]
    return sorted({name for form in every if form.kind in kinds for name in (form.canonical, form.url)})


async def _all(access: Access, type_: str, params: list[tuple[str, str]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        found = await access.search(type_, params, count=500, cursor=cursor)
        out += found.resources
        cursor = found.next
        if cursor is None:
            return out
