"""Access: read, search, write; each one decided, enforced, remembered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sojourn.base import clock, errors, underway, wall
from sojourn.gate import decide, narrowing
from sojourn.gate.caller import Caller, Program, Tenant
from sojourn.gate.found import Found, Stored
from sojourn.record.store import Decided, Head
from sojourn.record.trail import Entry, Receipt

if TYPE_CHECKING:
    from sojourn.gate.gate import House
    from sojourn.gate.gathering import Gathered
    from sojourn.gate.together import Kept


class Access:
    """The handle through which one caller reaches the record during one request. Holding it is the permission.

    It has few verbs, each in a module of its own: reading, searching, writing. records: ids of records of one person, where a page is of a chart
    of one of several, the surviving one first. joined: the same, where the page reads them as one (gate/joined.py); none elsewhere.
    """

    __slots__ = ("__dict__", "caller", "decision", "house", "kept", "now", "request", "tenant")

    def __init__(self, house: House, caller: Caller, request: str) -> None:
        self.house = house
        self.caller = caller
        self.request = request
        self.tenant: Tenant = caller.tenant
        self.now: datetime = clock.now()
        self.kept: Kept | None = None
        self.records: tuple[str, ...] = ()
        self.joined: tuple[str, ...] = ()
        self._rules, self.decision = narrowing.narrowed(caller, house.rules[caller.tenant.number], house.keys[caller.tenant.number])

    @property
    def head(self) -> Head:
        """Who asks and when, as every statement takes it."""
        return (self.tenant.number, self.caller.credential, self.caller.generation, self.now)

    @property
    def decided(self) -> Decided:
        """The decision as every statement takes it."""
        return self.decision.args

    @property
    def unscoped(self) -> Decided:
        """The same without the scopes of a token: for what may be known of beside what it opens."""
        return self.decision.unscoped

    @property
    def rules(self) -> decide.Rules:
        """What roles may do in this tenant, within the scopes of the caller's token."""
        return self._rules

    @cached_property
    def programs(self) -> list[Program]:
        """The programs that the caller works in."""
        return [p for n, p in sorted(self.rules.programs.items()) if n in self.caller.programs]

    @property
    def today(self) -> date:
        """The day by the clock of this request (decision 52), or of the house: what has come and what is over goes by it, never by that of UTC."""
        return wall.day(self.now, self.rules.zones.get(0) or wall.DEFAULT)

    def may(self, type_: str, action: str) -> bool:
        """Whether the caller's role includes an action on a type at all."""
        return self.rules.allows(self.caller.role, action, type_)

    def require(self, action: str, type_: str) -> None:
        """Raise Forbidden unless the role includes it."""
        decide.require(self.caller, self.rules, action, type_)

    def entry(self, action: str, type_: str, query: str, *, outcome: str = "done", patients: Sequence[str] = (), shown: Sequence[int] = ()) -> Entry:
        """A line of the trail about this caller and request."""
        caller = self.caller
        return Entry(
            self.now, self.request, caller.account, caller.role, caller.door, caller.purpose, action, outcome, type_, query, list(patients), list(shown),
            self.rules.digest,
        )  # fmt: skip

    async def note(self, entry: Entry) -> Receipt:
        """Make a line durable before the answer that it is about may leave."""
        with underway.statement():
            return await self.house.trail.record(self.tenant.number, entry)

    async def refuse(self, action: str, type_: str, query: str) -> None:
        """Record a denial. Raises StaleCredential where they are known otherwise by now, or not at all."""
        # Perhaps no longer: a role that was given more must not wait until the next question is asked for another reason.
        await self.house.db.call("SELECT gate.alive($1, $2, $3, $4)", *self.head)
        await self.note(self.entry(action, type_, query, outcome="denied"))

    async def check(self, action: str, type_: str, query: str = "") -> None:
        """Raise Forbidden, recorded, unless the role includes the action on the type."""
        if not self.may(type_, action):
            await self.refuse(action, type_, query)
            self.require(action, type_)

    async def require_fresh(self, within: timedelta | None = None) -> None:
        """Raise ProofNeeded unless the caller proved who they are lately; pages then ask, and go on with what was sent (docs/screens.md)."""
        from sojourn.gate import proof

        await proof.require_fresh(self, within)

    # --- the verbs -----------------------------------------------------------------------------------------------------------

    async def read(self, type_: str, id_: str) -> Stored:
        """The current version. Raises NotFound (also for what may not be seen) or Gone."""
        from sojourn.gate import reading, together

        return await together.once(self, ("read", type_, id_), lambda: reading.read(self, type_, id_))

    async def vread(self, type_: str, id_: str, version: str) -> Stored:
        """One version. Raises NotFound or Gone."""
        from sojourn.gate import reading

        return await reading.vread(self, type_, id_, version)

    async def history(self, type_: str | None, id_: str | None, *, count: int, since: datetime | None = None, cursor: str | None = None) -> Found:
        """Versions of a resource, a type or everything, newest first."""
        from sojourn.gate import reading

        return await reading.history(self, type_, id_, count=count, since=since, cursor=cursor)

    async def search(self, type_: str | None, params: Sequence[tuple[str, str]], *, count: int | None = None, cursor: str | None = None, lenient: bool = False, compartment: tuple[str, str] | None = None) -> Found:
        """Resources that match, may be seen, and a cursor to the next; `compartment` limits them, as in ("Patient", id).

        Raises SearchError for what cannot be searched.
        """
        from sojourn.gate import joined, searching, together

        asked = joined.asked(self.joined, type_, params)
        question = ("search", type_, asked, count, cursor, lenient, compartment)
        return await together.once(self, question, lambda: searching.search(self, type_, asked, count=count, cursor=cursor, lenient=lenient, compartment=compartment))

    async def gather(self, type_: str, params: Sequence[tuple[str, str]], elements: Sequence[str]) -> Gathered:
        """Some elements of everything that matches and may be seen, for counting; see gathering.gather. Raises SearchError."""
        from sojourn.gate import gathering

        return await gathering.gather(self, type_, params, elements)

    async def write(self, changes: Sequence[Any], *, action: str = "transaction", told: bool = True) -> list[Any]:
        """Apply changes together or not at all; see writing.Change. told: whether what is stored now is read back; else the answer is empty."""
        from sojourn.gate import writing

        self.kept = None  # what is asked from now on may be about what is written here
        return await writing.write(self, changes, action=action, told=told)

    async def relabel(self, type_: str, id_: str, effect: str, codes: Sequence[str], reason: str) -> None:
        """Raise or lower labels of one resource ("raise", "lower"), as far as the role may; see overriding.relabel."""
        from sojourn.gate import overriding

        await overriding.relabel(self, type_, id_, effect, codes, reason)


def unavailable() -> errors.Unavailable:
    """The answer to give when the trail cannot be written."""
    return errors.Unavailable()
