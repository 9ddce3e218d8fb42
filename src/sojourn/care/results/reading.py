"""Results as screens need them: what waits, one with what it was before, those of a client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care import tasks
from sojourn.care.resources import id_of
from sojourn.care.results import model, review
from sojourn.care.results.model import REPORT, VALUE, Result, Value
from sojourn.care.results.review import Review
from sojourn.gate import sealed

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.found import Stored

_WITH: Final = (("_include", "Task:focus"), ("_include:iterate", "DiagnosticReport:result"))
_VALUES: Final = (("_include", "DiagnosticReport:result"),)
_ORDER: Final = {"stat": 0, "urgent": 1, "asap": 1}
_MANY: Final = 100
_AT_ONCE: Final = 300
_CRITICAL: Final = review.PRIORITY[model.CRITICAL]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A review with the result that it is about."""

    review: Review
    result: Result


class Part(NamedTuple):
    """The next of what waits. total: how many do, where `whole`; else more were asked for later, of which none is critical. next: for the
    part after it, or None."""

    found: list[Waiting]
    total: int
    whole: bool
    next: str | None


async def waiting(access: Access, *, count: int, everybody: bool = False, cursor: str | None = None) -> Part:
    """What waits for the caller or for their role, or for anybody: critical ones first, then abnormal ones, then the next due.

    The tasks alone say how many there are and in which order, so that results and values are read only of the part that is shown: `count`
    of them, and with the first part every critical one. Raises Malformed for a cursor that was not given to this caller for this list.
    """
    name = f"results:{'all' if everybody else 'mine'}"
    after = sealed.open_cursor(access, name, cursor) if cursor else None
    asked = await asyncio.gather(*(_search(access, params, _AT_ONCE) for params in ([[]] if everybody else _mine(access))))
    every = _once(one for some in asked for one in _reviews(some.matches) if access.may(one.focus.partition("/")[0], "search"))
    left = [one for one in every if after is None or list(_key(one)) > after]
    part = left[: max(count, sum(one.critical for one in left)) if after is None else count]
    following = sealed.cursor(access, name, list(_key(part[-1]))) if len(part) < len(left) else None
    return Part(await _shown(access, part), len(every), all(some.whole for some in asked), following)


async def mine(access: Access, *, count: int = _MANY) -> list[Waiting]:
    """What waits for the caller or for their role, for a page that shows the other kinds of tasks.ABOUT, too, and names what was tested and
    nothing of what it says: the values of a result do not come with it. Where more wait than `count`, every critical one is there all the same.
    """
    asked = await tasks.about(access, review.KIND)
    if asked is None:
        some = await asyncio.gather(*(_search(access, params, count, _WITH[:1]) for params in _mine(access)))
        return ordered(w for one in some for w in _joined(one.matches, one.included))
    first = sorted(asked[0], key=lambda s: s.resource.get("priority") != _CRITICAL)  # and of the rest the first authored
    own = [s for s in first if "owner" in s.resource]
    free = [s for s in first if "owner" not in s.resource]
    return ordered(_joined([*own[: max(count, _critical(own))], *free[: max(count, _critical(free))]], asked[1]))


def _mine(access: Access) -> list[list[tuple[str, str]]]:
    own = [[("owner", access.caller.agent)]] if access.caller.agent else []
    return [*own, [("performer", f"{tasks.ROLE}|{access.caller.role}"), ("owner:missing", "true")]]


async def of_patient(access: Access, patient: str) -> list[Waiting]:
    """What waits about one client."""
    asked = await _search(access, [("patient", patient)], _MANY, _WITH)
    return ordered(_joined(asked.matches, asked.included))


async def notices(access: Access) -> list[tasks.Work]:
    """Critical results to which the chain called the caller."""
    return await tasks.mine(access, kinds=[review.NOTICE]) if access.caller.agent else []


class _Found(NamedTuple):
    matches: list[Stored]
    included: list[Stored]
    whole: bool


async def _search(access: Access, params: Sequence[tuple[str, str]], count: int, with_: Sequence[tuple[str, str]] = ()) -> _Found:
    """The first authored, and every critical one however many came before it. One search while there are no more than `count`."""
    wanted = [*params, review.code(review.KIND), ("status", ",".join(tasks.OPEN)), ("_sort", "authored-on"), *with_]
    answer = await access.search("Task", wanted, count=count)
    matches, included = list(answer.matches), list(answer.included)
    more = answer.next is not None
    cursor: str | None = None
    while more:
        page = await access.search("Task", [("priority", _CRITICAL), *wanted], count=count, cursor=cursor)
        matches, included, cursor = [*matches, *page.matches], [*included, *page.included], page.next
        more = cursor is not None
    return _Found(matches, included, answer.next is None)


async def _shown(access: Access, part: Sequence[Review]) -> list[Waiting]:
    """Reviews with what they are about and its values, in their order. One whose result is not shown is not there."""
    some = [part[n : n + _MANY] for n in range(0, len(part), _MANY)]
    asked = [(type_, ",".join(ids)) for these in some for type_ in (REPORT, VALUE) if (ids := [id_ for one in these if (id_ := id_of({"reference": one.focus}, type_))])]
    found = await asyncio.gather(*(access.search(type_, [("_id", ids), *(_VALUES if type_ == REPORT else ())], count=_MANY) for type_, ids in asked))
    known = {f"{s.type}/{s.id}": s.resource for answer in found for s in (*answer.matches, *answer.included)}
    return [Waiting(one, result(known[one.focus], known)) for one in part if one.focus in known]


def _critical(found: Sequence[Stored]) -> int:
    """How many of them are critical."""
    return sum(s.resource.get("priority") == _CRITICAL for s in found)


def _reviews(matches: Iterable[Stored]) -> Iterator[Review]:
    return (one for s in matches if (one := review.read(s.resource, s.version)) is not None)


def _joined(matches: Iterable[Stored], included: Iterable[Stored]) -> list[Waiting]:
    """Reviews with their results. One whose result is not shown is not there."""
    known = {f"{s.type}/{s.id}": s.resource for s in included}
    return [Waiting(one, result(known[one.focus], known)) for one in _reviews(matches) if one.focus in known]


def result(focus: dict[str, Any], known: dict[str, dict[str, Any]]) -> Result:
    """A result with those of its values that are known."""
    if focus["resourceType"] == VALUE:
        return Result(VALUE, str(focus["id"]), focus, (focus,))
    parts = [known[name] for r in focus.get("result") or () if (name := str(r.get("reference", ""))) in known]
    return Result(REPORT, str(focus["id"]), focus, tuple(parts))


def ordered(found: Iterable[Waiting]) -> list[Waiting]:
    """Each once: critical, then abnormal and of these the corrected, then by the time that is left."""
    return sorted({w.review.id: w for w in found}.values(), key=lambda w: _key(w.review))


def _once(found: Iterable[Review]) -> list[Review]:
    return sorted({r.id: r for r in found}.values(), key=_key)


def _key(one: Review) -> tuple[int, bool, str, str, str]:
    return (_ORDER.get(one.priority, 2), not one.corrected, one.due.isoformat() if one.due else "~", one.authored, one.id)


@dataclass(frozen=True, slots=True)
class One:
    """A review with its result, the values that it had before it was corrected (by the id of the Observation), and earlier values of the same tests."""

    review: Review
    result: Result
    before: dict[str, list[Value]]
    earlier: list[dict[str, Any]]


async def one(access: Access, patient: str, id_: str) -> One:
    """One review. Raises NotFound, also for one of another client, and where the result is not to be seen."""
    answer = await access.search("Task", [("_id", id_), review.code(review.KIND), ("patient", patient), *_WITH], count=1)
    found = _joined(answer.matches, answer.included)
    if not found:
        raise errors.NotFound
    waiting = found[0]
    before, earlier = await asyncio.gather(_before(access, waiting.review), _same_tests(access, patient, waiting.result))
    return One(waiting.review, waiting.result, before, earlier)


async def _before(access: Access, one: Review) -> dict[str, list[Value]]:
    """The values that were corrected, as they were: at most six."""
    wanted = [v for v in one.before if v.startswith(f"{VALUE}/")][:6]
    out: dict[str, list[Value]] = {}
    for name, _, version in (v.partition("|") for v in wanted):
        try:
            stored = await access.vread(VALUE, name.partition("/")[2], version)
        except (errors.NotFound, errors.Gone):
            continue
        out[stored.id] = model.values(stored.resource)
    return out


async def _same_tests(access: Access, patient: str, found: Result) -> list[dict[str, Any]]:
    codings = dict.fromkeys(f"{c['system']}|{c['code']}" for p in found.parts for c in (p.get("code") or {}).get("coding") or () if c.get("system") and c.get("code"))
    if not codings or not access.may(VALUE, "search"):
        return []
    answer = await access.search(VALUE, [("patient", patient), ("category", "laboratory"), ("code", ",".join(list(codings)[:40])), ("_sort", "-date")], count=200)
    return answer.resources


async def reports(access: Access, patient: str, *, count: int, cursor: str | None = None) -> tuple[list[Result], str | None]:
    """The reports of a client, the newest first."""
    answer = await access.search(REPORT, [("patient", patient), ("category", "LAB,laboratory"), ("_sort", "-date"), *_VALUES], count=count, cursor=cursor)
    known = {f"{s.type}/{s.id}": s.resource for s in answer.included}
    return [result(r, known) for r in answer.resources], answer.next


async def values(access: Access, patient: str, *, count: int = 400) -> list[dict[str, Any]]:
    """The newest laboratory values of a client."""
    if not access.may(VALUE, "search"):
        return []
    return (await access.search(VALUE, [("patient", patient), ("category", "laboratory"), ("_sort", "-date")], count=count)).resources


async def looked_at(access: Access, patient: str) -> dict[str, Review]:
    """Who looked at which result of a client, by `Type/id`: the newest review of each."""
    answer = await access.search("Task", [("patient", patient), review.code(review.KIND), ("status", "completed"), ("_sort", "-authored-on")], count=200)
    found: dict[str, Review] = {}
    for stored in answer.matches:
        one = review.read(stored.resource, stored.version)
        if one is not None:
            found.setdefault(one.focus, one)
    return found


def order_of(result_: Result) -> str:
    """The id of the order that a result answers, or ''."""
    return next(iter(result_.orders), "")
