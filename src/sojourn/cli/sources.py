"""Files of FHIR resources: single ones, Bundles and NDJSON, as arrivals for an import."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import sys
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from sojourn.base.errors import SojournError
from sojourn.fhir.codec import BadJson, loads
from sojourn.gate import takingback
from sojourn.gate.access import Access
from sojourn.gate.importing import Arrival

# Ids of entries that are known only by a urn follow from it.
_SPACE = uuid.UUID("6f5c1f0e-6a0b-5c43-9d0b-3e3f6c1f7a10")
# Bundles that only carry resources. One that is a line of NDJSON and has an id, or a document or message, is a record of its own.
_CARRIERS = ("transaction", "batch", "collection", "searchset")


WHOLE = 512 << 20
"""Bytes of one JSON value (a Bundle, a line of NDJSON) that are read at once; it takes about ten times as much memory."""
_PIECE = 1 << 17
_REMEMBERED = 10_000  # what conditional references matched


class TooLarge(SojournError):
    """One JSON value is larger than can be read whole."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} holds one JSON value of more than {WHOLE >> 20} MB. Write its resources as NDJSON, one on each line, which is read line by line.")


class Unreadable(str):
    """Why what stood in a place is not JSON that FHIR allows."""

    __slots__ = ()


class Source:
    """One file. NDJSON is read line by line, however large it is; any other file is one JSON value and is read whole, up to WHOLE.

    key: names the file by its content, for resuming; empty for standard input, which is read once and never again.
    """

    def __init__(self, name: str) -> None:
        """Raises OSError when there is no such file."""
        self.name = name
        self.key = ""
        self._lines = 0
        if name != "-":
            self.key, self._lines = _looked_through(name)

    def total(self) -> int | None:
        """About how many resources there are: lines of NDJSON; None where that is not known beforehand."""
        return self._lines if self._lines > 1 else None

    def skip(self, done: int) -> Iterator[tuple[str, Any]]:
        """(place, resource) of what is left. Raises TooLarge for one value that is too large to be read whole."""
        return islice(self._read(), done, None)

    def _read(self) -> Iterator[tuple[str, Any]]:
        with _opened(self.name) as file:
            lines = self._limited(file)
            head = list(_first_two(lines))
            first, second = [_parsed(line) for line in head if line.strip()] + [None] * (2 - len([line for line in head if line.strip()]))
            if isinstance(first, Unreadable) and (second is None or isinstance(second, Unreadable)):
                yield from self._document(b"".join(head), file)
            elif second is None:
                yield from unpacked(first, self.name) if head else ()
            else:
                yield from self._by_line(chain(head, lines))

    def _limited(self, file: BinaryIO) -> Iterator[bytes]:
        while line := file.readline(WHOLE + 1):
            if len(line) > WHOLE:
                raise TooLarge(self.name)
            yield line

    def _document(self, begun: bytes, file: BinaryIO) -> Iterator[tuple[str, Any]]:
        """A value that goes over several lines; lines of which none can be read, if it is none."""
        data = begun + file.read(WHOLE)
        if file.read(1):
            raise TooLarge(self.name)
        whole = _parsed(data)
        lines = data.splitlines()
        if isinstance(whole, Unreadable) and len([line for line in lines if line.strip()]) > 1:
            yield from self._by_line(lines)
        elif isinstance(whole, Unreadable):
            yield f"{self.name}:1", whole
        else:
            yield from unpacked(whole, self.name)

    def _by_line(self, lines: Iterable[bytes]) -> Iterator[tuple[str, Any]]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            place, value = f"{self.name}:{number}", _parsed(line)
            yield from [(place, value)] if isinstance(value, Unreadable) or (isinstance(value, dict) and "id" in value) else unpacked(value, place)


def _looked_through(name: str) -> tuple[str, int]:
    """The hash of a file, and how many lines it has, a piece at a time."""
    digest, lines = hashlib.sha256(), 0
    with _opened(name) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            lines += piece.count(b"\n")
            ended = piece.endswith(b"\n")
    return digest.hexdigest()[:24], lines + (1 if digest.digest() != hashlib.sha256().digest() and not ended else 0)


def _opened(name: str) -> BinaryIO:
    """A file or standard input, unpacked if it is compressed."""
    raw: Any = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - whoever asked closes it
    file = raw if isinstance(raw, BufferedReader) else BufferedReader(raw)
    return cast("BinaryIO", gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == b"\x1f\x8b" else file)


def _first_two(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines up to the second that is not blank."""
    found = 0
    for line in lines:
        yield line
        found += bool(line.strip())
        if found > 1:
            return


def _parsed(data: bytes) -> Any:
    try:
        return loads(data)
    except BadJson as error:
        return Unreadable(str(error))


def unpacked(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """A resource, or the entries of a Bundle that carries them, with the links between them rewritten."""
    if not (isinstance(value, dict) and value.get("resourceType") == "Bundle" and value.get("type") in _CARRIERS):
        yield place, value
        return
    if takingback.is_one(value):
        yield place, value
        return
    entries = [e for e in value.get("entry", ()) if isinstance(e, dict) and isinstance(e.get("resource"), dict)]
    names: dict[str, str] = {}
    for entry in entries:
        resource, url = entry["resource"], entry.get("fullUrl", "")
        if "id" not in resource and isinstance(url, str) and url:
            resource["id"] = uuid.uuid5(_SPACE, url).hex
        if isinstance(url, str) and url.startswith("urn:") and "resourceType" in resource:
            names[url] = f"{resource['resourceType']}/{resource['id']}"
    for number, entry in enumerate(entries):
        yield f"{place}#{number}", _relinked(entry["resource"], names)


def _relinked(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {k: names.get(v, v) if k == "reference" and isinstance(v, str) else _relinked(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [_relinked(item, names) for item in value]
    return value


def arrivals(source: Source, program: int | None, items: Iterable[tuple[str, Any]]) -> Iterator[Arrival]:
    """Arrivals of one program."""
    for place, resource in items:
        yield Arrival(place, program, resource)


def listed(files: Iterable[str]) -> list[str]:
    """The files, and in place of the manifest of a bulk export the files that it lists, which lie beside it under the last part of their address."""
    found: list[str] = []
    for name in files:
        manifest = _manifest(name)
        for url in (str(entry.get("url", "")) for entry in manifest or ()):
            beside = Path(name).with_name(url.rpartition("/")[2])
            found.append(str(beside if beside.exists() else beside.with_name(beside.name + ".gz")))
        found += [name] if manifest is None else []
    return found


def _manifest(name: str) -> list[Any] | None:
    """What a manifest lists, what was deleted last; None for any other file."""
    path = Path(name)
    if name == "-" or path.suffix != ".json" or not path.exists() or path.stat().st_size > _PIECE * 8:
        return None
    value = _parsed(path.read_bytes())
    output = value.get("output") if isinstance(value, dict) and "transactionTime" in value else None
    if not isinstance(output, list):
        return None
    deleted = value.get("deleted")
    return [entry for entry in (*output, *(deleted if isinstance(deleted, list) else ())) if isinstance(entry, dict)]


def in_order(files: list[str]) -> list[str]:
    """Directories of organizations and people first: other files refer to them by identifier."""
    return sorted(files, key=lambda name: not any(word in Path(name).name.lower() for word in ("hospital", "practitioner", "organization", "location")))


def resolved(access: Access, incoming: Iterable[Arrival], loop: asyncio.AbstractEventLoop) -> Iterator[Arrival]:
    """Conditional references (`Practitioner?identifier=…`) become references to what they match; what matches nothing stays and
    is refused by validation or kept as it is.

    To be read in a thread while the loop runs: one resource after another, as they come.
    """
    found: OrderedDict[str, str] = OrderedDict()
    for arrival in incoming:
        names: dict[str, str] = {}
        for text in set(_conditional(arrival.resource)):
            target = found.get(text) or asyncio.run_coroutine_threadsafe(_match(access, text), loop).result()
            if target is not None:
                names[text] = found[text] = target
        if len(found) > _REMEMBERED:
            found.popitem(last=False)
        yield arrival._replace(resource=_relinked(arrival.resource, names)) if names else arrival


def _conditional(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "reference" and isinstance(item, str):
                if "?" in item and item[:1].isupper():
                    yield item
            else:
                yield from _conditional(item)
    elif isinstance(value, list):
        for item in value:
            yield from _conditional(item)


async def _match(access: Access, text: str) -> str | None:
    from urllib.parse import parse_qsl

    type_, _, query = text.partition("?")
    try:
        found = await access.search(type_, parse_qsl(query), count=2)
    except SojournError:
        return None
    return f"{found.matches[0].type}/{found.matches[0].id}" if len(found.matches) == 1 else None
