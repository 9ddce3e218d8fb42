"""Everything that the editor of a note needs, fetched at once; and what it offers to choose from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import NotFound
from sojourn.care import levels, policies
from sojourn.care.notes import drafting, saving, services, snippets, templates, text
from sojourn.care.notes.model import NewNote, Service, Template
from sojourn.care.plan import fhir as plan
from sojourn.care.resources import code_of
from sojourn.care.staffing import zones
from sojourn.doors.staff.chart import banner
from sojourn.gate.access import Access

if TYPE_CHECKING:
    from sojourn.gate.found import Found

_NOT_ACTIVE = ("inactive", "resolved", "remission")


class Offered(NamedTuple):
    """What the header of a note is chosen from: (id, words)."""

    stays: list[tuple[str, str]]
    locations: list[tuple[str, str]]
    diagnoses: list[tuple[str, str]]
    objectives: list[tuple[str, str]]
    services: list[tuple[str, str]]


class Desk(NamedTuple):
    """A draft on the desk of its author."""

    about: banner.Banner
    draft: drafting.Draft
    template: Template
    offered: Offered
    stays: list[levels.Stay]
    zone: tzinfo
    rules: policies.Policies
    snippets: list[snippets.Snippet]
    names: Mapping[str, str]

    def note(self, access: Access, *, final: bool = False) -> NewNote | None:
        """The draft as a note; None while its times cannot be read."""
        session = drafting.times(self.draft, self.zone)
        return saving.placed(access, drafting.note(self.draft, self.template, session, final=final), self.stays) if session else None


async def found(access: Access, patient: str, id_: str) -> drafting.Draft:
    """A draft of this account about this client. Raises NotFound."""
    draft = await drafting.kept(access, id_)
    if draft is None or draft.patient != patient:
        raise NotFound
    return draft


async def brief(access: Access, patient: str, draft: drafting.Draft) -> Desk:
    """What is needed to read a draft and not to write on it: nothing to choose from. Raises NotFound as `fetch`."""
    chosen = draft.one("location")
    about, known, stays, rules, places = await asyncio.gather(
        banner.fetch(access, patient), templates.kept(access), _stays(access, patient), policies.of(access), _some(access, "Location", [("_id", chosen)], 1) if chosen else _nothing()
    )
    template = known[draft.template].template if draft.template in known else templates.shipped()["dap"]
    return Desk(about, draft, template, Offered([], [], [], [], []), stays, zones.of(next(iter(places), None)), rules, [], {})


async def _nothing() -> list[dict[str, Any]]:
    return []


async def fetch(access: Access, patient: str, draft: drafting.Draft) -> Desk:
    """The desk of a draft. Raises NotFound for a client who may not be seen, alike for one who is not there."""
    chart = asyncio.gather(
        _some(access, "Condition", [("patient", patient)], 60), _some(access, "Goal", [("patient", patient), ("lifecycle-status", "active,on-hold,accepted,planned")], 80),
        _some(access, "Location", [("partof:missing", "true")], 100),
    )  # fmt: skip
    house = asyncio.gather(templates.kept(access), policies.of(access), snippets.all_of(access))
    about, stays, (conditions, goals, places), (known, rules, mine) = await asyncio.gather(banner.fetch(access, patient), _stays(access, patient), chart, house)
    template = known[draft.template].template if draft.template in known else templates.shipped()["dap"]
    offered = Offered(
        [(s.id, f"{s.program} ({s.level})" if s.level else s.program) for s in stays],
        [(p["id"], str(p.get("name", ""))) for p in places if p.get("name") and p.get("status") != "inactive"],
        problems_of(conditions),
        once(objectives_of(goals)),
        _services(template, access),
    )
    named = zip(("EpisodeOfCare", "Location", "Condition", "Goal"), offered[:4], strict=True)
    names = {f"{type_}/{id_}": words for type_, choices in named for id_, words in choices}
    place = next((p for p in places if p["id"] == draft.one("location")), None)
    return Desk(about, draft, template, offered, stays, zones.of(place), rules, mine, names)


def problems_of(conditions: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Active problems, each once; where a chart has no problem list, its other diagnoses."""
    active = [c for c in conditions if code_of(c.get("clinicalStatus"), _CLINICAL) not in _NOT_ACTIVE and text.name_of(c)]
    listed = [c for c in active if any(x.get("code") == "problem-list-item" for concept in c.get("category", ()) for x in concept.get("coding", ()))] or active
    return once(listed)


def once(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(id, words) of each, what reads the same only once."""
    by_name: dict[str, str] = {}
    for resource in found:
        by_name.setdefault(text.name_of(resource), resource["id"])
    return [(id_, name) for name, id_ in by_name.items() if name]


async def usual_stay(access: Access, patient: str) -> str:
    """The stay that a note here is most likely about: the only one of the author's programs, else the one in which they act."""
    stays = [(s, saving.program_of(access, s.organization)) for s in await _stays(access, patient) if s.status == "active"]
    mine = [s.id for s, program in stays if program is not None]
    acting = [s.id for s, program in stays if program == access.caller.acting and program is not None]
    return mine[0] if len(mine) == 1 else acting[0] if len(acting) == 1 else ""


def objectives_of(goals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Objectives of the plan; where a chart has none of these, as one from elsewhere, its goals."""
    return [g for g in goals if plan.is_objective(g)] or goals


_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def _services(template: Template, access: Access) -> list[tuple[str, str]]:
    """Those that the template is for, then all others."""
    known: dict[str, Service] = services.services(access.today)
    first = [key for key in template.services if key in known]
    return [(key, known[key].title) for key in (*first, *(k for k in known if k not in first and k != "own"))]


async def _stays(access: Access, patient: str) -> list[levels.Stay]:
    return await levels.current(access, patient) if access.may("EpisodeOfCare", "search") else []


async def _some(access: Access, type_: str, params: list[tuple[str, str]], count: int) -> list[dict[str, Any]]:
    if not access.may(type_, "search"):
        return []
    answer: Found = await access.search(type_, params, count=count)
    return answer.resources


def offered_templates(access: Access, known: Mapping[str, Template]) -> list[Template]:
    """What may be begun here. An SUD counseling note is one of a Part 2 program; a group's notes come from its session (docs/notes.md)."""
    part2 = any(p.part2 for p in access.programs)
    return [t for t in known.values() if t.active and (t.apart != "sud-counseling" or part2)]


