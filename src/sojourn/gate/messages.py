"""Messages between colleagues: sealed; about a client only for those who see that client."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors, ids
from sojourn.gate import beside, seeing
from sojourn.gate.explaining import callers
from sojourn.record import messages as rows
from sojourn.record.explaining import Moment

if TYPE_CHECKING:
    import asyncpg

    from sojourn.gate.access import Access
    from sojourn.gate.caller import Program

CLOCK = "system-clock"
LONGEST = 10_000
_THREAD, _WORDS = "thread", "message"


class Thread(NamedTuple):
    """A conversation. patient: whom it is about, '' for nobody; body: subject, link, told; name, by: of whoever wrote last, and their account."""

    id: str
    program: int
    patient: str
    urgent: bool
    author: str
    body: Mapping[str, Any]
    stamp: str
    started: datetime
    last: datetime
    unread: bool
    name: str
    by: str


class Message(NamedTuple):
    """One message."""

    thread: str
    id: str
    account: str
    name: str
    at: datetime
    text: str


class Member(NamedTuple):
    """A reader of a thread. via: from, to, escalated; read: when last, None before."""

    account: str
    name: str
    agent: str
    via: str
    read: datetime | None


class Colleague(NamedTuple):
    """Somebody with an account. units: references of the Locations that they work in; far: whether their role reaches every client."""

    account: str
    agent: str
    name: str
    role: str
    programs: frozenset[int]
    units: frozenset[str]
    far: bool
    reads: bool


def _context(access: Access, *names: str) -> bytes:
    return "\0".join((str(access.tenant.number), *names)).encode()


def _seal(access: Access, purpose: str, text: str, *names: str) -> str:
    return access.house.key.seal(purpose, text.encode(), _context(access, *names))


def _thread(access: Access, r: asyncpg.Record) -> Thread:
    body = json.loads(access.house.key.open(_THREAD, r["body"], _context(access, r["thread"])))
    return Thread(r["thread"], r["program"], r["patient"], r["urgent"], r["author"], body, r["stamp"], r["started"], r["last"], r["unread"], r["name"], r["by"])


def _message(access: Access, r: asyncpg.Record) -> Message:
    text = access.house.key.open(_WORDS, r["body"], _context(access, r["thread"], r["message"])).decode()
    return Message(r["thread"], r["message"], r["account"], r["name"], r["at"], text)


async def directory(access: Access) -> list[Colleague]:
    """Everybody who works here and has an account, by name. Who sees whom stays in the gate (`reachable`)."""
    if access.caller.account != CLOCK:
        access.require("send", "Message")
    rules = access.house.rules[access.tenant.number]
    met = await callers.everyone(access, Moment(access.now, access.now, now=True), rules, "TREAT")
    found = []
    for one in met:
        who = one.caller
        if who.kind != "staff" or not rules.allows(who.role, "send", "Message"):
            continue
        far = "organization" in rules.reach(who.role)
        found.append(Colleague(who.account, who.agent or "", who.name, who.role, frozenset(who.programs), frozenset(k for k in who.keys if k.startswith("Location/")), far, rules.allows(who.role, "read", "Patient")))
    return sorted(found, key=lambda c: (c.name.casefold(), c.account))


async def reachable(access: Access, colleagues: Iterable[Colleague], patient: str, program: Program | None, known: Iterable[int], team: Iterable[str] = (), also: Sequence[str] = ()) -> list[Colleague]:
    """Of these, to whom a message about a client can be sent.

    known: programs in which the *sender* sees the client; team: references on care teams that the sender sees. Who sees the client by
    something that the sender may not know of is not among them, or the answer would tell that there is such a thing. Nobody is told who is missing. also: resources (`Task/x`) that they have to be able to see, too.
    """
    within, treats = frozenset(known), frozenset(team)
    may = [c for c in colleagues if c.agent and c.reads and (c.far or c.programs & within or c.agent in treats) and not (program and program.part2 and program.number not in c.programs)]
    sights = await seeing.sights(access, {c.agent for c in may}, [f"Patient/{patient}", *also], program, "Patient")
    return [c for c in may if sights.get(c.agent, seeing.Sight()).sees]


async def begin(access: Access, id_: str, program: int, patient: str, body: Mapping[str, Any], text: str, to: Sequence[str], *, urgent: bool) -> None:
    """Begin a thread, once. to: accounts. Whether they may read it was asked before (`reachable`). Raises Forbidden, Malformed."""
    access.require("send", "Message")
    words = checked(text)
    message = ids.new_id("message")
    sealed = _seal(access, _THREAD, json.dumps(dict(body)), id_)
    await rows.begin(access.house.db, access.head, id_, program, patient, urgent, access.caller.account, sealed, ids.new_id("stamp"), message, _seal(access, _WORDS, words, id_, message), sorted(set(to)))
    await access.note(access.entry("message", "Message", id_, patients=[patient] if patient else []))


def checked(text: str) -> str:
    """A text that can be sent. Raises Malformed."""
    words = text.strip()
    if not words:
        raise errors.Malformed("Write what you want to say.")
    if len(words) > LONGEST:
        raise errors.Malformed(f"A message has at most {LONGEST} characters.")
    return words


def _mine(access: Access, thread: Thread, visible: Mapping[str, Any]) -> bool:
    """Whether the caller may read a thread now."""
    if not thread.patient:
        return True
    program = access.rules.programs.get(thread.program)
    apart = program is not None and program.part2 and program.number not in access.caller.programs
    return thread.patient in visible and not apart


async def _visible(access: Access, threads: Sequence[Thread]) -> dict[str, dict[str, Any]]:
    """The clients of threads that the caller may see, by id. One search, also where there are none: what is asked tells nothing."""
    if not access.may("Patient", "search"):
        return {}
    wanted = sorted({t.patient for t in threads if t.patient})[:200]
    answer = await access.search("Patient", [("_id", ",".join(wanted) or "none")], count=200)
    return {s.id: s.resource for s in answer.matches}


async def listed(access: Access, *, unread: bool = False) -> tuple[list[Thread], dict[str, dict[str, Any]]]:
    """The caller's threads, and the clients whom they are about."""
    access.require("send", "Message")
    found = [_thread(access, r) for r in await beside.ask(access, rows.threads(access.caller.account, unread=unread))]
    visible = await _visible(access, found)
    return [t for t in found if _mine(access, t, visible)], visible


async def one(access: Access, id_: str) -> tuple[Thread, dict[str, Any] | None]:
    """A thread and whom it is about. Raises NotFound alike for what is not there, is another's, or is about whom the caller may not see."""
    row = await rows.thread(access.house.db, access.head, access.caller.account, id_)
    thread = _thread(access, row) if row is not None else None
    visible = await _visible(access, [thread] if thread else [])
    if thread is None or not _mine(access, thread, visible):
        raise errors.NotFound("There is no such message.")
    return thread, visible.get(thread.patient)


async def read(access: Access, thread: Thread) -> tuple[list[Message], list[Member]]:
    """Its messages and readers; it is read with this."""
    found = [_message(access, r) for r in await rows.messages(access.house.db, access.head, access.caller.account, thread.id)]
    if thread.unread:
        await rows.mark_read(access.house.db, access.head, access.caller.account, thread.id)
    who = [Member(r["account"], r["name"], r["agent"], r["via"], r["read"]) for r in await rows.members(access.house.db, access.head, access.caller.account, thread.id)]
    await access.note(access.entry("message-read", "Message", thread.id, patients=[thread.patient] if thread.patient else []))
    return found, who


async def answer(access: Access, thread: Thread, text: str, *, name: str) -> None:
    """Answer in a thread. name: of the form, so that a second press says it once. Raises Malformed, NotFound."""
    words = checked(text)
    message = access.house.key.derive(f"message:{thread.id}:{access.caller.account}:{name}", 24).hex()[:32]
    if not await rows.add(access.house.db, access.head, access.caller.account, thread.id, message, _seal(access, _WORDS, words, thread.id, message)):
        raise errors.NotFound("There is no such message.")
    await access.note(access.entry("message", "Message", thread.id, patients=[thread.patient] if thread.patient else []))


async def grow(access: Access, thread: Thread, to: Sequence[str], body: Mapping[str, Any], *, via: str = "to") -> None:
    """More readers. Raises VersionConflict, NotFound."""
    stamp = ids.new_id("stamp")
    who = None if access.caller.account == CLOCK else access.caller.account
    there = await rows.grow(access.house.db, access.head, who, thread.id, sorted(set(to)), via, _seal(access, _THREAD, json.dumps(dict(body)), thread.id), thread.stamp, stamp)
    if there is None:
        raise errors.NotFound("There is no such message.")
    if there != stamp:
        raise errors.VersionConflict("This was changed meanwhile.", current=there, expected=thread.stamp)
    await access.note(access.entry("message", "Message", thread.id, patients=[thread.patient] if thread.patient else []))


async def found(access: Access, words: str) -> tuple[list[tuple[Thread, str]], dict[str, dict[str, Any]]]:
    """The caller's threads in which every word stands, with the message in which they do, the latest first."""
    wanted = words.casefold().split()
    threads, visible = await listed(access)
    by_id = {t.id: t for t in threads}
    hits: dict[str, str] = {}
    for row in await rows.messages(access.house.db, access.head, access.caller.account, None):
        thread = by_id.get(row["thread"])
        if thread is None:
            continue
        message = _message(access, row)
        if wanted and all(w in f"{thread.body.get('subject', '')} {message.name} {message.text}".casefold() for w in wanted):
            hits[thread.id] = message.text
    await access.note(access.entry("message-search", "Message", ""))
    return [(by_id[i], text) for i, text in sorted(hits.items(), key=lambda hit: by_id[hit[0]].last, reverse=True)], visible


# --- for the clock ------------------------------------------------------------------------------------------------------------------


async def waiting(access: Access) -> list[tuple[Thread, list[str]]]:
    """Urgent threads that nobody has read, with their readers. Raises Forbidden for everybody but the clock."""
    if access.caller.account != CLOCK:
        raise errors.Forbidden("Only the clock asks what waits for others.")
    return [(_thread(access, r), list(r["members"])) for r in await rows.waiting(access.house.db, access.head)]


async def forget(access: Access, before: datetime) -> int:
    """What nobody has written to since. Raises Forbidden for everybody but the clock."""
    if access.caller.account != CLOCK:
        raise errors.Forbidden("Only the clock forgets.")
    return await rows.forget(access.house.db, access.head, before)
