"""Episodes as screens need them, and the screenings that belong to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base import errors
from sojourn.care.resources import CARE
from sojourn.care.risk import triage
from sojourn.care.risk.episode import TAG, TYPE, Episode, read
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access

SHOWN = 200


async def of_patient(access: Access, patient: str) -> list[Episode]:
    """The episodes of one client, the open ones first, then the newest."""
    found = await access.search(TYPE, [("patient", patient), ("_tag", f"{CARE}|{TAG}"), ("_sort", "-date")], count=50)
    episodes = [e for s in found.matches if (e := read(s.resource, s.version)) is not None]
    return sorted(episodes, key=lambda e: not e.open)


async def waiting(access: Access) -> list[Episode]:
    """Open episodes whose chain came to its end without an answer: for everybody who can see them."""
    found = await access.search(TYPE, [("_tag", f"{CARE}|risk-all-hands"), ("status", "in-progress"), ("_sort", "date")], count=SHOWN)
    return [e for s in found.matches if (e := read(s.resource, s.version)) is not None]


async def everyone(access: Access) -> list[Episode]:
    """Open episodes of everybody whom the caller may see, the most urgent first."""
    found = await access.search(TYPE, [("_tag", f"{CARE}|{TAG}"), ("status", "in-progress"), ("_sort", "date")], count=SHOWN)
    episodes = [e for s in found.matches if (e := read(s.resource, s.version)) is not None]
    return sorted(episodes, key=lambda e: (bool(e.state.acted), -triage.RANK[e.state.pace], e.started))


async def screenings(access: Access, episode: Episode) -> list[str]:
    """The C-SSRS that were answered since the episode began: references, the newest first. One search."""
    found = await access.search("QuestionnaireResponse", [("patient", episode.patient), ("authored", f"ge{instant(episode.started)[:10]}"), ("_sort", "-authored")], count=100)
    return [f"QuestionnaireResponse/{r['id']}" for r in found.resources if triage.screening(r) and _since(r, episode)]


def _since(response: dict[str, object], episode: Episode) -> bool:
    """Whether it belongs to the episode: it opened or joined it, or was answered after it began."""
    name = f"QuestionnaireResponse/{response['id']}"
    return name in {e.about for e in episode.events} or str(response.get("authored", "")) >= instant(episode.started)[:19]


async def one(access: Access, id_: str) -> Episode:
    """An episode. Raises NotFound, also for what may not be seen and what is none."""
    stored = await access.read(TYPE, id_)
    episode = read(stored.resource, stored.version)
    if episode is None:
        raise errors.NotFound("There is no such episode.")
    return episode


def program_of(access: Access, episode: Episode | None) -> int | None:
    """The program of an episode, for what is written beside it, where the caller works in it; None: the one under which they act."""
    return next((n for n, p in access.rules.programs.items() if episode and p.key == episode.program and n in access.caller.programs), None)
