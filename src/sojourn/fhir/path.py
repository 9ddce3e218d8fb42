"""FHIRPath, the part that patches need: which element of a resource a path names.

Members, choices (`value` finds `valueQuantity`), [n], where(…) with =, !=, and, or, first(), last(),
tail(), single(), ofType(T), as(T), `as T`, extension('url'), exists(), empty(), not(), $this.
http://hl7.org/fhirpath/N1/ and http://hl7.org/fhir/R4/fhirpath.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sojourn.fhir.shapes import NOTHING, Shape, is_resource_type, shape

MAX_LENGTH = 2000
MAX_TOKENS = 200
MAX_DEPTH = 20


class PathError(ValueError):
    """The path cannot be read or followed; the message names the place in the path and no value."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One element of a resource, and where it stands.

    `value` is None for a primitive that has only an id or extensions; these are in `extra`
    (the object under `_name` in JSON). `index` is None where the element does not repeat.
    """

    value: Any
    type: str
    parent: Node | None = None
    key: str = ""
    index: int | None = None
    extra: dict[str, Any] | None = None

    @property
    def shape(self) -> Shape:
        """What elements this one can have; NOTHING for a primitive or an unknown type."""
        return shape(self.type) if isinstance(self.value, dict) else NOTHING


Step = Callable[[list[Any], Node], list[Any]]
"""Items and the root in, items out; an item is a Node or a plain value."""


def root(resource: dict[str, Any]) -> Node:
    """The resource itself as the node that paths start from."""
    return Node(resource, str(resource.get("resourceType", "")))


def select(resource: dict[str, Any], expression: str) -> list[Node]:
    """The elements that `expression` names, in document order. Raises PathError."""
    return compile_path(expression)(resource)


def compile_path(expression: str) -> Callable[[dict[str, Any]], list[Node]]:
    """Read a path once to use it often. Raises PathError when it cannot be read."""
    step = _Parser(expression).whole()

    def run(resource: dict[str, Any]) -> list[Node]:
        start = root(resource)
        found = step([start], start)
        if any(not isinstance(item, Node) for item in found):
            raise PathError("the path gives a value, not an element of the resource")
        return found

    return run


def children(node: Node, name: str) -> list[Node]:
    """The elements of `node` called `name`: a repeating one gives one node per item."""
    if not isinstance(node.value, dict):
        return children(sibling(node), name) if node.extra and name in {"extension", "id"} else []
    found: list[Node] = []
    known = node.shape
    for key in known.names.get(name) or ((name,) if name in known.members else ()):
        found += _items(node, key, known.members[key].type)
    return found


def sibling(node: Node) -> Node:
    """A primitive's id and extensions as a node of their own: JSON keeps them under `_name`."""
    return Node(node.extra, "Element", node.parent, f"_{node.key}", node.index)


def _items(node: Node, key: str, type_: str) -> list[Node]:
    """The items of one JSON property with its `_` sibling beside it."""
    value, extra = node.value.get(key), node.value.get(f"_{key}")
    if isinstance(value, list) or isinstance(extra, list):
        values = value if isinstance(value, list) else []
        extras = extra if isinstance(extra, list) else []
        size = max(len(values), len(extras))
        values, extras = values + [None] * (size - len(values)), extras + [None] * (size - len(extras))
        return [_node(v, type_, node, key, i, e) for i, (v, e) in enumerate(zip(values, extras, strict=True))]
    if value is None and extra is None:
        return []
    return [_node(value, type_, node, key, None, extra)]


def _node(value: Any, type_: str, parent: Node, key: str, index: int | None, extra: Any) -> Node:
    if type_ == "Resource" and isinstance(value, dict):
        type_ = str(value.get("resourceType", ""))
    return Node(value, type_, parent, key, index, extra if isinstance(extra, dict) else None)


def _plain(item: Any) -> Any:
    return item.value if isinstance(item, Node) else item


def equal(a: Any, b: Any) -> bool:
    """JSON equality: 1.0 equals 1.00 and 1; true is never 1; objects and arrays by content."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def _truth(items: list[Any]) -> bool:
    """A criterion's answer: the empty collection is false; one element alone is true."""
    if len(items) > 1:
        raise PathError("a criterion gives more than one value")
    return bool(items) and _plain(items[0]) is not False


_TOKEN = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w*|`[^`]+`)|'(?P<text>(?:[^'\\]|\\.)*)'|(?P<number>\d{1,30}(?:\.\d{1,30})?)"
    r"|@(?P<date>[\dT:.+Z-]+)|(?P<mark>!=|[.()\[\]=,$]))",
    re.ASCII,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def _unescape(text: str) -> str:
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), text)
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text)


_LITERALS: dict[str, Callable[[str], Any]] = {"text": _unescape, "number": Decimal, "date": str}


class _Parser:
    """Recursive descent over the tokens of one expression; each rule gives a step."""

    def __init__(self, expression: str) -> None:
        if len(expression) > MAX_LENGTH:
            raise PathError(f"the path is longer than {MAX_LENGTH} characters")
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        self.depth = 0
        position = 0
        expression = expression.rstrip()
        while position < len(expression):
            match = _TOKEN.match(expression, position)
            if not match:
                raise PathError(f"the path cannot be read at character {position + 1}")
            kind = match.lastgroup or ""
            self.tokens.append((kind, match[kind]))
            position = match.end()
        if len(self.tokens) > MAX_TOKENS:
            raise PathError(f"the path has more than {MAX_TOKENS} steps and signs")

    def peek(self, mark: str) -> bool:
        """Whether the next token is this mark."""
        return self.at < len(self.tokens) and self.tokens[self.at] == ("mark", mark)

    def accept(self, mark: str) -> bool:
        """Step over this mark if it is next."""
        found = self.peek(mark)
        self.at += found
        return found

    def word(self, name: str) -> bool:
        """Step over this word (`and`, `or`, `as`) if it is next."""
        found = self.at < len(self.tokens) and self.tokens[self.at] == ("name", name)
        self.at += found
        return found

    def expect(self, mark: str) -> None:
        """Step over this mark, which must be next."""
        if not self.accept(mark):
            raise PathError(f"the path needs {mark!r} as its token {self.at + 1}")

    def take(self, kind: str) -> str:
        """Step over a token of this kind and give its text."""
        if self.at >= len(self.tokens) or self.tokens[self.at][0] != kind:
            raise PathError(f"the path needs a {kind} as its token {self.at + 1}")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def whole(self) -> Step:
        """The whole expression, to its end."""
        step = self.either()
        if self.at != len(self.tokens):
            raise PathError(f"the path cannot be read from its token {self.at + 1}")
        return step

    def either(self) -> Step:
        """or, and: of the answers as truth values."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise PathError(f"the path nests deeper than {MAX_DEPTH} levels")
        step = self.both()
        while self.word("or"):
            step = _logic(step, self.both(), any)
        self.depth -= 1
        return step

    def both(self) -> Step:
        """Terms joined by `and`."""
        step = self.comparison()
        while self.word("and"):
            step = _logic(step, self.comparison(), all)
        return step

    def comparison(self) -> Step:
        """A term, alone or compared with another."""
        left = self.term()
        for mark in ("=", "!="):
            if self.accept(mark):
                return _compare(left, self.term(), same=mark == "=")
        return left

    def term(self) -> Step:
        """A literal, a bracketed expression or a path, with what is asked of it."""
        if self.accept("("):
            step = self.either()
            self.expect(")")
        else:
            step = self.literal() or self.start()
        while True:
            if self.accept("."):
                step = _chain(step, self.member())
            elif self.accept("["):
                step = _chain(step, _indexed(int(self.take("number").partition(".")[0])))
                self.expect("]")
            elif self.word("as"):
                step = _chain(step, _of_type(self.name()))
            else:
                return step

    def literal(self) -> Step | None:
        """A string, number, date or truth value, if one is next."""
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        value: Any = None
        if kind == "name" and text in {"true", "false"}:
            value = text == "true"
        elif kind in _LITERALS:
            value = _LITERALS[kind](text)
        if value is None:
            return None
        self.at += 1
        return lambda _items, _root: [value]

    def name(self) -> str:
        """An element or type name, without backticks."""
        return self.take("name").strip("`")

    def start(self) -> Step:
        """The first step of a path: `$this`, the resource's type, or a member."""
        if self.accept("$"):
            if not self.word("this"):
                raise PathError("the only variable offered is $this")
            return lambda items, _root: items
        name = self.tokens[self.at][1] if self.at < len(self.tokens) else ""
        called = self.at + 1 < len(self.tokens) and self.tokens[self.at + 1] == ("mark", "(")
        if not called and name[:1].isupper():
            return _typed(self.name())
        return self.member()

    def member(self) -> Step:
        """An element by name, or a function."""
        name = self.name()
        if not self.accept("("):
            return lambda items, _root: [child for item in items if isinstance(item, Node) for child in children(item, name)]
        step = self.function(name)
        self.expect(")")
        return step

    def function(self, name: str) -> Step:
        """A function with what stands in its brackets."""
        if name in _SLICES:
            part = _SLICES[name]
            return lambda items, _root: items[part]
        if name in {"where", "exists"} and not self.peek(")"):
            return _where(self.either(), exists=name == "exists")
        if name in _ANSWERS:
            answer = _ANSWERS[name]
            return lambda items, _root: [answer(items)]
        if name in {"ofType", "as"}:
            return _of_type(self.name())
        if name == "extension":
            return _extension(_unescape(self.take("text")))
        if name == "single":
            return _single
        raise PathError(f"this function is not offered in paths (token {self.at - 1})")


_SLICES = {"first": slice(0, 1), "last": slice(-1, None), "tail": slice(1, None)}
_ANSWERS: dict[str, Callable[[list[Any]], bool]] = {
    "exists": bool,
    "empty": lambda items: not items,
    "not": lambda items: not _truth(items),
}


def _chain(first: Step, then: Step) -> Step:
    return lambda items, start: then(first(items, start), start)


def _logic(left: Step, right: Step, join: Callable[[tuple[bool, bool]], bool]) -> Step:
    return lambda items, start: [join((_truth(left(items, start)), _truth(right(items, start))))]


def _compare(left: Step, right: Step, *, same: bool) -> Step:
    def step(items: list[Any], start: Node) -> list[Any]:
        a, b = left(items, start), right(items, start)
        if not a or not b:
            return []  # FHIRPath: comparing with nothing gives nothing
        return [(len(a) == len(b) and all(equal(_plain(x), _plain(y)) for x, y in zip(a, b, strict=True))) is same]

    return step


def _indexed(index: int) -> Step:
    return lambda items, _root: items[index : index + 1]


def _where(criterion: Step, *, exists: bool) -> Step:
    def step(items: list[Any], start: Node) -> list[Any]:
        found = [item for item in items if _truth(criterion([item], start))]
        return [bool(found)] if exists else found

    return step


def _of_type(name: str) -> Step:
    wanted = {name, name[0].lower() + name[1:]} if name[:1].isupper() and name in {"Boolean", "String", "Integer", "Decimal"} else {name}
    return lambda items, _root: [item for item in items if isinstance(item, Node) and item.type in wanted]


def _typed(name: str) -> Step:
    """A path that starts with a type: it must be the resource's own, or one that it is."""

    def step(items: list[Any], start: Node) -> list[Any]:
        if name == start.type or (name in {"Resource", "DomainResource"} and is_resource_type(start.type)):
            return [start]
        raise PathError("the path starts with another type than the resource's own")

    return step


def _extension(url: str) -> Step:
    def step(items: list[Any], _root: Node) -> list[Any]:
        found = [child for item in items if isinstance(item, Node) for child in children(item, "extension")]
        return [node for node in found if isinstance(node.value, dict) and node.value.get("url") == url]

    return step


def _single(items: list[Any], _root: Node) -> list[Any]:
    if len(items) > 1:
        raise PathError("the path names more than one element where single() allows one")
    return items
