"""Attachments by content hash, outside the row."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from pathlib import Path

# A body names what was taken out as "@blob:<sha256>": no base64 text can contain "@" or ":".
MARK = b"@blob:"
_MARKED = re.compile(rb'"@blob:([0-9a-f]{64})"')
THRESHOLD = 16 * 1024


class Blobs:
    """A folder of files named by the SHA-256 of their content, apart by tenant. Written whole or not at all, never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, tenant: int, content: bytes) -> str:
        """Keep some bytes; their digest."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(tenant, digest)
        if not path.exists():
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
        """A body with everything that was taken out back in its place. Only the row's own digests are followed."""

        def back(match: re.Match[bytes]) -> bytes:
            digest = match[1].decode()
            return b'"' + base64.b64encode(self.get(tenant, digest)) + b'"' if digest in digests else match[0]

        return _MARKED.sub(back, body)

    def _path(self, tenant: int, digest: str) -> Path:
        return self._folder / str(tenant) / digest[:2] / digest
