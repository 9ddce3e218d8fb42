"""Put answer Bundles together from stored bytes, without decoding them.

http://hl7.org/fhir/R4/bundle.html. Resources come and go as the bytes in which they are stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

_text = msgspec.json.Encoder().encode
_MODES: Final = {mode: b',"search":{"mode":"%s"}},' % mode.encode() for mode in ("match", "include", "outcome")}

Link = tuple[str, str]
"""Relation (`self`, `next`, …) and URL."""


class Answer(NamedTuple):
    """What became of one entry of a transaction or batch, or one version in a history."""

    status: str
    """HTTP status with its words, e.g. `201 Created`."""
    ref: str = ""
    """`Type/id`; gives the fullUrl where there is a body."""
    body: bytes | None = None
    location: str = ""
    etag: str = ""
    """As in the header: `W/"…"`."""
    last_modified: str = ""
    """An instant."""
    outcome: bytes | None = None
    method: str = ""
    """The request that made a version (history only): POST, PUT, PATCH or DELETE."""


def searchset(base: str, hits: Iterable[tuple[str, bytes, str]], links: Sequence[Link] = (), total: int | None = None) -> bytes:
    """A searchset of (`Type/id`, stored bytes, search mode); `base` is the server's, ending in `/`.

    `total` is absent unless given: a count discloses what was withheld. An outcome has an empty `Type/id`.
    """
    start = b'{"fullUrl":' + _text(base)[:-1]
    parts = [_head("searchset", links, total)]
    add = parts.append
    count = 0
    for ref, body, mode in hits:
        count += 1
        if ref:
            add(start)
            add(ref.encode())
            add(b'","resource":')
        else:
            add(b'{"resource":')
        add(body)
        add(_MODES[mode])
    return _whole(parts, count)


def responses(kind: str, base: str, answers: Iterable[Answer]) -> bytes:
    """A `transaction-response` or `batch-response`, answers in the order of the entries sent."""
    return _answered(kind, base, answers, ())


def history(base: str, versions: Iterable[Answer], links: Sequence[Link] = (), total: int | None = None) -> bytes:
    """A history, newest first; a deletion has no body and `method` DELETE."""
    return _answered("history", base, versions, links, total)


def _answered(kind: str, base: str, answers: Iterable[Answer], links: Sequence[Link], total: int | None = None) -> bytes:
    parts = [_head(kind, links, total)]
    add = parts.append
    count = 0
    for answer in answers:
        count += 1
        lead = b"{"
        if answer.ref and (answer.body is not None or answer.method):
            add(b'{"fullUrl":' + _text(base + answer.ref))
            lead = b","
        if answer.body is not None:
            add(lead + b'"resource":')
            add(answer.body)
            lead = b","
        if answer.method:
            # A version's own URL, except that a creation was asked of the type.
            url = answer.ref.partition("/")[0] if answer.method == "POST" else answer.ref
            add(lead + b'"request":{"method":%s,"url":%s}' % (_text(answer.method), _text(url)))
            lead = b","
        add(lead + b'"response":')
        add(_response(answer))
        add(b"},")
    return _whole(parts, count)


def _response(answer: Answer) -> bytes:
    """The `response` of an entry; properties in the order of the definition."""
    parts = [b'{"status":' + _text(answer.status)]
    for name, value in ((b"location", answer.location), (b"etag", answer.etag), (b"lastModified", answer.last_modified)):
        if value:
            parts.append(b',"%s":' % name + _text(value))
    if answer.outcome is not None:
        parts.append(b',"outcome":' + answer.outcome)
    return b"".join((*parts, b"}"))


def _head(kind: str, links: Sequence[Link], total: int | None) -> bytes:
    head = b'{"resourceType":"Bundle","type":"%s"' % kind.encode()
    if total is not None:
        head += b',"total":%d' % total
    if links:
        head += b',"link":[%s]' % b",".join(b'{"relation":%s,"url":%s}' % (_text(name), _text(url)) for name, url in links)
    return head + b',"entry":['


def _whole(parts: list[bytes], count: int) -> bytes:
    """Close the Bundle; FHIR allows no empty array, so an empty Bundle has no `entry`."""
    if not count:
        return parts[0].removesuffix(b',"entry":[') + b"}"
    parts[-1] = parts[-1][:-1]
    parts.append(b"]}")
    return b"".join(parts)
