"""What people do about an episode: acknowledge, act, pass on, close. Nobody can close it empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import errors
from sojourn.care import policies, tasks
from sojourn.care.risk import choices, limits, notices
from sojourn.care.risk.episode import ACKNOWLEDGED, ACTED, CLOSED, PASSED_ON, ROOM, TYPE, Episode, Event, grown, read
from sojourn.care.risk.reading import program_of, screenings
from sojourn.care.staffing import zones
from sojourn.gate import paging
from sojourn.gate.changes import Change
from sojourn.gate.documenting import clerk
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access

NEEDS: Final = ((TYPE, "update"), ("Task", "create"), ("Task", "update"))
"""What a role must allow for it."""
SHORTEST: Final = 40
"""Letters of a formulation: fewer are no formulation."""
_TRIES: Final = 5


class NotYet(errors.SojournError):
    """Something is missing without which an episode is not closed. problems: (field, what to do)."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("An episode is closed only when all of it is there: " + " ".join(text for _, text in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Closing:
    """What an episode is closed with. without: why there is no C-SSRS, where there is none. again: the day of the next screening."""

    formulation: str
    disposition: str
    said: str
    without: str
    again: date | None


async def acknowledge(access: Access, id_: str) -> None:
    """Say that one has it. It stops nobody else's notice: an action does. Raises NotFound, Forbidden, Conflict."""
    await _added(access, id_, lambda episode: [] if _mine(access, episode) else [_event(access, ACKNOWLEDGED)])


async def act(access: Access, id_: str, code: str, text: str) -> None:
    """Record what was done. It ends the notices of everybody. Raises Malformed, NotFound, Forbidden, Conflict."""
    choice = choices.of("action", access.today).get(code)
    if choice is None:
        raise errors.Malformed("Choose what was done.")
    if choice.words and not text.strip():
        raise errors.Malformed(f"{choice.text}: say in a few words what that was.")
    await _added(access, id_, lambda _: [_event(access, ACTED, code=code, text=text.strip())], ends=True)


async def pass_on(access: Access, id_: str, text: str = "") -> None:
    """Say that one cannot: the next person is told at once. Raises NotFound, Forbidden, Conflict."""
    await _added(access, id_, lambda _: [_event(access, PASSED_ON, text=text.strip())], mine=True)


async def pass_page_on(access: Access, name: str) -> None:
    """The same for somebody who was paged and cannot see whom it is about. Raises NotFound."""
    await paging.read(access, name)
    mine = clerk(access)
    try:
        episode = await _read(mine, name)
    except (errors.NotFound, errors.Gone):
        episode = None
    if episode is not None and episode.open and not episode.state.acted:
        await _added(mine, name, lambda _: [_event(access, PASSED_ON)])
    await paging.done(access, name)


async def close(access: Access, id_: str, version: str, closing: Closing) -> None:
    """Close an episode. version: the one that its author looked at: nobody closes over an answer that came meanwhile.

    Raises NotYet with everything that is missing, VersionConflict, NotFound, Forbidden.
    """
    await access.check("update", TYPE, id_)
    episode = await _read(access, id_)
    if not episode.open:
        raise errors.Conflict("This is closed already.")
    screened = await screenings(access, episode)
    rules = await policies.of(access)
    longest = limits.rescreen(rules, episode.state.level)
    problems = missing(episode, closing, screened=bool(screened), today=access.today, longest=longest)
    if problems:
        raise NotYet(problems)
    outcome = choices.of("disposition", access.today)[closing.disposition]
    event = Event(CLOSED, access.now, _who(access), access.caller.name, about=screened[0] if screened else "", code=outcome.code, text=" ".join(filter(None, (closing.said.strip(), f"No C-SSRS: {closing.without.strip()}" if not screened else ""))))
    done = {**grown(episode.resource, [event]), "status": "completed", "summary": closing.formulation.strip()}
    done["effectivePeriod"] = {**done.get("effectivePeriod", {}), "end": instant(access.now)}
    changes = [Change("update", TYPE, id_, done, if_match=version, room=ROOM), *await _ended(access, id_, "The episode was closed.")]
    if outcome.rescreen and closing.again:
        due = zones.moment(closing.again, time(17), zones.of(None))
        changes.append(tasks.new(access, notices.RESCREEN, "Screen again", patient=episode.patient, owner=_who(access) or None, role=access.caller.role, due=due, focus=f"{TYPE}/{id_}", priority="asap", program=program_of(access, episode)))
    await access.write(changes, action="risk")


def missing(episode: Episode, closing: Closing, *, screened: bool, today: date, longest: int) -> list[tuple[str, str]]:
    """What is missing before it can be closed: (field, what to do)."""
    state, found = episode.state, []
    if state.acknowledged is None:
        found.append(("acknowledge", "Somebody has to acknowledge it first."))
    if not state.acted:
        found.append(("action", "Record what was done."))
    if not screened and len(closing.without.strip()) < 10:
        found.append(("without", "Ask the C-SSRS, or write why that was not possible."))
    if sum(c.isalpha() for c in closing.formulation) < SHORTEST:
        found.append(("formulation", "Write the formulation in your own words: what the danger is, what raises and what lowers it, and what follows."))
    outcome = choices.of("disposition", today).get(closing.disposition)
    if outcome is None:
        found.append(("disposition", "Choose how it ends."))
    elif outcome.words and not closing.said.strip():
        found.append(("said", f"{outcome.text}: say in a few words how."))
    if outcome is None or outcome.rescreen:
        if closing.again is None:
            found.append(("again", "Set the day on which the client is screened again."))
        elif not today <= closing.again <= today + timedelta(days=longest):
            found.append(("again", f"The next screening is due within {longest} {'day' if longest == 1 else 'days'}, not before today."))
    return found


# --- the parts ------------------------------------------------------------------------------------------------------------------


def _who(access: Access) -> str:
    agent = access.caller.agent or ""
    return agent if agent.startswith("Practitioner/") else ""


def _event(access: Access, kind: str, *, code: str = "", text: str = "") -> Event:
    return Event(kind, access.now, _who(access), access.caller.name, code=code, text=text)


def _mine(access: Access, episode: Episode) -> bool:
    """Whether the caller acknowledged it already: a second click says nothing new."""
    at = episode.state.acknowledged
    return at is not None and (at.who, at.by) == (_who(access), access.caller.name)


async def _read(access: Access, id_: str) -> Episode:
    stored = await access.read(TYPE, id_)
    episode = read(stored.resource, stored.version)
    if episode is None:
        raise errors.NotFound("There is no such episode.")
    return episode


async def _added(access: Access, id_: str, made: Callable[[Episode], list[Event]], *, ends: bool = False, mine: bool = False) -> None:
    """Add events to what stands now; again when somebody else added some meanwhile. ends: all notices with it; mine: the caller's."""
    await access.check("update", TYPE, id_)
    for attempt in range(_TRIES):
        episode = await _read(access, id_)
        if not episode.open:
            raise errors.Conflict("This is closed already. A new answer opens it again.")
        events = made(episode)
        if not events:
            return
        changes = [Change("update", TYPE, id_, grown(episode.resource, events), if_match=episode.version, room=ROOM)]
        if ends or mine:
            changes += await _ended(access, id_, events[0].text or "Somebody acted.", of="" if ends else _who(access) or "nobody")
        try:
            await access.write(changes, action="risk")
        except errors.VersionConflict:
            if attempt == _TRIES - 1:
                raise
            continue
        return


async def _ended(access: Access, id_: str, note: str, of: str = "") -> list[Change]:
    """The open notices of an episode as ended; `of`: those of one person only."""
    return [
        tasks.finishing(access, task, note, status="completed" if task.get("owner", {}).get("reference") == _who(access) else "cancelled", if_match=version)
        for task, version in await notices.waiting(access, id_) if not of or task.get("owner", {}).get("reference") == of
    ]  # fmt: skip
