"""Lines of the trail that the database would not take, kept on the disk; for emergency care only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sojourn.base import ids, log
from sojourn.base.crypto import BadSeal, ServerKey
from sojourn.base.db import Database

if TYPE_CHECKING:
    from sojourn.record.trail import Entry

_log = log.logger(__name__)
_TAKE = "SELECT gate.audit_taken($1, $2, $3, $4) AS taken"


class Journal:
    """One file a line, encrypted, on disk before `keep` returns. Any process of this machine may bring the lines in later, once each."""

    def __init__(self, folder: Path, key: ServerKey) -> None:
        self._folder = folder
        self._key = key

    def keep(self, tenant: int, entry: Entry) -> None:
        """Write a line and flush it. Raises OSError when the disk will not have it either: then there is no receipt. Call it in a thread."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{entry.recorded:%Y%m%dT%H%M%S%f}-{ids.random_bytes('journal', 12).hex()}"
        rules = entry.rules.hex() if entry.rules is not None else None
        text = self._key.seal("trail-journal", msgspec.json.encode([tenant, *entry._replace(rules=rules)]), name.encode())  # type: ignore[arg-type]
        draft = self._folder / f".{name}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def waiting(self) -> Iterator[str]:
        """Names of the lines that are kept here, oldest first."""
        with suppress(FileNotFoundError):
            yield from sorted(path.name for path in self._folder.iterdir() if not path.name.startswith("."))

    async def bring_in(self, database: Database, now: datetime) -> int:
        """Put what is kept into the trail; a line that was brought before is not brought again. How many came in. Raises Unavailable."""
        came = 0
        for name in list(self.waiting()):
            path = self._folder / name
            try:
                tenant, *fields = self._read(path, name)
            except (BadSeal, ValueError):
                _log.warning("a line of the local journal cannot be read and stays where it is", name=name)
                continue
            except FileNotFoundError:  # another process was first
                continue
            rows = await database.call(_TAKE, tenant, name, now, tuple(fields))
            came += bool(rows[0]["taken"])
            path.unlink(missing_ok=True)
        if came:
            _log.info("lines of the local journal were brought into the trail", count=came)
        return came

    def _read(self, path: Path, name: str) -> list[Any]:
        fields: list[Any] = msgspec.json.decode(self._key.open("trail-journal", path.read_text(), name.encode()))
        fields[1] = datetime.fromisoformat(fields[1])
        fields[-1] = bytes.fromhex(fields[-1]) if fields[-1] is not None else None
        return fields
