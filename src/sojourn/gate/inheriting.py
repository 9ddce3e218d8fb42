"""What a resource takes from others: the encounter it hangs on, what it holds, what ordered it.

Worked out here when it is written, and checked by gate.write against what is stored at that moment: were it otherwise, the write
is refused and made again with what is stored now. What comes later (an encounter that is written after its observations, or that
gets another label) reaches them in the transaction that brings it (gate.reach). docs/labels.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.gate import bases, labelling, labels, preparing
from sojourn.gate.holding import CONTENT, HOLDERS, contents
from sojourn.record import index
from sojourn.record import labelling as stored_labels

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change
    from sojourn.gate.preparing import Prepared

_HOLDS = frozenset({CONTENT, "entry", "result", "medication"})
_ORDERS = "based-on"
_ABOUT: Final = ("DiagnosticReport/", "Observation/", "ServiceRequest/")
_HANGS = frozenset({"encounter", "context", "part-of", ""})
_NOTES_APART: Final = bases.SUD_COUNSELING | bases.PSYCHOTHERAPY


class Source(NamedTuple):
    """What something may hang on: its laws, and whose it is."""

    own: int
    origin: Sequence[int]
    patient: str | None
    tags: Sequence[str]


def passed_on(param: str, target: str) -> int:
    """The bases that a reference passes on to whoever has it, as gate.passed_on."""
    if param in _HANGS and target.startswith("Encounter/"):
        return ~_NOTES_APART
    if (param == _ORDERS and target.startswith("ServiceRequest/")) or (param == "focus" and target.startswith(_ABOUT)):
        return ~0  # what was ordered, and work about an order or a result
    return ~0 if param in _HOLDS else 0


def reaching(mask: int, source: Source, type_: str, own: int, origin: Sequence[int], patient: str | None) -> int:
    """Of these the ones that reach a resource, as gate.reaching: none of another program's Part 2 record, none of another patient."""
    bits = source.own & mask
    if not bits or (source.patient is not None and patient is not None and source.patient != patient):
        return 0
    if not source.own & bases.PART2:
        return bits
    if not source.origin or not set(source.origin) <= set(origin):
        return 0
    if type_ not in bases.LONGITUDINAL:
        return bits
    return bits & ~bases.PART2 if own & bases.PART2 else 0


async def applied(access: Access, prepared: Sequence[Prepared], *, again: bool) -> None:
    """Label what is about to be written with what it takes from others, in the same batch and, where that may matter, in the record.

    `again`: the record refused the labels that were worked out without looking.
    """
    here = {f"{p.type}/{p.id}": p for p in prepared if p.kind in ("create", "restore", "update")}
    links = [(p, found) for p in here.values() if (found := _links(p))]
    if not links:
        return
    wanted = {
        target for p, found in links for _, target in found
        if target not in here and (again or p.facts is not labels.NOTHING or target.startswith("Medication/"))
    }  # fmt: skip
    stored = await stored_labels.sources(access.house.db, access.tenant.number, sorted(wanted)) if wanted else {}
    known = {target: Source(*row) for target, row in stored.items()}
    more = True
    while more:  # ends: labels only grow
        more = False
        for p, found in links:
            more = _take(access, p, found, here, known) or more


def _links(p: Prepared) -> list[tuple[int, str]]:
    if p.rows is None:
        return []
    edges = zip(p.rows.edge_param, p.rows.edge_target, strict=True)
    found = [(mask, target) for param, target in edges if (mask := passed_on(param, target))]
    if p.resource is not None and p.type in HOLDERS:
        found += [(~0, target) for target in contents(p.resource)]
    return found


def _take(access: Access, p: Prepared, links: Iterable[tuple[int, str]], here: Mapping[str, Prepared], known: Mapping[str, Source]) -> bool:
    """Whether it got more from what it hangs on."""
    bits, tags = 0, set[str]()
    for mask, target in links:
        made = here.get(target)
        source = Source(made.own, made.origin, made.patient, made.tags) if made is not None else known.get(target)
        if source is None:
            continue
        bits |= reaching(mask, source, p.type, p.own, p.origin, p.patient)
        if target.startswith("Medication/") and not source.own:
            tags.update(source.tags)
    lowered = labelling.bits_of(p.facts.lowered)
    # Subjects say that they come from elsewhere, whether or not a code gives the same; and of something with labelled elements so do laws: that code may be hidden.
    had = p.facts.inherited if p.parts else p.own
    if not (bits & ~had & ~lowered or tags - {*p.facts.inherited_tags, *p.facts.lowered}):
        return False
    preparing.relabel(access, p, p.facts._replace(inherited=p.facts.inherited | bits, inherited_tags=p.facts.inherited_tags | tags))
    return True


async def known(access: Access, change: Change, resource: dict[str, Any], *, again: bool) -> None:
    """Look up what people decided about the label of what is changed, and what its senders wrote, unless nothing points to either.

    What it has from elsewhere it keeps, as the version before it says it, while it hangs on the same: what rises or falls there reaches it through the feed, and with it all
    versions at once. Else an edit of which a reader may see nothing would tell them by the label that there was one.
    """
    base = change.base
    change.owed = 0
    if base is None or base["kind"] is None:
        return
    if not again and (base["kind"] == "delete" or not labelling.unusual(change, access.rules)):
        return
    for row in await stored_labels.facts(access.house.db, access.tenant.number, [base["seq"]], access.now):
        change.facts = labels.Facts(raised=frozenset(row["raised"]), lowered=frozenset(row["lowered"]))
        change.wrote = json.loads(row["sent"]) if row["sent"] is not None else None
    if base["kind"] == "current" and (laws := labelling.elsewhere(change, access.rules)):
        change.owed = laws & ~labels.named(change.before)
        if _hangs_on(access, change.before) == _hangs_on(access, resource):
            change.facts = change.facts._replace(inherited=laws & ~bases.MINOR)  # care that a minor consented to hangs on more


def _hangs_on(access: Access, resource: dict[str, Any]) -> set[tuple[int, str]]:
    """What passes laws on to a resource."""
    rows = index.rows(resource, access.house.keys[access.tenant.number], (), access.house.base)
    found = {(mask, target) for param, target in zip(rows.edge_param, rows.edge_target, strict=True) if (mask := passed_on(param, target))}
    return found | ({(~0, target) for target in contents(resource)} if resource["resourceType"] in HOLDERS else set())
