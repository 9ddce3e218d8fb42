"""What a resource can be searched by: one Python function per type, made from its key paths.

The paths of all parameters of a type are merged into a tree, so that a shared beginning is walked once; the tree becomes
the source text of a function, compiled on the first resource of the type. Only our own tables go into that text.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from sojourn.fhir import terms as readers
from sojourn.fhir.searchparams import PARAMS, Component, Path, SearchParam
from sojourn.fhir.terms import Reader, Terms, target_of

Resource = dict[str, Any]
Extractor = Callable[[Resource, Terms], None]

COLUMNS = frozenset({"_id", "_lastUpdated"})
"""Parameters that are answered by columns of the row, not by terms."""


@dataclass(slots=True)
class Node:
    """A step in the tree of paths: what is read here, and where it goes on."""

    leaves: list[str] = field(default_factory=list)
    """Source lines with `{v}` for the value, `{o}` for the resource and `{c}` for a composite's context; `3@` before the
    line says that the context lies three steps below the root."""
    steps: dict[str, "Node"] = field(default_factory=dict)


def extract(resource: Resource, base: str = "") -> Terms:
    """The terms of a valid resource.

    `base` is our own base URL without a slash at the end; absolute references to it count as local. Raises KeyError for a
    resource type that R4 does not have. Contained resources are not found by their own content, but what they refer to is.
    """
    found = Terms(base)
    resource_type = resource["resourceType"]
    extractor(resource_type)(resource, found)
    _typed_presence(resource_type, found)
    _other_references(resource, found)
    return found


def _typed_presence(resource_type: str, found: Terms) -> None:
    """Note the parameters that are seen through another one (`patient` through `subject`) as present."""
    shadows = typed_views(resource_type)
    if shadows:
        for name, target in found.references:
            for view in shadows.get((name, target.partition("/")[0]), ()):
                found.present.add(view)


@cache
def typed_views(resource_type: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """(parameter, target type) -> the parameters that are this one, limited to that type."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for param in PARAMS[resource_type].values():
        for source in param.via:
            name, colon, target = source.partition(":")
            if colon:
                found[name, target] = (*found.get((name, target), ()), param.code)
    return found


def _other_references(resource: Resource, found: Terms) -> None:
    """Add every local reference that no parameter covers, under the empty name, so that the edge table knows all of them."""
    literals: list[str] = []
    _literals(resource, literals)
    if literals:
        covered = {target for _, target in found.references}
        for literal in literals:
            target = target_of(literal, found.base)
            if target and target not in covered and ":" not in target:
                covered.add(target)
                found.references.append(("", target))


def _literals(value: Any, found: list[str]) -> None:
    """Collect `reference` texts at any depth."""
    for key, child in value.items():
        kind = type(child)
        if kind is dict:
            _literals(child, found)
        elif kind is list:
            for item in child:
                if type(item) is dict:
                    _literals(item, found)
        elif key == "reference" and kind is str:
            found.append(child)


@cache
def extractor(resource_type: str) -> Extractor:
    """The compiled function of a type."""
    namespace: dict[str, Any] = {"points_to": readers.points_to, "has_extension": readers.has_extension}
    root = Node()
    for param in PARAMS[resource_type].values():
        if param.via or param.code in COLUMNS:
            continue
        if param.kind == "composite":
            _add_composite(root, param, namespace)
        else:
            for path in param.paths:
                read = _bind(_reader(param, path), namespace)
                _descend(root, path.steps).leaves.append(f"{read}(t, {param.code!r}, {{v}})")
    return _compile(root, namespace, resource_type)


def _compile(root: Node, namespace: dict[str, Any], name: str) -> Extractor:
    """Turn a tree into a function `(resource, terms)`."""
    body = list(_lines(root, ["o"], " ", itertools.count()))
    source = "\n".join(["def extract(o, t):", *(body or [" pass"])])
    exec(compile(source, f"<search terms of {name}>", "exec"), namespace)  # noqa: S102  only our own tables are in the text
    made: Extractor = namespace["extract"]
    return made


def _descend(root: Node, steps: tuple[str, ...]) -> Node:
    """The node at the end of the steps."""
    node = root
    for step in steps:
        node = node.steps.setdefault(step, Node())
    return node


def _bind(value: Any, namespace: dict[str, Any]) -> str:
    """A name for the value inside the function."""
    name = f"r{len(namespace)}"
    for known, bound in namespace.items():
        if bound is value:
            return known
    namespace[name] = value
    return name


def _reader(param: SearchParam | Component, path: Path) -> Reader:
    """The reader for the values of a path; a `code` gets its system unless the parameter as a whole implies it."""
    if param.kind == "token" and path.type == "code" and path.system:
        implied = isinstance(param, SearchParam) and param.implied_system is not None
        return readers.code if implied else _code_of(path.system)
    return readers.reader(param.kind, path.type)


@cache
def _code_of(system: str) -> Reader:
    """A reader of codes of that system."""
    return partial(_code, system)


def _code(system: str, found: Terms, name: str, value: Any) -> None:
    """Note a code under its system."""
    found.tokens.append((name, system, value))


def _lines(node: Node, path: list[str], indent: str, fresh: Iterator[int]) -> Iterator[str]:
    """The source of a node; `path` holds the variables from the resource down to this value."""
    for leaf in node.leaves:
        depth, _, text = leaf.rpartition("@")
        yield indent + text.format(v=path[-1], o="o", c=path[int(depth)] if depth else "o")
    for step, child in node.steps.items():
        if step[0] == "?":
            yield f"{indent}if {_condition(step, path[-1])}:"
            yield from _lines(child, [*path, path[-1]], indent + " ", fresh)
        else:
            yield from _step(step, child, path, indent, f"v{next(fresh)}", fresh)


def _step(step: str, child: Node, path: list[str], indent: str, name: str, fresh: Iterator[int]) -> Iterator[str]:
    """The source of going one key down."""
    yield f"{indent}{name} = {path[-1]}.get({step.rstrip('*')!r})"
    if not step.endswith("*"):
        yield f"{indent}if {name} is not None:"
        yield from _lines(child, [*path, name], indent + " ", fresh)
        return
    yield f"{indent}if {name}:"
    rest = Node(child.leaves, {s: n for s, n in child.steps.items() if s[0] != "#"})
    for index, indexed in ((s, n) for s, n in child.steps.items() if s[0] == "#"):
        item = f"v{next(fresh)}"
        yield f"{indent} {item} = {name}[{int(index[1:])}]"
        yield from _lines(indexed, [*path, name, item], indent + " ", fresh)
    if rest.leaves or rest.steps:
        item = f"v{next(fresh)}"
        yield f"{indent} for {item} in {name}:"
        yield f"{indent}  if {item} is not None:"
        yield from _lines(rest, [*path, item], indent + "   ", fresh)


def _condition(step: str, variable: str) -> str:
    """The source of a filter."""
    if step.startswith("?->"):
        return f"points_to({variable}, {step[3:]!r})"
    if step.startswith("?+"):
        return f"has_extension({variable}, {step[2:]!r})"
    key, _, value = step[1:].partition("=")
    return f"{variable}.get({key!r}) == {value!r}"


def _add_composite(root: Node, param: SearchParam, namespace: dict[str, Any]) -> None:
    """Add a composite: the values of its second part, each under every token of its first."""
    first, second, *third = param.components
    tree = Node()
    for path in first.paths:
        read = _bind(_reader(first, path), namespace)
        _descend(tree, path.steps).leaves.append(f"{read}(t, '', {{v}})")
    tokens = _bind(_compile(tree, dict(namespace), f"{param.code}, first part"), namespace)
    scope = "{o}" if first.from_root else "{c}"
    for context in param.paths:
        depth = len(context.steps)
        if third:
            keys = second.paths[0].steps[0], third[0].paths[0].steps[0]
            call = _bind(span, namespace)
            line = f"{depth}@{call}(t, {param.code!r}, {tokens}, {scope}, {{v}}, {keys!r})"
            _descend(root, context.steps).leaves.append(line)
            continue
        for path in second.paths:
            call, read = _bind(pair, namespace), _bind(_reader(second, path), namespace)
            line = f"{depth}@{call}(t, {param.code!r}, {tokens}, {scope}, {read}, {{v}})"
            _descend(root, (*context.steps, *path.steps)).leaves.append(line)


def pair(found: Terms, name: str, first: Extractor, scope: Resource, read: Reader, value: Any) -> None:
    """Note a composite's second value under each token of its first; two tokens become one."""
    left = Terms()
    first(scope, left)
    if not left.tokens:
        return
    right = Terms(found.base)
    read(right, "", value)
    for key in dict.fromkeys(variant for token in left.tokens for variant in variants(token)):
        under = f"{name}${key}"
        found.strings.extend((under, text) for _, text in right.strings)
        found.dates.extend((under, low, high) for _, low, high in right.dates)
        found.numbers.extend((under, *rest) for _, *rest in right.numbers)  # type: ignore[misc]
        found.references.extend((under, target) for _, target in right.references)
        found.exact.extend((name, key, variant) for token in right.tokens for variant in variants(token))
    found.present.add(name)


def span(found: Terms, name: str, first: Extractor, scope: Resource, context: Resource, keys: tuple[str, str]) -> None:
    """Note a composite of a token and two numbers as a range from one to the other under the token."""
    start, end = context.get(keys[0]), context.get(keys[1])
    left = Terms()
    first(scope, left)
    if start is None or end is None or not left.tokens:
        return
    for key in dict.fromkeys(variant for token in left.tokens for variant in variants(token)):
        found.numbers.append((f"{name}${key}", float(start), float(end), None, None))
    found.present.add(name)


def variants(token: tuple[str, str | None, str | None]) -> tuple[str, ...]:
    """The texts by which a token may be written in a composite: `code`, and `system|code`."""
    _, system, code = token
    if code is None:
        return ()
    return (code,) if system is None else (code, f"{system}|{code}")
