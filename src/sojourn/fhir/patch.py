"""JSON Patch: six small edits of a resource, applied in order or not at all.

https://www.rfc-editor.org/rfc/rfc6902 and https://hl7.org/fhir/R4/http.html#patch. The edits are
made on the JSON as it stands: an array left empty stays empty, and validation will say so.
FHIRPath Patch, which knows elements, is in `pathpatch`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sojourn.base.errors import Invalid
from sojourn.fhir.path import equal

MAX_OPERATIONS = 1000
MAX_NODES = 200_000
"""How many values all operations together may put in: `copy` doubles, so a short patch could grow without end."""
MAX_DEPTH = 64


class PatchError(Invalid):
    """The patch cannot be applied; nothing was changed. The message names the operation and path, never a value."""

    def __init__(self, operation: int | None, path: str, reason: str) -> None:
        self.operation = operation
        self.path = path
        where = "" if operation is None else f"Operation {operation}{f' at {path}' if path else ''}: "
        super().__init__(where + reason)


class PatchUnreadable(PatchError):
    """The patch document itself is not one."""

    status = 400
    code = "structure"


class Fault(Exception):
    """Why one operation fails; becomes a PatchError that names the operation."""


class Budget:
    """Counts what is copied into a resource, so that no patch makes it grow without end."""

    def __init__(self) -> None:
        self.left = MAX_NODES

    def copy(self, value: Any, depth: int = 0) -> Any:
        """A copy of `value` that shares nothing with it. Raises Fault when it is too deep or too much."""
        self.left -= 1
        if self.left < 0:
            raise Fault("the patch makes the resource too large")
        if depth > MAX_DEPTH:
            raise Fault(f"the patch nests values deeper than {MAX_DEPTH} levels")
        if isinstance(value, dict):
            return {key: self.copy(child, depth + 1) for key, child in value.items()}
        if isinstance(value, list):
            return [self.copy(child, depth + 1) for child in value]
        return value


def json_patch(resource: dict[str, Any], operations: Any) -> dict[str, Any]:
    """`resource` with the operations applied, as a new value. Raises PatchError."""
    if not isinstance(operations, list):
        raise PatchUnreadable(None, "", "a JSON Patch is an array of operations")
    if len(operations) > MAX_OPERATIONS:
        raise PatchUnreadable(None, "", f"a patch may have at most {MAX_OPERATIONS} operations")
    budget = Budget()
    document: Any = resource
    for number, operation in enumerate(operations):
        if not isinstance(operation, dict):
            raise PatchUnreadable(number, "", "an operation is an object")
        try:
            if number == 0:
                document = budget.copy(resource)
            document = _apply(document, operation, budget)
        except Fault as fault:
            raise PatchError(number, _shown(operation.get("path")), str(fault)) from None
    if not operations:
        document = Budget().copy(resource)
    return same_resource(resource, document)


def same_resource(before: dict[str, Any], after: Any) -> dict[str, Any]:
    """`after`, if it is still the same resource: a patch changes content, not type or id."""
    if not isinstance(after, dict):
        raise PatchError(None, "", "The patch leaves no resource")
    for name in ("resourceType", "id"):
        if before.get(name) != after.get(name):
            raise PatchError(None, name, f"The patch may not change the resource's {'id' if name == 'id' else 'type'}")
    return after


def _apply(document: Any, operation: dict[str, Any], budget: Budget) -> Any:
    verb = operation.get("op")
    act = _VERBS.get(verb) if isinstance(verb, str) else None
    if act is None:
        raise Fault("`op` must be one of add, remove, replace, move, copy, test")
    return act(document, operation, _pointer(operation, "path"), budget)


def _pointer(operation: dict[str, Any], name: str) -> list[str]:
    """The steps of a JSON pointer (https://www.rfc-editor.org/rfc/rfc6901), unescaped."""
    text = operation.get(name)
    if not isinstance(text, str):
        raise Fault(f"`{name}` must be a JSON pointer")
    if text and not text.startswith("/"):
        raise Fault(f"`{name}` must start with /")
    if re.search(r"~(?![01])", text):
        raise Fault(f"`{name}` has a ~ that is neither ~0 nor ~1")
    if text.count("/") > MAX_DEPTH:
        raise Fault(f"`{name}` is deeper than {MAX_DEPTH} levels")
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]


def _value(operation: dict[str, Any], budget: Budget, depth: int) -> Any:
    if "value" not in operation:
        raise Fault("`value` is missing")
    return budget.copy(operation["value"], depth)


def _index(step: str, size: int) -> int:
    """An array position below `size`; digits without a leading zero."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,8}", step):
        raise Fault("an array needs a position there")
    if int(step) >= size:
        raise Fault("the array has no such position")
    return int(step)


def _get(document: Any, steps: list[str]) -> Any:
    """The value that the pointer names."""
    for step in steps:
        if isinstance(document, list):
            document = document[_index(step, len(document))]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            raise Fault("there is nothing at that path")
    return document


def _put(document: Any, steps: list[str], value: Any) -> Any:
    """Add: into an array by position, as a member of an object, or as the whole document."""
    if not steps:
        return value
    *way, last = steps
    owner = _get(document, way)
    if isinstance(owner, list):
        owner.insert(len(owner) if last == "-" else _index(last, len(owner) + 1), value)
    elif isinstance(owner, dict):
        owner[last] = value
    else:
        raise Fault("there is no object or array to add to")
    return document


def _take(document: Any, steps: list[str]) -> Any:
    """Remove what the pointer names and give it."""
    if not steps:
        raise Fault("the resource itself cannot be removed")
    *way, last = steps
    owner = _get(document, way)
    value = _get(owner, [last])
    del owner[int(last) if isinstance(owner, list) else last]
    return value


def _add(document: Any, operation: dict[str, Any], steps: list[str], budget: Budget) -> Any:
    return _put(document, steps, _value(operation, budget, len(steps)))


def _remove(document: Any, _operation: dict[str, Any], steps: list[str], _budget: Budget) -> Any:
    _take(document, steps)
    return document


def _replace(document: Any, operation: dict[str, Any], steps: list[str], budget: Budget) -> Any:
    value = _value(operation, budget, len(steps))
    if not steps:
        return value
    _get(document, steps)
    owner = _get(document, steps[:-1])
    owner[int(steps[-1]) if isinstance(owner, list) else steps[-1]] = value
    return document


def _move(document: Any, operation: dict[str, Any], steps: list[str], budget: Budget) -> Any:
    source = _pointer(operation, "from")
    if source == steps:
        _get(document, steps)
        return document
    if steps[: len(source)] == source:
        raise Fault("a value cannot be moved into itself")
    return _put(document, steps, budget.copy(_take(document, source), len(steps)))


def _copy(document: Any, operation: dict[str, Any], steps: list[str], budget: Budget) -> Any:
    return _put(document, steps, budget.copy(_get(document, _pointer(operation, "from")), len(steps)))


def _test(document: Any, operation: dict[str, Any], steps: list[str], _budget: Budget) -> Any:
    if "value" not in operation:
        raise Fault("`value` is missing")
    if not equal(_get(document, steps), operation["value"]):
        raise Fault("the value there is not the one tested for")
    return document


_VERBS: dict[str, Callable[[Any, dict[str, Any], list[str], Budget], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _shown(path: Any) -> str:
    """A pointer as it may be shown: steps that do not look like element names may be data."""
    if not isinstance(path, str):
        return ""
    steps = path[:500].split("/")
    return "/".join(step if re.fullmatch(r"[A-Za-z_]{0,40}|[0-9]{1,6}|-", step) else "…" for step in steps)
