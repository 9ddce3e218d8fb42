"""ASN.1 as others write it: BER and DER (ITU-T X.690) read into a tree, and DER written.

Programs that sign and encrypt mail write lengths and strings in every way that BER permits, so DER alone would refuse many. How deep, how many
and how large is limited: what is read here comes from anybody.
"""

from __future__ import annotations

from typing import Final, NamedTuple

INTEGER, OCTETS, OID, SEQUENCE, SET = 0x02, 0x04, 0x06, 0x30, 0x31
_DEEP: Final = 24
_MANY: Final = 50_000
_SMALL: Final = 4096
"""Bytes up to which a value is copied out; a larger one stays where it is, and is no second time in memory."""
_CONSTRUCTED: Final = 0x20
_LONG_TAG: Final = 0x1F
_INDEFINITE: Final = 0x80


class BadBer(ValueError):
    """It is not BER, or larger or deeper than anybody needs."""


Bytes = bytes | memoryview


class Node(NamedTuple):
    """One value. tag: its identifier octet; content: what follows tag and length, in place where it is large; children: of one that is constructed."""

    tag: int
    content: Bytes
    children: tuple[Node, ...] = ()

    def child(self, n: int, tag: int | None = None) -> Node:
        """One child. Raises BadBer where there is none, or none of that tag."""
        if not 0 <= n < len(self.children) or (tag is not None and self.children[n].tag != tag):
            raise BadBer
        return self.children[n]

    @property
    def octets(self) -> Bytes:
        """What a string says, in one piece or in several; in place where it is one and large."""
        return b"".join(c.octets for c in self.children) if self.tag & _CONSTRUCTED else self.content

    @property
    def number(self) -> int:
        """Of an integer."""
        return int.from_bytes(self.content, "big", signed=True)


def read(data: Bytes) -> Node:
    """The one value that the bytes are. Raises BadBer."""
    count = [0]
    node, end = _value(memoryview(data), 0, len(data), 0, count)
    if end != len(data):
        raise BadBer
    return node


def _value(data: memoryview, at: int, end: int, depth: int, count: list[int]) -> tuple[Node, int]:
    count[0] += 1
    if depth > _DEEP or count[0] > _MANY or at + 2 > end or data[at] & _LONG_TAG == _LONG_TAG:
        raise BadBer
    tag, first, body = data[at], data[at + 1], at + 2
    if first == _INDEFINITE:
        if not tag & _CONSTRUCTED:
            raise BadBer
        children, here = [], body
        while data[here : here + 2].tobytes() != b"\0\0":
            child, here = _value(data, here, end, depth + 1, count)
            children.append(child)
        if here + 2 > end:
            raise BadBer
        return Node(tag, _cut(data, body, here), tuple(children)), here + 2
    if first & 0x80:
        size = first & 0x7F
        if size > 5 or body + size > end:  # noqa: PLR2004 - no length of ours needs more octets
            raise BadBer
        length, body = int.from_bytes(data[body : body + size], "big"), body + size
    else:
        length = first
    stop = body + length
    if stop > end:
        raise BadBer
    children, here = [], body
    while tag & _CONSTRUCTED and here < stop:
        child, here = _value(data, here, stop, depth + 1, count)
        children.append(child)
    return Node(tag, _cut(data, body, stop), tuple(children)), stop


def _cut(data: memoryview, start: int, stop: int) -> Bytes:
    part = data[start:stop]
    return part.tobytes() if stop - start <= _SMALL else part


def der(tag: int, content: Bytes) -> bytes:
    """One value as DER."""
    n = len(content)
    if n < 0x80:  # noqa: PLR2004 - the short form
        return bytes((tag, n)) + content
    size = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def again(node: Node) -> bytes:
    """The same value with its lengths as DER has them."""
    return der(node.tag, b"".join(again(c) for c in node.children)) if node.tag & _CONSTRUCTED else der(node.tag, node.content)


def oid(dotted: str) -> bytes:
    """What an object identifier says, without tag and length."""
    first, second, *rest = (int(n) for n in dotted.split("."))
    found = bytearray()
    for number in (first * 40 + second, *rest):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | (number & 0x7F))
        found += bytes(reversed(groups))
    return bytes(found)
