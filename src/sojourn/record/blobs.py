"""What stands outside the row: attachments by content hash, and the sealed bodies of notes kept apart."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sojourn.base.crypto import ServerKey

# A body names what was taken out as "@blob:<sha256>": no base64 text can contain "@" or ":".
MARK = b"@blob:"
_MARKED = re.compile(rb'"@blob:([0-9a-f]{64})"')
THRESHOLD = 16 * 1024

APART = "apart"
"""In place of digests: the body stands sealed in record.kept_apart, its attachments in it, whatever their size."""
CLOSING = "https://sojourn.example/fhir/StructureDefinition/closing"
"""The extension of meta that says how far a signed document is (gate/closing.py)."""
_SEALED = 1  # the first byte of a sealed body; any other begins with "{"
_KEY = "notes kept apart"


class Blobs:
    """A folder of files named by the SHA-256 of their content, apart by tenant. Written whole or not at all, never changed.

    And the key under which bodies of notes kept apart are sealed, which nothing else is sealed under.
    """

    def __init__(self, folder: Path, key: ServerKey) -> None:
        self._folder = folder
        self._key = key

    def sealed(self, tenant: int, body: bytes) -> bytes:
        """A body of a note kept apart as it is stored. Its second byte says whether a signature has closed it, so that it can be asked for."""
        return bytes((_SEALED, CLOSING.encode() in body)) + self._key.encrypt(_KEY, body, str(tenant).encode())

    def opened(self, tenant: int, body: bytes) -> bytes:
        """A body as it is; one that is sealed, opened. Raises BadSeal when it was changed, or is of another organization."""
        return self._key.decrypt(_KEY, body[2:], str(tenant).encode()) if body[:1] == bytes((_SEALED,)) else body

    def put(self, tenant: int, content: bytes) -> str:
        """Keep some bytes; their digest."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(tenant, digest)
        try:
            os.utime(path)  # somebody holds it again: see `remove`
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = path.with_name(f".{digest}.{os.getpid()}")
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return digest

    def get(self, tenant: int, digest: str) -> bytes:
        """The bytes with that digest. Raises FileNotFoundError when the file was lost."""
        return self._path(tenant, digest).read_bytes()

    def remove(self, tenant: int, digest: str, until: datetime) -> bool:
        """Remove a file that nothing holds, unless somebody has put the same since a moment; whether it is gone.

        It is moved away before it is looked at once more, so that who puts the same content meanwhile either makes it young, and it comes
        back, or finds none and writes it.
        """
        path = self._path(tenant, digest)
        away = path.with_name(f".{digest}.gone")
        try:
            if path.stat().st_mtime >= until.timestamp():
                return False
            path.replace(away)
        except FileNotFoundError:
            return True
        if away.stat().st_mtime >= until.timestamp() and not path.exists():
            away.replace(path)
            return False
        away.unlink()
        return True

    def take_out(self, tenant: int, encoded: str) -> str | None:
        """Keep base64 text as bytes and return its mark; None when it would not come back letter by letter."""
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError:
            return None
        if base64.b64encode(content).decode() != encoded:
            return None
        return "@blob:" + self.put(tenant, content)

    def whole(self, tenant: int, body: bytes, digests: list[str]) -> bytes:
        """A body opened, with everything that was taken out back in its place. Only the row's own digests are followed."""
        body = self.opened(tenant, body)
        if MARK not in body:
            return body

        def back(match: re.Match[bytes]) -> bytes:
            digest = match[1].decode()
            return b'"' + base64.b64encode(self.get(tenant, digest)) + b'"' if digest in digests else match[0]

        return _MARKED.sub(back, body)

    def _path(self, tenant: int, digest: str) -> Path:
        return self._folder / str(tenant) / digest[:2] / digest
