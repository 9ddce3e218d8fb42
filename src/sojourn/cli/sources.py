"""Files of FHIR resources: single ones, Bundles and NDJSON, as arrivals for an import."""

from __future__ import annotations

import gzip
import hashlib
import sys
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sojourn.base.errors import SojournError
from sojourn.fhir.codec import BadJson, loads
from sojourn.gate.access import Access
from sojourn.gate.importing import Arrival

# Ids of entries that are known only by a urn follow from it.
_SPACE = uuid.UUID("6f5c1f0e-6a0b-5c43-9d0b-3e3f6c1f7a10")
# Bundles that only carry resources. One that is a line of NDJSON and has an id, or a document or message, is a record of its own.
_CARRIERS = ("transaction", "batch", "collection", "searchset")


class Unreadable(str):
    """Why what stood in a place is not JSON that FHIR allows."""

    __slots__ = ()


class Source:
    """One file, read once. `key` names it with its size and content's beginning, for resuming."""

    def __init__(self, name: str) -> None:
        self.name = name
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        self._data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        self.key = hashlib.sha256(self._data).hexdigest()[:24]
        self._items = list(self._read())

    def total(self) -> int:
        """How many resources there are."""
        return len(self._items)

    def skip(self, done: int) -> list[tuple[str, Any]]:
        """(place, resource) of what is left."""
        return self._items[done:]

    def _read(self) -> Iterator[tuple[str, Any]]:
        try:
            whole = loads(self._data)
        except BadJson as error:
            lines = self._data.splitlines()
            if len([line for line in lines if line.strip()]) < 2:  # noqa: PLR2004 - one line is no NDJSON
                yield f"{self.name}:1", Unreadable(str(error))
                return
            yield from self._lines(lines)
            return
        yield from unpacked(whole, self.name)

    def _lines(self, lines: list[bytes]) -> Iterator[tuple[str, Any]]:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            place = f"{self.name}:{number}"
            try:
                value = loads(line)
            except BadJson as error:
                yield place, Unreadable(str(error))
                continue
            yield from [(place, value)] if isinstance(value, dict) and "id" in value else unpacked(value, place)


def unpacked(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """A resource, or the entries of a Bundle that carries them, with the links between them rewritten."""
    if not (isinstance(value, dict) and value.get("resourceType") == "Bundle" and value.get("type") in _CARRIERS):
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


def in_order(files: list[str]) -> list[str]:
    """Directories of organizations and people first: other files refer to them by identifier."""
    return sorted(files, key=lambda name: not any(word in Path(name).name.lower() for word in ("hospital", "practitioner", "organization", "location")))


async def resolved(access: Access, incoming: Iterable[Arrival]) -> list[Arrival]:
    """Conditional references (`Practitioner?identifier=…`) become references to what they match; what matches nothing stays and
    is refused by validation or kept as it is."""
    found: dict[str, str | None] = {}
    out = []
    for arrival in incoming:
        wanted = set(_conditional(arrival.resource))
        for text in wanted - found.keys():
            found[text] = await _match(access, text)
        names = {text: target for text in wanted if (target := found[text]) is not None}
        out.append(arrival._replace(resource=_relinked(arrival.resource, names)) if names else arrival)
    return out


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
