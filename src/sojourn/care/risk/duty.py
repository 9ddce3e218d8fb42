"""The clock's part: whoever is due is told. What is due stands in the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base import errors, log
from sojourn.care import policies
from sojourn.care.resources import CARE
from sojourn.care.risk import chain, limits, notices, people
from sojourn.care.risk.episode import ROOM, TAG, TYPE, Episode, fold, grown, read
from sojourn.gate.changes import Change

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access

EVERY = 20.0
"""Seconds between looks."""
MANY = 1000
_log = log.logger(__name__)


async def escalate(access: Access) -> None:
    """Tell the next person of every episode in which somebody is due. One that fails does not keep the others waiting."""
    episodes = await all_open(access)
    if not episodes:
        return
    rules = await policies.of(access)
    for episode in episodes:
        try:
            await _move(access, episode, rules)
        except (errors.VersionConflict, errors.Conflict, errors.NotFound, errors.Gone):
            continue  # somebody acted, or another process told them: the record has the answer
        except errors.StaleCredential:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others go on; and it is tried again at the next look
            _log.error("an episode could not be moved on", error, request=access.request)


async def all_open(access: Access) -> list[Episode]:
    """Every open episode that the caller may see, the one that waits longest first."""
    found: list[Episode] = []
    cursor: str | None = None
    while True:
        page = await access.search(TYPE, [("_tag", f"{CARE}|{TAG}"), ("status", "in-progress"), ("_sort", "date")], count=MANY, cursor=cursor)
        found += [e for s in page.matches if (e := read(s.resource, s.version)) is not None]
        cursor = page.next
        if cursor is None:
            return found


async def _move(access: Access, episode: Episode, rules: Policies) -> None:
    state = episode.state
    due = limits.due(state, rules)
    pending = notices.unpaged(episode.events) if state.acknowledged is None else []
    turn = due is not None and due <= access.now
    if not turn and not pending:
        return
    program = next((p for p in access.rules.programs.values() if p.key == episode.program), None)
    if program is None:
        _log.error("an episode belongs to a program that is not there", request=access.request)
        return
    found = await people.around(access, episode.patient, program, rules, episode.id)
    events = chain.advance(state, found, access.now) if turn else []
    # Paged first: a page that is sent twice is one page, and one that was never sent would not be missed.
    events += await notices.page(access, [*pending, *notices.unpaged(events)], found, patient=episode.patient, episode=episode.id)
    after = fold([*episode.events, *events])
    due = limits.due(after, rules)
    changes = [
        Change("update", TYPE, episode.id, grown(episode.resource, events), if_match=episode.version, room=ROOM),
        *notices.told(access, events, patient=episode.patient, episode=episode.id, program=program.number, due=due),
        *await notices.again(access, events, patient=episode.patient, episode=episode.id, program=program.number, due=due),
    ]
    await access.write(changes, action="risk-escalation")
