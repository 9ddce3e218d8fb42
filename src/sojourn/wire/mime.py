"""Mail taken apart (RFC 5322, RFC 2045 to 2047): headers and parts, with limits.

Nothing that comes can exhaust the reader. The package `email` of Python reads a mail as a whole, however deep it is, and keeps no part as it came; signatures are over what came.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator
from email.errors import HeaderParseError, MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from typing import Final, NamedTuple

_HEADERS: Final = 64 * 1024
_VALUE: Final = 4000
_DEEP: Final = 8
_MANY: Final = 200
_NEWLINE, _RETURN = b"\n\r"
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+")
_ODD: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""Characters that no name and no subject needs: some would end a header, others show a name as another one."""


class NotMail(ValueError):
    """It cannot be read as mail; the message says why, without a word of what is in it."""


Bytes = bytes | memoryview


class Part(NamedTuple):
    """One part, or a whole message. headers: by their names in small letters, the first of each; body: as it came, encoded, in place."""

    headers: dict[str, str]
    body: Bytes

    @property
    def media(self) -> str:
        """Its media type, in small letters."""
        return self._typed().get_content_type() if "content-type" in self.headers else "text/plain"

    def _typed(self) -> Message:
        made = Message()
        made["Content-Type"] = self.headers.get("content-type", "text/plain")[:_VALUE]
        made["Content-Disposition"] = self.headers.get("content-disposition", "")[:_VALUE]
        return made

    def parameter(self, name: str) -> str:
        """Of its media type; '' where it says none."""
        try:
            found = self._typed().get_param(name)
        except (ValueError, LookupError, MessageError):
            return ""
        return found if isinstance(found, str) else str(found[2]) if isinstance(found, tuple) else ""

    @property
    def name(self) -> str:
        """Of the file that it is: no folder, nothing that another system would take for more than a name; '' for none."""
        try:
            said = self._typed().get_filename() or ""
        except (ValueError, LookupError, MessageError, TypeError):
            said = ""
        return safe(plain(said))

    @property
    def content(self) -> bytes:
        """What it says, decoded. Raises NotMail."""
        return bytes(self.decoded)

    @property
    def decoded(self) -> Bytes:
        """The same, in place where it came as it is. Raises NotMail."""
        how = self.headers.get("content-transfer-encoding", "7bit").strip().lower()
        try:
            if how == "base64":
                return binascii.a2b_base64(self.body)  # which passes over whatever is no letter of it
            return quopri.decodestring(bytes(self.body)) if how == "quoted-printable" else self.body
        except (binascii.Error, ValueError):
            raise NotMail("A part of it is not encoded as it says.") from None

    @property
    def text(self) -> str:
        """The same as words."""
        try:
            return self.content.decode(self.parameter("charset") or "utf-8", "replace")
        except (LookupError, ValueError):
            return self.content.decode("utf-8", "replace")


def part(raw: Bytes) -> Part:
    """Headers and body. Raises NotMail."""
    raw, begins = memoryview(raw), bytes(raw[:2])
    if begins.startswith((b"\r\n", b"\n")):
        return Part({}, raw[1 if begins.startswith(b"\n") else 2 :])
    found = re.compile(rb"\r?\n\r?\n").search(raw, 0, _HEADERS + 4)
    if found is None and len(raw) > _HEADERS:
        raise NotMail("Its headers are larger than anybody needs.")
    head, body = (bytes(raw[: found.start()]), raw[found.end() :]) if found is not None else (bytes(raw), memoryview(b""))
    headers: dict[str, str] = {}
    for line in re.sub(r"\r?\n[ \t]+", " ", head.decode("utf-8", "replace")).splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip():
            headers.setdefault(name.strip().lower(), value.strip())
    return Part(headers, body)


def parts(whole: Part) -> Iterator[tuple[Bytes, Part]]:
    """The parts of one that has several: each as it came, and taken apart; none is copied. Raises NotMail."""
    boundary = whole.parameter("boundary")
    if not boundary or len(boundary) > 200:  # noqa: PLR2004 - RFC 2046 permits 70
        raise NotMail("It does not say where its parts end.")
    body = whole.body
    delimiter = re.compile(b"--" + re.escape(boundary.encode("utf-8", "replace")) + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    begins, n = -1, 0
    for found in delimiter.finditer(body):
        at = found.start()
        if at and body[at - 1] != _NEWLINE:
            continue  # in the middle of a line
        if begins >= 0:
            n += 1
            if n > _MANY:
                raise NotMail("It has more parts than are read.")
            raw = body[begins : max(begins, _line_end(body, at))]
            yield raw, part(raw)
        if found[1]:
            return
        begins = found.end()
    if begins < 0:
        raise NotMail("None of its parts is there.")
    raw = body[begins:]
    yield raw, part(raw)


def _line_end(body: Bytes, at: int) -> int:
    """Where the line before a place ends: the new line before a delimiter is the delimiter's (RFC 2046, 5.1.1)."""
    return at - 2 if at > 1 and body[at - 2] == _RETURN else max(at - 1, 0)


def leaves(whole: Part, depth: int = 0) -> Iterator[Part]:
    """Every part that is not made of others. Raises NotMail."""
    if depth > _DEEP:
        raise NotMail("Its parts are nested more deeply than anybody needs.")
    if not whole.media.startswith("multipart/"):
        yield whole
        return
    n = 0
    for _, one in parts(whole):
        for leaf in leaves(one, depth + 1):
            n += 1
            if n > _MANY:
                raise NotMail("It has more parts than are read.")
            yield leaf


def plain(said: str) -> str:
    """A header as words: encoded words decoded, without what could end a line."""
    try:
        said = str(make_header(decode_header(said[:_VALUE])))
    except (HeaderParseError, LookupError, ValueError, MessageError, UnicodeError):
        said = said[:_VALUE]
    return _ODD.sub(" ", said).strip()


def safe(name: str) -> str:
    """A name of a file, and no path."""
    return re.sub(r'[<>:"|?*]', "_", _ODD.sub("", name).replace("\\", "/").rpartition("/")[2]).strip(". ")[:150]


def addresses(said: str) -> list[str]:
    """The addresses of a header, in small letters. One that is no plain address makes all of it nothing."""
    try:
        found = [a.strip().lower() for _, a in getaddresses([said[:_VALUE]]) if a.strip()]
    except (ValueError, TypeError, IndexError):
        return []
    return found if all(_ADDRESS.fullmatch(a) for a in found) else []


def is_address(said: str) -> bool:
    """Whether it is a plain address."""
    return _ADDRESS.fullmatch(said) is not None
