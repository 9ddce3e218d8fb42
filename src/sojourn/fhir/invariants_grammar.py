"""Parses the FHIRPath of constraints into a small tree.

https://hl7.org/fhirpath/N1/#grammar. Everything that constraints of R4 and of implementation
guides use is understood; what is not raises BadExpression when the tables are loaded, never later.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple


class BadExpression(ValueError):
    """The FHIRPath is malformed or uses a part of the language that is not supported."""


class Node(NamedTuple):
    """One node: literal, name, this, variable, call, index, binary, unary, type or empty."""

    kind: str
    value: Any = None
    parts: tuple[Node, ...] = ()


_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*')
    |(?P<date>@T?[0-9][0-9T:.+Z-]*)
    |(?P<number>[0-9]+(?:\.[0-9]+)?)
    |(?P<variable>%(?:[A-Za-z][A-Za-z0-9_-]*|'[^']*'|"[^"]*"|`[^`]*`))
    |(?P<special>\$(?:this|index|total))
    |(?P<quoted>`[^`]+`)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign><=|>=|!=|!~|[-.,()\[\]{}|=~<>+*/&]))""",
    re.X | re.S,
)
_LEVELS: Final = (
    frozenset({"implies"}),
    frozenset({"or", "xor"}),
    frozenset({"and"}),
    frozenset({"in", "contains"}),
    frozenset({"=", "~", "!=", "!~"}),
    frozenset({"<", ">", "<=", ">="}),
    frozenset({"|"}),
    frozenset({"is", "as"}),
    frozenset({"+", "-", "&"}),
    frozenset({"*", "/", "div", "mod"}),
)
"""Binary operators, loosest first."""

_TYPE_LEVEL: Final = 7
_WORDS: Final = frozenset(word for level in _LEVELS for word in level if word.isalpha())
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def parse(expression: str) -> Node:
    """The tree of an expression. Raises BadExpression."""
    parser = _Parser(_tokens(expression))
    tree = parser.binary(0)
    if parser.kind != "end":
        raise BadExpression("something follows the expression")
    return tree


def _tokens(expression: str) -> list[tuple[str, str]]:
    out, at = [], 0
    text = expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadExpression(f"character {at} cannot begin a token")
        at = match.end()
        out.append((str(match.lastgroup), match[str(match.lastgroup)]))
    out.append(("end", ""))
    return out


def _unquoted(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        found = match[1]
        return chr(int(found[1:], 16)) if found[0] == "u" else _ESCAPES.get(found, found)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", character, text[1:-1], flags=re.S)


class _Parser:
    """Recursive descent over the tokens; one method per precedence family."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def text(self) -> str:
        return self._tokens[self._at][1]

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _is(self, sign: str) -> bool:
        return self.kind == "sign" and self.text == sign

    def _want(self, sign: str) -> None:
        if not self._is(sign):
            raise BadExpression(f"expected '{sign}'")
        self._take()

    def binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self.binary(level + 1)
        while self.kind in ("sign", "name") and self.text in _LEVELS[level]:
            operator = self._take()
            if level == _TYPE_LEVEL:
                left = Node("type", operator, (left, self._type_name()))
            else:
                left = Node("binary", operator, (left, self.binary(level + 1)))
        return left

    def _type_name(self) -> Node:
        name = self._take().strip("`")
        while self._is("."):
            self._take()
            name = self._take().strip("`")
        return Node("name", name)

    def _unary(self) -> Node:
        if self.kind == "sign" and self.text in "+-":
            return Node("unary", self._take(), (self._unary(),))
        return self._postfix()

    def _postfix(self) -> Node:
        node = self._term()
        while True:
            if self._is("."):
                self._take()
                node = self._invocation(node)
            elif self._is("["):
                self._take()
                node = Node("index", None, (node, self.binary(0)))
                self._want("]")
            else:
                return node

    def _term(self) -> Node:
        kind = self.kind
        if self._is("("):
            self._take()
            inner = self.binary(0)
            self._want(")")
            return inner
        if self._is("{"):
            self._take()
            self._want("}")
            return Node("empty")
        if kind == "text":
            return Node("literal", _unquoted(self._take()))
        if kind == "number":
            return self._number()
        if kind == "date":
            return Node("literal", self._take()[1:])
        if kind == "variable":
            return Node("variable", self._take()[1:].strip("'\"`"))
        if kind == "name" and self.text in ("true", "false"):
            return Node("literal", self._take() == "true")
        return self._invocation(Node("this"))

    def _number(self) -> Node:
        text = self._take()
        value: Any = Decimal(text) if "." in text else int(text)
        if self.kind == "text" or (self.kind == "name" and self.text in ("days", "day", "years", "year")):
            self._take()
        return Node("literal", value)

    def _invocation(self, target: Node) -> Node:
        if self.kind == "special":
            if self._take() != "$this":
                raise BadExpression("only $this is supported")
            return Node("this")
        if self.kind not in ("name", "quoted") or (target.kind == "this" and self.text in _WORDS - {"contains", "as", "is", "in"}):
            raise BadExpression("expected a name")
        name = self._take().strip("`")
        if not self._is("("):
            return Node("name", name, (target,))
        self._take()
        arguments: list[Node] = []
        while not self._is(")"):
            if arguments:
                self._want(",")
            arguments.append(self.binary(0))
        self._take()
        return Node("call", name, (target, *arguments))
