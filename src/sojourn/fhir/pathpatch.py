"""FHIRPath Patch: edits of a resource named by FHIRPath, sent as a Parameters resource.

http://hl7.org/fhir/R4/fhirpatch.html. Works on elements, not on JSON: a primitive and its
extensions are one, `value` finds `valueQuantity`, and what is left empty goes away.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from sojourn.fhir.patch import MAX_OPERATIONS, Budget, Fault, PatchError, PatchUnreadable, same_resource
from sojourn.fhir.path import Node, PathError, select
from sojourn.fhir.shapes import Member, shape


class Value(NamedTuple):
    """What is to be put in: a value, its `_` sibling, and its type as written in `value[x]`."""

    value: Any
    extra: dict[str, Any] | None
    suffix: str


class Operation(NamedTuple):
    """One operation, read; `value` stays a part until the element's type is known."""

    path: str
    name: str
    value: dict[str, Any] | None
    at: int | None
    """The part `index`: where to insert."""
    source: int | None
    destination: int | None


def fhirpath_patch(resource: dict[str, Any], parameters: Any) -> dict[str, Any]:
    """`resource` with the operations of a Parameters resource applied, as a new value. Raises PatchError."""
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        raise PatchUnreadable(None, "", "a FHIRPath Patch is a Parameters resource")
    listed = parameters.get("parameter", [])
    if not isinstance(listed, list) or len(listed) > MAX_OPERATIONS:
        raise PatchUnreadable(None, "", f"`parameter` must be an array of at most {MAX_OPERATIONS} operations")
    budget = Budget()
    try:
        document = budget.copy(resource)
    except Fault as fault:
        raise PatchError(None, "", str(fault)) from None
    for number, parameter in enumerate(listed):
        path = ""
        try:
            verb, operation = _read(parameter)
            path = operation.path
            _VERBS[verb](document, operation, budget)
        except (Fault, PathError) as fault:
            raise PatchError(number, _shown(path), str(fault)) from None
    try:
        return same_resource(resource, Budget().copy(document))
    except Fault as fault:
        raise PatchError(None, "", str(fault)) from None


def _read(parameter: Any) -> tuple[str, Operation]:
    if not isinstance(parameter, dict) or parameter.get("name") != "operation" or not isinstance(parameter.get("part"), list):
        raise Fault("each parameter must be called `operation` and have parts")
    parts: dict[str, dict[str, Any]] = {}
    for part in parameter["part"]:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name not in {"type", "path", "name", "value", "index", "source", "destination"} or name in parts:
            raise Fault("the parts are type, path, name, value, index, source, destination, each at most once")
        parts[name] = part
    verb = _text(parts, "type")
    if verb not in _VERBS:
        raise Fault("`type` must be one of add, insert, delete, replace, move")
    numbers = (_number(parts.get(name)) for name in ("index", "source", "destination"))
    return verb, Operation(_text(parts, "path"), _text(parts, "name", needed=verb == "add"), parts.get("value"), *numbers)


def _text(parts: dict[str, dict[str, Any]], name: str, *, needed: bool = True) -> str:
    part = parts.get(name, {})
    text = part.get("valueString", part.get("valueCode"))
    if isinstance(text, str):
        return text
    if needed or part:
        raise Fault(f"the part `{name}` must have a valueString or valueCode")
    return ""


def _number(part: dict[str, Any] | None) -> int | None:
    if part is None:
        return None
    number = next((part[key] for key in ("valueInteger", "valueUnsignedInt", "valuePositiveInt") if key in part), None)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise Fault("index, source and destination are whole numbers from 0 (valueInteger)")
    return number


def _build(part: dict[str, Any] | None, type_: str, budget: Budget, depth: int = 0) -> Value:
    """A `value` part as JSON: its value[x], its resource, or an object of `type_` made of its parts."""
    if part is None:
        raise Fault("the part `value` is missing")
    keys = {key.lstrip("_") for key in part if re.fullmatch(r"_?value[A-Z]\w*", key)}
    if len(keys) == 1 and not part.keys() & {"part", "resource"}:
        key = keys.pop()
        extra = part.get(f"_{key}")
        if part.get(key) is None and not isinstance(extra, dict):
            raise Fault("`value` is empty")
        return Value(budget.copy(part.get(key)), budget.copy(extra) if isinstance(extra, dict) else None, key[5:])
    if isinstance(part.get("resource"), dict) and not keys and "part" not in part:
        return Value(budget.copy(part["resource"]), None, "Resource")
    parts = part.get("part")
    if keys or not isinstance(parts, list) or not parts or depth > 20:
        raise Fault("`value` must have one value[x], or parts")
    built: dict[str, Any] = {}
    for child in parts:
        name = child.get("name") if isinstance(child, dict) else None
        if not isinstance(name, str):
            raise Fault("each part of `value` must have a name")
        _append(built, type_, name, child, budget, depth + 1)
    return Value(built, None, "")


def _key(type_: str, name: str, suffix: str) -> tuple[str, Member]:
    """The JSON name of the element `name` when it takes a value of this type."""
    known = shape(type_)
    keys = known.names.get(name)
    if not keys:
        raise Fault("there is no element of that name there")
    if not known.members[keys[0]].choice:
        return keys[0], known.members[keys[0]]
    key = f"{name}{suffix}"
    if not suffix or key not in keys:
        raise Fault("the element does not take a value of that type")
    return key, known.members[key]


def _type_of(type_: str, name: str) -> str:
    """The type of an element that is no choice, for values given in parts; empty for a choice."""
    keys = shape(type_).names.get(name, ())
    return shape(type_).members[keys[0]].type if len(keys) == 1 else ""


def _append(owner: dict[str, Any], type_: str, name: str, part: dict[str, Any] | None, budget: Budget, depth: int = 0) -> None:
    """Add one value to `owner`: at the end of a list, or as an element that is not there yet."""
    new = _build(part, _type_of(type_, name), budget, depth)
    key, member = _key(type_, name, new.suffix)
    if member.repeats:
        values = owner.get(key)
        extras = owner.get(f"_{key}")
        size = max(len(x) if isinstance(x, list) else 0 for x in (values, extras))
        _insert(owner, key, size, new)
    elif any(k in owner or f"_{k}" in owner for k in shape(type_).names[name]):
        raise Fault("the element is already there; use replace")
    else:
        _write(owner, key, None, new)


def _pair(owner: dict[str, Any], key: str, *, extras: bool) -> list[list[Any]]:
    """A list and, where there is one or is to be one, the list of its `_` siblings, of equal length."""
    lists = [owner.get(key), owner.get(f"_{key}")]
    if not extras and not isinstance(lists[1], list):
        lists.pop()
    known = [values if isinstance(values, list) else [] for values in lists]
    size = max(map(len, known))
    full = []
    for name, values in zip((key, f"_{key}"), known, strict=False):
        owner[name] = [*values, *[None] * (size - len(values))]
        full.append(owner[name])
    return full


def _insert(owner: dict[str, Any], key: str, index: int, new: Value) -> None:
    lists = _pair(owner, key, extras=new.extra is not None)
    for values, value in zip(lists, (new.value, new.extra), strict=False):
        values.insert(index, value)


def _write(owner: dict[str, Any], key: str, index: int | None, new: Value) -> None:
    """Put a value and its sibling in the place of what is there."""
    if index is not None:
        for values, value in zip(_pair(owner, key, extras=new.extra is not None), (new.value, new.extra), strict=False):
            values[index] = value
        return
    for name, value in ((key, new.value), (f"_{key}", new.extra)):
        if value is None:
            owner.pop(name, None)
        else:
            owner[name] = value


def _discard(node: Node) -> None:
    """Take an element out, and every parent that this leaves empty."""
    if node.parent is None:
        raise Fault("the resource itself cannot be deleted")
    owner: dict[str, Any] = node.parent.value
    key = node.key.lstrip("_")
    if node.index is None:
        for name in (node.key, f"_{node.key}") if not node.key.startswith("_") else (node.key,):
            owner.pop(name, None)
    elif node.key.startswith("_"):
        owner[node.key][node.index] = None
    else:
        for values in _pair(owner, key, extras=False):
            del values[node.index]
    _tidy(owner, key)
    if not owner and node.parent.parent is not None:
        _discard(node.parent)


def _tidy(owner: dict[str, Any], key: str) -> None:
    """Drop lists that say nothing."""
    for name in (key, f"_{key}"):
        values = owner.get(name)
        if isinstance(values, list) and all(value is None for value in values):
            del owner[name]


def _one(document: dict[str, Any], path: str) -> Node:
    found = select(document, path)
    if len(found) != 1:
        raise Fault("the path must name one element, and names " + ("none" if not found else "more"))
    return found[0]


def _collection(document: dict[str, Any], path: str) -> list[Node]:
    """The items of one list, in order."""
    found = select(document, path)
    if any(node.parent is None or node.index is None for node in found):
        raise Fault("the path must name a list")
    if any(node.parent.value is not found[0].parent.value or node.key != found[0].key for node in found if node.parent and found[0].parent):
        raise Fault("the path must name one list, and names items of several")
    if found and [node.index for node in found] != list(range(_size(found[0]))):
        raise Fault("the path must name a whole list")
    return found


def _size(node: Node) -> int:
    """How long the list is that the node is an item of."""
    owner = node.parent.value if node.parent else {}
    return max(len(values) if isinstance(values, list) else 0 for values in (owner.get(node.key), owner.get(f"_{node.key}")))


def _add(document: dict[str, Any], operation: Operation, budget: Budget) -> None:
    node = _one(document, operation.path)
    if isinstance(node.value, dict):
        _append(node.value, node.type, operation.name, operation.value, budget)
    elif operation.name == "extension" and node.parent is not None:
        held = dict(node.extra or {})
        _append(held, "Element", "extension", operation.value, budget)
        _write(node.parent.value, node.key, node.index, Value(node.value, held, ""))
    else:
        raise Fault("a primitive takes no element but `extension`")


def _insert_into(document: dict[str, Any], operation: Operation, budget: Budget) -> None:
    found = _collection(document, operation.path)
    if operation.at is None or operation.at > len(found):
        raise Fault("`index` is needed, and may be at most the length of the list")
    if not found:
        way, _, name = operation.path.rpartition(".")
        if not re.fullmatch(r"\s*\w+\s*", name):
            raise Fault("the path must name a list")
        _add(document, operation._replace(path=way, name=name.strip()), budget)
        return
    first = found[0]
    assert first.parent is not None
    name = shape(first.parent.type).members[first.key].element if first.key in shape(first.parent.type).members else first.key
    new = _build(operation.value, _type_of(first.parent.type, name), budget)
    _insert(first.parent.value, first.key, operation.at, new)


def _delete(document: dict[str, Any], operation: Operation, _budget: Budget) -> None:
    found = select(document, operation.path)
    if len(found) > 1:
        raise Fault("only a single element can be deleted, and the path names more")
    for node in found:
        _discard(node)


def _replace(document: dict[str, Any], operation: Operation, budget: Budget) -> None:
    node = _one(document, operation.path)
    if node.parent is None:
        raise Fault("the resource itself cannot be replaced")
    member = shape(node.parent.type).members.get(node.key)
    new = _build(operation.value, member.type if member else "", budget)
    key = _key(node.parent.type, member.element, new.suffix)[0] if member and member.choice else node.key
    if key != node.key:
        for name in (node.key, f"_{node.key}"):
            node.parent.value.pop(name, None)
    _write(node.parent.value, key, node.index, new)


def _move(document: dict[str, Any], operation: Operation, _budget: Budget) -> None:
    found = _collection(document, operation.path)
    if operation.source is None or operation.destination is None or max(operation.source, operation.destination) >= len(found):
        raise Fault("`source` and `destination` are needed, and must be positions in the list")
    first = found[0]
    assert first.parent is not None
    for values in _pair(first.parent.value, first.key, extras=False):
        values.insert(operation.destination, values.pop(operation.source))


_VERBS: dict[str, Callable[[dict[str, Any], Operation, Budget], None]] = {
    "add": _add,
    "insert": _insert_into,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}


def _shown(path: str) -> str:
    """A path as it may be shown: what stands in quotation marks may be data."""
    return re.sub(r"'(?:[^'\\]|\\.)*'?", "'…'", path)[:200]
