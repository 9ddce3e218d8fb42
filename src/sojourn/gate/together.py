"""What one page asks twice is asked once, and small questions of its parts that meet go together.

A page whose answers are made alike for everybody (docs/decisions/0005-redaction.md) asks after each search for the past of its rows and
for the sight of what they refer to. Its parts are fetched at the same time, and each such question is about rows one by one: what is
answered about one does not depend on the others. So they wait until no search of the page is under way, and are asked as one: ten parts
cost two statements more, not twenty.

And a request that only reads has one moment, while its sections ask for the same tasks, rules and names: each question is answered once.
All of this holds for pages only (`keep`), and ends with the first write. What is gathered hangs on nothing but what was asked and seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sojourn.base import underway
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access

Part = TypeVar("Part")
Answer = TypeVar("Answer")
Key = tuple[str, str]
Ask = Callable[[list[Any]], Awaitable[Any]]


BESIDE, RECORD, SIGHT, NAMES = range(4)
"""Kinds of question: what is kept beside the record, which often says what to read from it; what is read from the record; what of that may be
seen; and what only puts questions to the record together, as names do."""
QUIET = 24
"""Turns of the loop without anything new, before what waits is asked: an answer takes some to reach the code that asks the next question."""


class Traffic:
    """What one request has under way, and what waits for its end, whoever of its accesses asked."""

    def __init__(self) -> None:
        self.gatherings: list[Gathering] = []
        self._flying = 0
        self._quiet = 0
        self._due = False

    def began(self) -> None:
        """One statement more is under way, or one line on its way into the trail."""
        self._flying += 1

    def ended(self) -> None:
        """One less; after the last one goes what waited, unless the answers bring more."""
        self._flying -= 1
        if not self._flying:
            self.soon()

    def soon(self) -> None:
        """Ask once nothing is under way and nobody has come for some turns of the loop."""
        self._quiet = 0
        if not self._due and any(gathering.waits for gathering in self.gatherings):
            self._due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        if self._flying:  # its end begins anew
            self._due = False
            return
        self._quiet += 1
        if self._quiet < QUIET:
            asyncio.get_running_loop().call_soon(self._turn)
            return
        self._due = False
        waiting = [gathering for gathering in self.gatherings if gathering.waits]
        kinds = {gathering.kind for gathering in waiting}
        # Names go with the next questions to the record. Alone they wait until what may be seen is known, which may bring more of them.
        kind = NAMES if RECORD in kinds and NAMES in kinds and BESIDE not in kinds else min(kinds, default=RECORD)
        for gathering in waiting:
            if gathering.kind == kind:
                gathering.begin()
        self.soon()


class Kept:
    """What one access asked since the request began: its answers, and what it asks together."""

    def __init__(self, owner: Access, traffic: Traffic) -> None:
        self.owner = owner
        self.traffic = traffic
        self.answers: dict[Hashable, asyncio.Future[Any]] = {}
        self.gatherings: dict[str, Gathering] = {}
        self.others: dict[str, Access] = {}
        self.sighted: dict[str, bool] = {}  # targets of references that were asked about: whether they may not be seen


class Gathering:
    """One kind of question of one page. ask: answers several parts at once; everybody in the group gets the whole answer.

    kind: BESIDE, RECORD, SIGHT or NAMES, which says after what it is asked.
    """

    def __init__(self, traffic: Traffic, ask: Ask, kind: int) -> None:
        self.kind = kind
        self._traffic = traffic
        self._ask = ask
        self._waiting: list[tuple[Any, asyncio.Future[Any]]] = []
        self._running: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected

    async def __call__(self, part: Any) -> Any:
        """The answer to a group with this part in it. Raises whatever the group's statement raises."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((part, done))
        self._traffic.soon()
        return await done

    @property
    def waits(self) -> bool:
        """Whether it has something to ask."""
        return bool(self._waiting)

    def begin(self) -> None:
        """Ask what has come."""
        group, self._waiting = self._waiting, []
        task = asyncio.create_task(self._answer(group))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, group: list[tuple[Any, asyncio.Future[Any]]]) -> None:
        try:
            found = await self._ask([part for part, _ in group])
        except Exception as error:  # noqa: BLE001 - raised again by each who waits
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
        else:
            for _, done in group:
                if not done.done():
                    done.set_result(found)
        self._traffic.soon()


def keep(access: Access) -> None:
    """From now on this access asks as a page does. Only for a request that reads."""
    traffic = Traffic()
    access.kept = Kept(access, traffic)
    underway.watch(traffic)


def beside(access: Access, name: str, make: Callable[[], Access]) -> Access:
    """Another access of the same request, which decides for itself. On a page it is made once by its name, and asks as a page does: its own
    questions, in the same rounds."""
    kept = _kept(access)
    if kept is None:
        return make()
    if name not in kept.others:
        kept.others[name] = join(access, make())
    return kept.others[name]


def join(access: Access, other: Access) -> Access:
    """The other access, made for one use: on a page it asks in the same rounds, each question for itself and once."""
    kept = _kept(access)
    if kept is not None:
        other.kept = Kept(other, kept.traffic)
    return other


def _kept(access: Access) -> Kept | None:
    """What was kept for just this access: a copy of it may stand in another transaction."""
    kept = access.kept
    return kept if kept is not None and kept.owner is access else None


@contextmanager
def flying(access: Access) -> Iterator[None]:
    """Something is under way, after which more may be asked."""
    kept = _kept(access)
    if kept is None:
        yield
        return
    kept.traffic.began()
    try:
        yield
    finally:
        kept.traffic.ended()


async def together(access: Access, name: str, part: Any, ask: Ask, *, kind: int = NAMES) -> Any:
    """The answer to this part and whatever else of the kind `name` the page asks meanwhile; elsewhere to this part alone.

    kind: BESIDE, RECORD, SIGHT or NAMES.
    """
    kept = _kept(access)
    if kept is None:
        return await ask([part])
    gathering = kept.gatherings.get(name)
    if gathering is None:
        gathering = kept.gatherings[name] = Gathering(kept.traffic, ask, kind)
        kept.traffic.gatherings.append(gathering)
    return await gathering(part)


async def once(access: Access, question: Hashable, ask: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """The answer to a question, asked once if the request only reads, else each time. Whoever asks gets the same object: do not change it."""
    kept = _kept(access)
    if kept is None:
        return await ask()
    answer: asyncio.Future[Answer] | None = kept.answers.get(question)
    if answer is None:
        answer = kept.answers[question] = asyncio.ensure_future(ask())
    return await asyncio.shield(answer)  # one who gives up must not take it from the others


async def sight(access: Access, targets: set[str], parts: dict[str, int]) -> tuple[set[str], dict[str, int]]:
    """Which of the targets (`Type/id`) exist and may not be seen; and of the bases of its labelled elements, for each resource in
    `parts`, those that may be seen in it (see store.sight)."""

    async def ask(group: list[tuple[set[str], dict[str, int]]]) -> tuple[set[str], dict[str, int]]:
        asked: dict[str, int] = {}
        for _, some in group:
            for name, bits in some.items():
                asked[name] = asked.get(name, 0) | bits
        wanted = set().union(*(t for t, _ in group))
        kept = _kept(access)
        sighted = kept.sighted if kept is not None else {}
        # Asked also where nothing is new: whether there is something new may hang on what is hidden, and the number of statements must not.
        hidden, found = await store.sight(access.house.db, access.head, access.unscoped, sorted(wanted - sighted.keys()), dict(sorted(asked.items())))
        sighted.update((target, target in hidden) for target in wanted - sighted.keys())
        return {target for target in wanted if sighted[target]}, found

    hidden, found = await together(access, "sight", (targets, parts), ask, kind=SIGHT)
    return hidden & targets, found


async def versions(access: Access, keys: Iterable[Key], *, limit: int, several: bool = False) -> list[Any]:
    """Versions of the resources that may be seen; by resource, newest first. several: only of those that have more than one."""

    async def ask(group: list[list[Key]]) -> dict[Key, list[Any]]:
        asked = sorted({key for some in group for key in some})
        rows = await store.versions(access.house.db, access.head, access.decided, [t for t, _ in asked], [i for _, i in asked], limit=limit, several=several)
        found: dict[Key, list[Any]] = {}
        for row in rows:
            found.setdefault((row["type"], row["id"]), []).append(row)
        return found

    wanted = sorted(set(keys))
    found = await together(access, f"versions:{limit}:{several}", wanted, ask, kind=RECORD)
    return [row for key in wanted for row in found.get(key, ())]
