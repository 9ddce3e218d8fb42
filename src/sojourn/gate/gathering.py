"""Gather: some elements of everything that matches, for counting; what a search would show of them.

A search decodes, redacts and encodes whole resources, and works out by which version a caller knows each. Who counts needs neither: the
content of the version by which a caller knows a resource is, for them, the content of the current one (runs.py). So the same rows come from
the same statement under the same predicate, only the elements that are asked for are looked at, and those are redacted as ever.
`tests/gate/test_gathering.py` compares the two for every role.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.fhir import codec
from sojourn.fhir.shapes import shape
from sojourn.gate import quick, redact, searching
from sojourn.gate.quick import _INLINE
from sojourn.gate.shown import _sight

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.record.trail import Receipt

MOST = 10_000
"""Matches of one question; a page for people has none of it."""
COUNT = "count"
"""The action of a line of the trail about a count."""
_ALWAYS = ("resourceType", "id")
_LISTED = 8


class Gathered(NamedTuple):
    """The elements of each match, with its type and id. whole: whether that is all of them; where not, nothing may be counted."""

    resources: list[dict[str, Any]]
    whole: bool
    receipt: Receipt


async def gather(access: Access, type_: str, params: Sequence[tuple[str, str]], elements: Sequence[str], *, count: int = MOST) -> Gathered:
    """Some elements of every match, in the order of a search, to count them. Raises Forbidden, SearchError.

    The trail has who counted what and how many it was, and names nobody: nobody is shown. Whoever shows one of them writes that
    (docs/decisions/0048-counts-in-the-trail.md).
    """
    question = "&".join([f"{searching._quoted(k)}={_short(v)}" for k, v in params])
    await access.check("search", type_, question)
    query = searching._parsed(access, type_, params, lenient=False, compartment=None)
    page, _, _, _ = await searching._page(access, query, count, None)
    whole = len(page) <= count
    page = page[:count]
    names = (*_ALWAYS, *elements)
    # With what the type cannot be without: redaction withholds what is left without it.
    needed = (*names, *(name for each in shape(type_).required for name in each if name not in names))
    light = {r["rid"]: _picked(codec.again(r["body"]), needed) for r in page if r["clean"] and _INLINE not in r["body"]}
    seen = await _seen(access, light, names)
    rest = [r for r in page if r["rid"] not in light]
    shown = await searching._shown(access, rest, [], None) if rest else []
    seen |= {r["rid"]: None if stored is None else _picked(stored.resource, names) for r, stored in zip(rest, shown, strict=True)}
    of = len({r["patient"] for r in page if r["patient"]})
    receipt = await access.note(access.entry(COUNT, type_, f"{question} ({len(page)} of {of} {'client' if of == 1 else 'clients'})".strip()))
    return Gathered([found for r in page if (found := seen[r["rid"]]) is not None], whole, receipt)


def _short(value: str) -> str:
    """A value as the trail keeps it: of a long list of ids how many there are, since who counts them asked for them in the question before."""
    listed = value.split(",")
    return f"[{len(listed)} of them]" if len(listed) > _LISTED else searching._quoted(value)


def _picked(resource: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: resource[name] for name in names if name in resource}


async def _seen(access: Access, light: dict[int, dict[str, Any]], names: Sequence[str]) -> dict[int, dict[str, Any] | None]:
    """The elements as this caller sees them. For who is subject to redaction one statement, whatever there is; for others they stand."""
    if not access.decision.redacted:
        return {rid: _picked(part, names) for rid, part in light.items()}
    targets: set[str] = set()
    for part in light.values():
        targets |= quick.survey(part)[0]
    hidden, _ = await _sight(access, targets, {})
    mask = access.decision.mask
    out: dict[int, dict[str, Any] | None] = {}
    for rid, part in light.items():
        view = redact.redact(part, permitted=mask, hidden=hidden, strip=True)
        out[rid] = None if view is None else _picked(view, names)
    return out
