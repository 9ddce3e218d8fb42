"""An answer of the FHIR door. One that shows data carries the receipt of its audit line."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.fhir.outcome import Issue, outcome
from sojourn.gate.disclosing import Outgoing
from sojourn.gate.found import Found, Receipt, Stored

JSON = b"application/fhir+json; charset=utf-8"
_GZIP_FROM = 1400


@dataclass(slots=True)
class Answer:
    """What goes back. receipt: proof that what is shown is in the trail; None only for answers that show no one's data.

    stream: in place of a body, pieces of which each is in the trail before it is given. about: says nothing of any record, only of the exchange.
    leaving: what leaves with it, where the handler prepared that itself.
    """

    status: int
    body: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    receipt: Receipt | None = None
    media: bytes = JSON
    stream: AsyncIterator[bytes] | None = None
    about: bool = False
    leaving: Outgoing | None = None

    def start(self, request: str) -> dict[str, Any]:
        """The http.response.start message."""
        headers = [
            (b"content-type", self.media),
            *([(b"content-length", b"%d" % len(self.body))] if self.stream is None else []),
            (b"cache-control", b"no-store"),
            (b"x-request-id", request.encode()),
            (b"x-content-type-options", b"nosniff"),
            *self.headers,
        ]
        return {"type": "http.response.start", "status": self.status, "headers": headers}

    def compress(self) -> None:
        """Gzip the body where that saves a packet."""
        if len(self.body) >= _GZIP_FROM:
            self.body = gzip.compress(self.body, compresslevel=1, mtime=0)
            self.headers += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]

    def pretty(self) -> None:
        """Indent the JSON without touching a digit."""
        if self.body and self.media is JSON:
            self.body = msgspec.json.format(self.body, indent=2)


def of_stored(stored: Stored, status: int = 200) -> Answer:
    """One resource with its ETag and Last-Modified."""
    return Answer(status, stored.body or b"", version_headers(stored.version, stored.updated), stored.receipt)


def version_headers(version: str, updated: datetime) -> list[tuple[bytes, bytes]]:
    """ETag and Last-Modified."""
    return [(b"etag", b'W/"%s"' % version.encode()), (b"last-modified", http_date(updated))]


def http_date(moment: datetime) -> bytes:
    """An HTTP date (RFC 9110, 5.6.7) of a moment in UTC."""
    day = b"MonTueWedThuFriSatSun"[moment.weekday() * 3 :][:3]
    month = b"JanFebMarAprMayJunJulAugSepOctNovDec"[moment.month * 3 - 3 :][:3]
    return b"%s, %02d %s %04d %02d:%02d:%02d GMT" % (day, moment.day, month, moment.year, moment.hour, moment.minute, moment.second)


def of_json(value: Any, status: int = 200, receipt: Receipt | None = None) -> Answer:
    """A resource made here."""
    return Answer(status, codec.dumps(value), receipt=receipt)


def of_issues(issues: Iterable[Issue], status: int) -> Answer:
    """An OperationOutcome."""
    return of_json(outcome(issues), status)


def of_error(error: errors.SojournError) -> Answer:
    """The OperationOutcome of an error. What is withheld answers exactly like what does not exist."""
    issues = getattr(error, "issues", ()) or (Issue("error", error.code, error.expression, error.message),)
    answer = of_issues(issues, error.status)
    if isinstance(error, errors.Unauthenticated):
        answer.headers.append((b"www-authenticate", b'Bearer realm="Sojourn"'))
    if isinstance(error, errors.NotAllowed) and error.allowed:
        answer.headers.append((b"allow", ", ".join(error.allowed).encode()))
    if isinstance(error, errors.VersionConflict) and error.current:
        answer.headers.append((b"etag", b'W/"%s"' % error.current.encode()))
    if isinstance(error, errors.TooManyRequests | errors.Unavailable):
        answer.headers.append((b"retry-after", b"%d" % getattr(error, "after", 5)))
    return answer


def shown(found: Found) -> list[Stored]:
    """Everything on a page."""
    return [*found.matches, *found.included]
