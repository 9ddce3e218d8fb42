"""Labels on elements: which elements of an entry carry one, and taking one off, with a reason.

A change never lowers a label: who sends an element without its label gets it back with it (preparing.merged). The privacy officer may take
it off, as a new version with a Provenance that says who did and why; past versions keep it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.gate import bases, labels, origin, preparing
from sojourn.gate.changes import Change, new_id
from sojourn.gate.preparing import instant
from sojourn.record import store

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.labels import ElementPath
    from sojourn.gate.visible import Sight

FIXED = bases.PART2 | bases.APART
"""Laws that follow from who made it, or from what kind of note it is: no element is taken out of them."""
_LONGEST = 1000
_SHOWN = 120
_MEANWHILE = "The element was changed meanwhile. Look at it again."


class Labelled(NamedTuple):
    """One element. place: `component.0`; says: its value, shortened; codes: of its labels; fixed: why none can be taken off, or ''."""

    place: str
    says: str
    codes: tuple[str, ...]
    fixed: str


def listed(resource: dict[str, Any]) -> list[Labelled]:
    """The labelled elements of what a caller sees, in their order."""
    out = []
    for path, mask in labels.labelled_elements(resource):
        codes = tuple(str(c.get("code", "")) for holder, _, _ in _holders(resource, path) for c in _codings(holder))
        fixed = "Its law follows from who made it, or from what kind of note it is." if mask & FIXED else ""
        out.append(Labelled(_place(path), _says(resource, path), codes, fixed))
    return out


async def take_off(access: Access, type_: str, id_: str, place: str, version: str, reason: str) -> None:
    """Take the labels off one element, as a new version. version: the one that was looked at.

    Raises NotFound (also for what may not be seen), Forbidden for whose role does not oversee, Invalid (no such element, no reason, a law
    that cannot be taken off), VersionConflict.
    """
    if not access.may("*", "oversee"):
        await access.refuse("label", type_, id_)
        raise errors.Forbidden("Only the privacy officer may take a label off.")
    stored = await access.read(type_, id_)
    found = next((path for path, _ in labels.labelled_elements(stored.resource) if _place(path) == place), None)
    if found is None:
        raise errors.Invalid("There is no such element with a label of its own.")
    if any(mask & FIXED for path, mask in labels.labelled_elements(stored.resource) if path == found):
        raise errors.Invalid("Its law follows from who made it, or from what kind of note it is; it cannot be taken off.")
    if not reason.strip():
        raise errors.Invalid("A label is not taken off without a reason; say why.")
    said: dict[str, Any] = {
        "resourceType": "Provenance", "target": [{"reference": f"{type_}/{id_}"}], "recorded": instant(access.now), "activity": {"text": "A label was taken off one element"},
        "reason": [{"text": reason.strip()[:_LONGEST]}], "agent": [{"who": {"reference": access.caller.agent} if access.caller.agent else {"display": access.caller.name}}],
    }  # fmt: skip
    if stored.version != version:
        raise errors.VersionConflict(current=stored.version, expected=version)
    change = Change("update", type_, id_, if_match=None)
    (change.base,) = await store.for_update(access.house.db, access.head, access.decided, [type_], [id_])
    if change.base["kind"] != "current":
        raise errors.NotFound(f"There is no such {type_}.")
    whole, view, see = await preparing.view(access, change)
    # The role of who oversees writes no records: the gate does it, as it writes what follows from an act, with their name on it.
    mine = access.house.clerk(access)
    await mine.write([
        Change("update", type_, id_, stored.resource, if_match=(await mine.read(type_, id_)).version, unlabel=_located(whole, view, see, found)),
        Change("create", "Provenance", new_id(), said, program=await origin.made_by(mine, type_, id_)),
    ], action="label")  # fmt: skip


def _located(whole: dict[str, Any], view: dict[str, Any], see: Sight, path: ElementPath) -> ElementPath:
    """Where what stands at `path` of a view stands in the whole. Of alike elements it is the same one in order: what is labelled alike is
    seen alike. Raises Conflict where it cannot be told."""
    mask = dict(labels.labelled_elements(view, see.rules)).get(path, 0)
    seen, kept = (_alike(resource, path, mask, see) for resource in (view, whole))
    if path not in seen or len(seen) != len(kept):
        raise errors.Conflict(_MEANWHILE)
    return kept[seen.index(path)]


def without(stored: dict[str, Any], path: ElementPath) -> dict[str, Any]:
    """What is stored with no label on that element; everything else as it is. Raises Conflict where it has none any more."""
    out: dict[str, Any] = codec.loads(codec.dumps(stored))
    holders = _holders(out, path)
    if not holders:
        raise errors.Conflict(_MEANWHILE)
    for holder, parent, key in holders:
        holder["extension"] = [e for e in holder["extension"] if not (isinstance(e, dict) and e.get("url") == bases.INLINE)]
        if not holder["extension"]:
            del holder["extension"]
        if not holder:
            _empty(parent, key)
    return out


def _alike(resource: dict[str, Any], path: ElementPath, mask: int, see: Sight) -> list[ElementPath]:
    """Elements of the same kind of place with these labels, but for those within something that may not be seen."""
    every = labels.labelled_elements(resource, see.rules)
    closed = [p for p, m in every if m & ~see.permitted]
    kind = [step for step in path if isinstance(step, str)]
    return [p for p, m in every if [s for s in p if isinstance(s, str)] == kind and m == mask and not any(p[: len(c)] == c for c in closed)]


def _holders(resource: dict[str, Any], path: ElementPath) -> list[tuple[dict[str, Any], Any, Any]]:
    """(what carries the label, what it stands in, under which key): the element itself, or the `_` sibling of a primitive."""
    here: list[tuple[Any, Any, Any]] = [(resource, None, None)]
    for step in path:
        after: list[tuple[Any, Any, Any]] = []
        for node, _, _ in here:
            for key in (step, f"_{step}") if isinstance(step, str) else (step,):
                if (child := _child(node, key)) is not None:
                    after.append((child, node, key))
        here = after
    return [(node, parent, key) for node, parent, key in here if isinstance(node, dict) and bases.inline_mask(node)]


def _child(node: Any, key: Any) -> Any:
    """What stands there, or None."""
    if isinstance(node, dict):
        return node.get(key)
    return node[key] if isinstance(node, list) and isinstance(key, int) and key < len(node) else None


def _empty(parent: Any, key: Any) -> None:
    """What is left of a `_` sibling that held nothing but the label."""
    if isinstance(parent, list):
        parent[key] = None
    else:
        del parent[key]


def _codings(holder: dict[str, Any]) -> list[dict[str, Any]]:
    return [e.get("valueCoding") or {} for e in holder.get("extension", ()) if isinstance(e, dict) and e.get("url") == bases.INLINE]


def _place(path: ElementPath) -> str:
    return ".".join(map(str, path))


def _says(resource: dict[str, Any], path: ElementPath) -> str:
    """What a person reads of it: its texts and values."""
    node: Any = resource
    for step in path:
        node = _child(node, step)
    said = " ".join(_texts(node))
    return said if len(said) <= _SHOWN else said[: _SHOWN - 1] + "…"


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [t for key, value in node.items() if key not in ("extension", "system", "id", "url", "reference") for t in _texts(value)]
    if isinstance(node, list):
        return [t for value in node for t in _texts(value)]
    return [] if node is None or isinstance(node, bool) else [str(node)]
