"""A change made on a redacted view, merged into what is stored: what is hidden stays, in place.

Three values meet at every element: what is stored, what its author saw of it, and what they sent.
Where the two last are equal nothing was changed and what is stored stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from sojourn.fhir import codec
from sojourn.fhir.shapes import Shape, shape
from sojourn.gate.aligning import align
from sojourn.gate.bases import ACT_CODE, CONFIDENTIALITY, INLINE, PROCESS_INLINE
from sojourn.gate.labels import read
from sojourn.gate.visible import Sight, is_hidden, is_stripped, one_primitive, paired, visible

REPLACED: Final = "https://sojourn.example/fhir/StructureDefinition/replaced-by-restricted-author"
"""Extension on an element that has room for one value: holds the hidden value that an author who could not
see it has set anew. It carries the label of that value, so that it is seen by the same people."""


class Part(NamedTuple):
    """One element of an object: its JSON name, its value or list, and its `_` sibling."""

    key: str
    value: Any
    extra: Any


def merge(stored: dict[str, Any], seen: dict[str, Any], submitted: dict[str, Any], see: Sight) -> dict[str, Any]:
    """The resource to store. Shares parts with what it was made from, and changes none of them."""
    if same(submitted, seen):
        return stored
    kind = str(stored.get("resourceType", ""))
    out = _object(stored, _with_own_contained(stored, submitted), kind, see)
    security = _security(stored, seen, submitted, see)
    meta = {**out.get("meta", {}), "security": security}
    if not security:
        del meta["security"]
    return {**{key: value for key, value in out.items() if key != "meta" or meta}, **({"meta": meta} if meta else {})}


def _security(stored: dict[str, Any], seen: dict[str, Any], submitted: dict[str, Any], see: Sight) -> list[Any]:
    """Labels that were there stay; those sent anew are added; what only repeats the view says nothing.

    What follows from content is left out: labelling finds it again, or finds that it no longer holds.
    """

    def of(resource: dict[str, Any]) -> list[Any]:
        found = resource.get("meta", {}).get("security", [])
        return found if isinstance(found, list) else []

    tags = read(stored, see.rules)[0]
    kept = [c for c in of(stored) if c != PROCESS_INLINE and not (c.get("system") == ACT_CODE and c.get("code") in tags)]
    kept = [c for c in kept if c.get("system") != CONFIDENTIALITY or c.get("code") == "V"]
    echoed = of(seen)
    return kept + [c for c in of(submitted) if c not in echoed and c not in kept]


def _with_own_contained(stored: dict[str, Any], submitted: dict[str, Any]) -> dict[str, Any]:
    """What was submitted, with other ids for contained resources where stored ones have them already."""
    contained = submitted.get("contained")
    if not isinstance(contained, list) or contained == stored.get("contained"):
        return submitted
    taken = {c.get("id") for c in stored.get("contained", ()) if isinstance(c, dict)}
    renamed = {
        f"#{c['id']}": f"#{c['id']}-new" for c in contained if isinstance(c, dict) and isinstance(c.get("id"), str) and c["id"] in taken
    }

    def again(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: again(child, name) for name, child in value.items()}
        if isinstance(value, list):
            return [again(item, key) for item in value]
        return renamed.get(value, value) if key == "reference" and isinstance(value, str) else value

    if not renamed:
        return submitted
    fresh: dict[str, Any] = again(submitted)
    fresh["contained"] = [
        {**c, "id": renamed.get(f"#{c.get('id')}", f"#{c.get('id')}")[1:]} if c.get("id") else c for c in fresh["contained"]
    ]
    return fresh


def _object(stored: dict[str, Any], submitted: dict[str, Any], kind: str, see: Sight) -> dict[str, Any]:
    """An object that its author saw and changed."""
    if kind == "Resource":
        kind = str(stored.get("resourceType", ""))
    view = visible(stored, kind, see) or {}
    if same(submitted, view):
        return stored
    known = shape(kind)
    moved = kind == "Reference" and any(submitted.get(name) != view.get(name) for name in ("reference", "type"))
    found: dict[str, Part] = {}
    theirs, seen = _parts(submitted, known), _parts(view, known)
    ours = _parts(stored, known)
    for name in (*ours, *(name for name in theirs if name not in ours)):
        was, sent = ours.get(name), theirs.get(name)
        type_ = known.members[was.key].type if was and was.key in known.members else ""
        if was and see.strip and is_stripped(name, kind, type_, stored):
            part = _stripped(was, sent, type_, moved=moved)
        else:
            part = _element(was, seen.get(name), sent, type_, see)
        if part:
            found[name] = part
    out: dict[str, Any] = {}
    for part in (found[name] for name in _order(ours, theirs, found)):
        for key, value in ((part.key, part.value), (f"_{part.key}", part.extra)):
            if value is not None:
                out[key] = value
    return out


def _order(ours: Iterable[str], theirs: Iterable[str], found: Mapping[str, Part]) -> list[str]:
    """What was sent, in its order; what only we have comes after what it came after.

    The order that the author sees must not depend on what else there is.
    """
    order = [name for name in theirs if name in found]
    before = -1
    for name in ours:
        if name not in found:
            continue
        if name in theirs:
            before = order.index(name)
        else:
            before += 1
            order.insert(before, name)
    return order


def same(a: Any, b: Any) -> bool:
    """Equal, and in the same order."""
    return bool(a == b) and codec.dumps(a) == codec.dumps(b)


def _parts(value: dict[str, Any], known: Shape) -> dict[str, Part]:
    """The elements of an object by name; a choice by the name without its type."""
    parts: dict[str, Part] = {}
    for key in value:
        bare = key[1:] if key[:1] == "_" else key
        member = known.members.get(bare)
        name = member.element if member else bare
        if name not in parts:
            parts[name] = Part(bare, value.get(bare), value.get(f"_{bare}"))
    return parts


def _stripped(was: Part, sent: Part | None, type_: str, *, moved: bool) -> Part | None:
    """An element that the author never gets to see, whatever it holds."""
    if was.key == "contained":
        return was._replace(value=[*was.value, *(sent.value if sent else ())])
    if type_ == "Narrative":  # generated from content that has just changed, it would now be wrong
        generated = isinstance(was.value, dict) and was.value.get("status") == "generated"
        return None if generated else was
    return sent if moved else sent or was  # what a reference displays belongs to its target


def _element(was: Part | None, seen: Part | None, sent: Part | None, type_: str, see: Sight) -> Part | None:
    """One element: stored, as seen, as sent."""
    if was is None:
        return sent
    if same(sent, seen):
        return was
    if isinstance(was.value, list) or isinstance(was.extra, list):
        return _list(was, sent, type_, see)
    if seen is None and sent is not None:
        return _replaced(sent, was, type_, see) if _secret(was.value, type_, see) or _secret_primitive(was, see) else sent
    rest = _ghost_part(was, type_, see)
    if sent is None:
        return rest
    if sent.key != was.key:
        return _replaced(sent, rest, type_, see) if rest else sent
    if isinstance(was.value, dict) and isinstance(sent.value, dict):
        return Part(was.key, _object(was.value, sent.value, type_, see), None)
    return Part(was.key, sent.value, _extra(was.extra, sent.extra, see))


def _extra(was: Any, sent: Any, see: Sight) -> Any:
    """The `_` sibling of a primitive that is still there: its hidden extensions and its labels stay."""
    if not isinstance(was, dict):
        return sent
    return _object(was, sent if isinstance(sent, dict) else {}, "Element", see) or None


def _secret_primitive(part: Part, see: Sight) -> bool:
    return one_primitive(part.value, part.extra, part.key, see) == (None, None) and _is_secret(part.value, part.extra, part.key, see)


def _is_secret(value: Any, extra: Any, key: str, see: Sight) -> bool:
    """Whether a primitive, or an extension on it, is hidden by label or for its target."""
    if isinstance(value, str) and one_primitive(value, None, key, see) == (None, None):
        return True
    return _secret(extra, "Element", see)


def _secret(value: Any, kind: str, see: Sight) -> bool:
    """Whether anything in there is hidden by label or for its target; not what is stripped from every answer."""
    if isinstance(value, list):
        return any(_secret(item, kind, see) for item in value)
    if not isinstance(value, dict):
        return False
    own = see._replace(strip=False)
    if is_hidden(value, kind if kind != "Resource" else "", own):
        return True
    known = shape(str(value.get("resourceType", "")) if kind == "Resource" else kind)
    for key, child in value.items():
        member = known.members.get(key)
        texts = [child] if isinstance(child, str) else child if isinstance(child, list) else []
        if key != "reference" and any(isinstance(t, str) and one_primitive(t, None, key, own) == (None, None) for t in texts):
            return True
        if _secret(child, "Element" if key[:1] == "_" else member.type if member else "", see):
            return True
    return False


def _ghost(value: dict[str, Any], kind: str, see: Sight) -> dict[str, Any] | None:
    """What stays of an object that its author removed: the hidden parts, in their places; None when there are none."""
    if not _secret(value, kind, see):
        return None
    if visible(value, kind, see) is None or kind == "Resource":
        return value
    out: dict[str, Any] = {"url": value["url"]} if kind == "Extension" and "url" in value else {}
    known = shape(kind)
    for part in _parts(value, known).values():
        type_ = known.members[part.key].type if part.key in known.members else ""
        rest = _ghost_part(part, type_, see)
        for key, held in ((part.key, rest.value), (f"_{part.key}", rest.extra)) if rest else ():
            if held is not None:
                out[key] = held
    return out


def _ghost_part(part: Part, type_: str, see: Sight) -> Part | None:
    """The hidden parts of one element, or of every item of a list."""
    if isinstance(part.value, list) or isinstance(part.extra, list):
        return _list(part, None, type_, see, removed=True)
    if isinstance(part.value, dict):
        rest = _ghost(part.value, type_, see)
        return Part(part.key, rest, None) if rest else None
    pair = _ghost_pair((part.value, part.extra), part.key, see)
    return Part(part.key, *pair) if pair else None


def _ghost_pair(pair: tuple[Any, Any], key: str, see: Sight) -> tuple[Any, Any] | None:
    value, extra = pair
    if not _is_secret(value, extra, key, see):
        return None
    if one_primitive(value, extra, key, see) == (None, None):
        return pair
    rest = _ghost(extra, "Element", see) if isinstance(extra, dict) else None
    return (None, rest) if rest else None


class _Items(NamedTuple):
    """How to treat the items of one list: objects, or primitives with their siblings."""

    view: Callable[[Any], Any]
    merge: Callable[[Any, Any], Any]
    ghost: Callable[[Any], Any]


def _objects(type_: str, see: Sight) -> _Items:
    return _Items(
        lambda item: visible(item, type_, see) if isinstance(item, dict) else item,
        lambda was, sent: _object(was, sent, type_, see) if isinstance(was, dict) and isinstance(sent, dict) else sent,
        lambda item: _ghost(item, type_, see) if isinstance(item, dict) else None,
    )


def _primitives(key: str, see: Sight) -> _Items:
    def view(pair: tuple[Any, Any]) -> tuple[Any, Any] | None:
        seen = one_primitive(*pair, key, see)
        return None if seen == (None, None) else seen

    return _Items(view, lambda was, sent: (sent[0], _extra(was[1], sent[1], see)), lambda pair: _ghost_pair(pair, key, see))


def _list(was: Part, sent: Part | None, type_: str, see: Sight, *, removed: bool = False) -> Part | None:
    """A list: what was sent, in its order, with the items that its author could not see where they stood."""
    listed = sent.value if sent else None
    objects = any(isinstance(item, dict) for values in (was.value, listed) if isinstance(values, list) for item in values)
    if objects:
        merged = _merged(list(was.value), list(listed or ()), _objects(type_, see), removed=removed)
        return Part(was.key, merged, None) if merged else None
    pairs = paired(listed, sent.extra) if sent else []
    merged = _merged(paired(was.value, was.extra), pairs, _primitives(was.key, see), removed=removed)
    values, extras = [v for v, _ in merged], [e for _, e in merged]
    return Part(was.key, values if any(v is not None for v in values) else None, extras if any(extras) else None) if merged else None


def _merged(stored: list[Any], sent: list[Any], items: _Items, *, removed: bool) -> list[Any]:
    views = [items.view(item) for item in stored]
    seen = [i for i, view in enumerate(views) if view is not None]
    found = align([views[i] for i in seen], [items.view(item) or item for item in sent])
    source = {position: seen[match] for position, match in found.items()}
    place = {match: position for position, match in source.items()}
    fresh = [items.merge(stored[source[n]], item) if n in source and not same(views[source[n]], item) else stored[source[n]] if n in source else item
             for n, item in enumerate(sent)]  # fmt: skip
    after: dict[int, list[Any]] = {}
    at = -1
    for i, item in enumerate(stored):
        if i in place:
            at = place[i]
            continue
        left = items.ghost(item) if views[i] is not None or removed else item
        if not removed and _is_label(item):
            left = item
        if left is not None:
            after.setdefault(at, []).append(left)
    return [*after.get(-1, ()), *(x for n, item in enumerate(fresh) for x in (item, *after.get(n, ())))]


def _is_label(item: Any) -> bool:
    return isinstance(item, dict) and item.get("url") == INLINE


def _replaced(sent: Part, was: Part, type_: str, see: Sight) -> Part:
    """The new value of an element that has room for one, with the hidden one kept in an extension."""
    held = {"url": REPLACED, "extension": [_as_extension("value", was, type_)]}
    if isinstance(sent.value, dict):
        return sent._replace(value={**sent.value, "extension": [*sent.value.get("extension", ()), held]})
    extra = sent.extra if isinstance(sent.extra, dict) else {}
    return sent._replace(extra={**extra, "extension": [*extra.get("extension", ()), held]})


def _as_extension(url: str, part: Part, type_: str) -> dict[str, Any]:
    """An element as an extension: a data type as its value, a backbone element part by part."""
    if not isinstance(part.value, dict) or "." not in type_:
        name = f"value{type_[:1].upper()}{type_[1:]}" if type_ else "valueString"
        held = {name: part.value, f"_{name}": part.extra}
        return {"url": url, **{key: value for key, value in held.items() if value is not None}}
    known = shape(type_)
    inner: list[Any] = []
    for name, child in _parts(part.value, known).items():
        kind = known.members[child.key].type if child.key in known.members else ""
        if name in ("extension", "modifierExtension"):
            inner += child.value
        elif isinstance(child.value, list) and all(isinstance(item, dict) for item in child.value):
            inner += [_as_extension(name, Part(child.key, item, None), kind) for item in child.value]
        elif isinstance(child.value, list) or isinstance(child.extra, list):
            inner += [_as_extension(name, Part(child.key, *pair), kind) for pair in paired(child.value, child.extra)]
        else:
            inner.append(_as_extension(name, child, kind))
    return {"url": url, "extension": inner}
