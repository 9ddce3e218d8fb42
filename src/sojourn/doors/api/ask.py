"""One FHIR request, taken apart: path, parameters, headers, body."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl

from sojourn.base import errors
from sojourn.fhir import codec
from sojourn.gate.access import Access

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 64 * 1024 * 1024
MAX_URL = 16 * 1024
_LARGE = 1024 * 1024  # bytes from which a body is read beside the event loop
JSON_TYPES = ("application/fhir+json", "application/json", "text/json", "application/json+fhir", "*/*", "application/*", "json")
_FORMATS = {"json": "json", "text/json": "json", "xml": "xml", "text/xml": "xml", "application/fhir+xml": "xml", "application/xml": "xml", "html": "html", "text/html": "html", "ttl": "ttl"}
# Parameters of the answer rather than of the search.
GENERAL = ("_format", "_pretty")


@dataclass(slots=True)
class Ask:
    """A request to the FHIR door. `parts` are the path segments after the base; `access` is set once the caller is known.

    spoken: what the answer speaks of without its standing there, kept with it when it leaves the organization.
    """

    method: str
    parts: list[str]
    query: str
    headers: dict[bytes, bytes]
    receive: Receive
    access: Access = field(default=None)  # type: ignore[assignment]
    base: str = ""
    spoken: list[Mapping[str, Any]] = field(default_factory=list)
    _body: bytes | None = None
    _params: list[tuple[str, str]] | None = None
    _with_body: bool = False

    @classmethod
    def of(cls, scope: Scope, receive: Receive, path: str) -> Ask:
        """From the ASGI scope; `path` is what follows the mount point."""
        try:
            query = scope["query_string"].decode("ascii")
        except UnicodeDecodeError:
            raise errors.Malformed("The URL must be ASCII; percent-encode the rest.") from None
        if len(query) > MAX_URL:
            raise errors.TooLarge("The URL is too long; send the search with POST to _search.")
        return cls(scope["method"], [p for p in path.split("/") if p], query, dict(scope["headers"]), receive)

    def header(self, name: str) -> str:
        """A header, or ''."""
        return self.headers.get(name.encode(), b"").decode("latin-1")

    @property
    def params(self) -> list[tuple[str, str]]:
        """Query parameters in order. Raises Malformed for bytes that are not UTF-8."""
        if self._params is None:
            self._params = decode_form(self.query) if self.query else []
        return self._params

    def read_also(self, found: Sequence[tuple[str, str]]) -> None:
        """Parameters of the body count as if they stood in the URL; once, however often the request is tried."""
        if not self._with_body:
            self._params = [*self.params, *found]
            self._with_body = True

    def param(self, name: str, default: str = "") -> str:
        """The last value of a parameter."""
        return next((v for k, v in reversed(self.params) if k == name), default)

    def search_params(self) -> list[tuple[str, str]]:
        """Parameters without those about the form of the answer."""
        return [(k, v) for k, v in self.params if k not in GENERAL]

    def prefer(self, name: str) -> str:
        """A value in the Prefer header, such as `return` or `handling`."""
        for part in self.header("prefer").replace(",", ";").split(";"):
            key, _, value = part.strip().partition("=")
            if key.lower() == name:
                return value.strip('" ').lower()
        return ""

    def takes_gzip(self) -> bool:
        """Whether the caller's Accept-Encoding lists gzip and does not weigh it 0."""
        for part in self.header("accept-encoding").lower().split(","):
            name, _, weight = part.partition(";")
            if name.strip() == "gzip":
                return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
        return False

    async def body(self) -> bytes:
        """The whole body. Raises TooLarge beyond MAX_BODY, and UnsupportedMedia for what is packed, which might be of any size."""
        if self._body is None:
            if self.header("content-encoding").strip().lower() not in ("", "identity"):
                raise errors.UnsupportedMedia("Send the body as it is, without Content-Encoding. $import takes gzip.")
            message = await self.receive()
            data = message.get("body", b"")
            if message.get("more_body"):
                chunks, size = [data], len(data)
                while message.get("more_body"):
                    message = await self.receive()
                    chunk = message.get("body", b"")
                    size += len(chunk)
                    if size > MAX_BODY:
                        raise errors.TooLarge()
                    chunks.append(chunk)
                data = b"".join(chunks)
            self._body = data
        return self._body

    async def json(self) -> Any:
        """The body as JSON. Raises UnsupportedMedia, TooLarge or Malformed."""
        media = self.header("content-type").partition(";")[0].strip().lower()
        if media and media not in (*JSON_TYPES, "application/json-patch+json"):
            raise errors.UnsupportedMedia()
        data = await self.body()
        if not data:
            raise errors.Malformed("The body is empty; a JSON resource is expected.")
        if codec.crowded(data):
            raise errors.TooLarge(f"The body holds more than {codec.MAX_VALUES:,} values. Send it in parts, or line by line to $import.")
        try:
            return codec.loads(data) if len(data) < _LARGE else await asyncio.to_thread(codec.loads, data)
        except codec.BadJson as error:
            raise errors.Malformed(f"The body is not acceptable JSON: {error}.") from None

    def instead(self, resource: Any) -> Ask:  # noqa: ANN401 - as json() gives it
        """The same request with another body; this one stays as it is, for it may be tried again."""
        return replace(self, _body=codec.dumps(resource))

    def check_format(self) -> None:
        """Raise NotAcceptable for an answer in anything but JSON."""
        wanted = self.param("_format") if self.query or self._params else ""
        if wanted:
            # A "+" that was not percent-encoded arrives as a space.
            wanted = wanted.replace(" ", "+").partition(";")[0].lower()
            if _FORMATS.get(wanted, wanted) not in JSON_TYPES:
                raise errors.NotAcceptable()
            return
        accept = self.header("accept").lower()
        if accept and not any(part.partition(";")[0].strip() in JSON_TYPES for part in accept.split(",")) and "html" not in accept:
            raise errors.NotAcceptable()

    def if_match(self) -> str | None:
        """The version in If-Match, or None. Raises Malformed for what is no ETag."""
        return etag(self.header("if-match"))

    def modified_since(self) -> datetime | None:
        """If-Modified-Since, or None where there is none or it cannot be read (then it is ignored: RFC 9110, 13.1.3)."""
        text = self.header("if-modified-since")
        try:
            return parsedate_to_datetime(text) if text else None
        except ValueError:
            return None


def etags(text: str) -> list[str]:
    """The versions in If-None-Match: a list of entity tags, or `*`. What cannot be read matches nothing (RFC 9110, 13.1.2)."""
    return ["*"] if text.strip() == "*" else _ETAGS(text)


_ETAGS = re.compile(r'(?:W/)?"([^"]*)"').findall


def etag(text: str) -> str | None:
    """The version id in an entity tag: W/"x" or "x"."""
    text = text.strip()
    if not text or text == "*":
        return None
    bare = text.removeprefix("W/")
    if len(bare) < 2 or bare[0] != '"' or bare[-1] != '"':
        raise errors.Malformed('If-Match must be an entity tag such as W/"version".')
    return bare[1:-1]


def decode_form(text: str) -> list[tuple[str, str]]:
    """Parameters of a query string or form body."""
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=500)
    except UnicodeDecodeError:
        raise errors.Malformed("A parameter is not valid UTF-8.") from None
    except ValueError:
        raise errors.Malformed("There are too many parameters.") from None
