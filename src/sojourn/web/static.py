"""Hashed file names for our files and the vendored ones."""

from __future__ import annotations

import gzip
import re
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from sojourn.base.log import logger

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_IMPORT = re.compile(rb"""(^import\s[^"';]*)"\./([\w-]+\.js)\"""", re.MULTILINE)
"""An import of a module beside this one: `import { x } from "./y.js";`."""
_HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "vary": "accept-encoding",
}


class File(NamedTuple):
    """One file as it is sent: its bytes, the same gzipped, and its media type."""

    content: bytes
    zipped: bytes
    media_type: str


class Files:
    """All files of a folder, read once. A name carries its content's hash, so that a browser never has to ask again."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._hashed: dict[str, str] = {}
        self._files: dict[str, File] = {}
        self._folder = folder
        for path in sorted(p for p in folder.rglob("*") if p.suffix in _TYPES and "icons" not in p.parts):
            self._add(path.relative_to(folder))
        if not (folder / "vendor" / "manifest.json").is_file():
            logger("web").warning("front-end files missing; run `python hatch_build.py`")

    def _add(self, path: Path) -> None:
        if str(path) in self._hashed:
            return
        content = (self._folder / path).read_bytes()
        if path.suffix == ".js" and "vendor" not in path.parts:
            content = _IMPORT.sub(lambda found: self._imported(path, found), content)
        digest = blake2b(content, digest_size=8).hexdigest()
        hashed = str(path.with_name(f"{path.stem}.{digest}{path.suffix}"))
        self._hashed[str(path)] = hashed
        self._files[hashed] = File(content, gzip.compress(content, 9, mtime=0), _TYPES[path.suffix])

    def _imported(self, path: Path, found: re.Match[bytes]) -> bytes:
        """A module that another one names: by the name that carries its hash, so that both are kept for ever and never mixed."""
        wanted = path.parent / found[2].decode()
        self._add(wanted)
        return found[1] + b'"./' + Path(self._hashed[str(wanted)]).name.encode() + b'"'

    def name(self, plain: str) -> str:
        """The hashed name of a file; the plain one, which is answered 404, if the file is not there."""
        return self._hashed.get(plain, plain)

    async def serve(self, request: Request) -> Response:
        """GET /static/{path}: the file, to be kept for ever; 404 for any name without the right hash."""
        file = self._files.get(request.path_params["path"])
        if file is None:
            return Response("There is no such file.", 404, media_type="text/plain")
        zipped = "gzip" in request.headers.get("accept-encoding", "")
        encoding = {"content-encoding": "gzip"} if zipped else {}
        return Response(file.zipped if zipped else file.content, headers=_HEADERS | encoding, media_type=file.media_type)


@cache
def files() -> Files:
    """The files of this package."""
    return Files()
