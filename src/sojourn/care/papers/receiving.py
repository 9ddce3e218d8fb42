"""Papers arrive: files from a scanner or a disk, and what a fax server puts into its folder."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from sojourn.base import crypto, errors
from sojourn.care import tasks
from sojourn.care.papers import reading, sandbox
from sojourn.gate import papers
from sojourn.gate.access import Access
from sojourn.gate.exchange import posting

EVERY: Final = 15.0
"""Seconds between looks into the fax folder; a file is taken when it did not change from one look to the next."""
_UNFINISHED: Final = (".part", ".tmp", ".filepart", ".json", ".txt.why")
_REFUSED: Final = "refused"
_NUMBER: Final = re.compile(r"(?:^|[^0-9+])(\+?\d{7,15})(?!\d)")
_ROLE: Final = "admissions"


class File(NamedTuple):
    """One file that somebody sends."""

    name: str
    content: bytes


class Refused(NamedTuple):
    """A file that was not taken, and why in words."""

    name: str
    why: str


async def take_in(access: Access, files: Sequence[File], *, program: int = 0, key: str = "") -> tuple[list[str], list[Refused]]:
    """Take in files from a scanner: (papers, what was not taken). key: of the form that sent them; sent twice they are there once."""
    taken: list[str] = []
    refused: list[Refused] = []
    for n, file in enumerate(files):
        try:
            media, pages = await sandbox.checked(file.content)
        except sandbox.Unreadable as error:
            refused.append(Refused(file.name, error.message))
            continue
        source = f"scan:{key or access.request}:{n}:{crypto.sha256_hex(file.content)}"
        taken.append(await papers.receive(access, file.content, media=media, pages=pages, door=papers.SCAN, source=source, program=program, name=file.name, sender=access.caller.name))
    return taken, refused


async def bring(access: Access, content: bytes, *, program: int = 0) -> str:
    """Take in a clinical document (C-CDA) that somebody sends by themselves; its id. The same bytes of the same sender are there once. Raises Unreadable."""
    media, pages = await sandbox.checked(content)
    if media != reading.CCDA:
        raise sandbox.Unreadable("ccda", "Why: its root is no ClinicalDocument.")
    source = f"api:{access.caller.account}:{program}:{crypto.sha256_hex(content)}"
    return await papers.receive(access, content, media=media, pages=pages, door=papers.API, source=source, program=program, sender=access.caller.name)


_seen: dict[Path, tuple[int, int]] = {}


async def watch(access: Access) -> int:
    """By the clock: take what a fax server put into the organization's folder, each file once; how many.

    A folder in it that has a program's key is that program's line. What is taken is kept sealed and removed from the folder; what cannot be
    read is moved to `refused` beside it, with a task for whoever indexes. Should the server fall between keeping and removing, the same
    file (name, time, content) is recognized and not kept twice.
    """
    folder = access.house.inbox / access.tenant.key
    taken = 0
    for path, size, stamp in await asyncio.to_thread(_settled, folder):
        content = b"" if size > reading.MOST_DOCUMENT else await asyncio.to_thread(path.read_bytes)
        if len(content) not in (size, 0):
            continue
        if await _take(access, folder, path, content, stamp):
            taken += 1
    return taken


def _settled(folder: Path) -> list[tuple[Path, int, int]]:
    """Files that did not change since the last look, the oldest first."""
    if not folder.is_dir():
        return []
    found: dict[Path, tuple[int, int]] = {}
    for path in [*folder.glob("*"), *folder.glob("*/*")]:
        if path.name.startswith(".") or path.name.endswith(_UNFINISHED) or path.parent.name == _REFUSED or path.is_symlink() or path.parent.is_symlink() or not path.is_file():
            continue
        state = path.stat()
        found[path] = (state.st_size, state.st_mtime_ns)
    ready = [(path, *state) for path, state in found.items() if _seen.get(path) == state]
    for path in [p for p in _seen if p.is_relative_to(folder)]:
        del _seen[path]
    _seen.update(found)
    return sorted(ready, key=lambda r: (r[2], r[0].name))


async def _take(access: Access, folder: Path, path: Path, content: bytes, stamp: int) -> bool:
    programs = {p.key: p.number for p in access.rules.programs.values()}
    program = programs.get(path.parent.name, 0) if path.parent != folder else 0
    said = await asyncio.to_thread(_said, path)
    try:
        size = await asyncio.to_thread(_size, path)
        if size and not content:
            raise sandbox.Unreadable("large")
        media, pages = await sandbox.checked(content)
    except sandbox.Unreadable as error:
        await _refuse(access, path, error, program)
        return False
    source = f"fax:{crypto.sha256_hex(f'{path.name}:{stamp}:'.encode() + content)}"
    arrived = None
    with suppress(ValueError, TypeError):
        arrived = datetime.fromisoformat(str(said.get("received")))
        arrived = arrived if arrived.tzinfo and arrived <= access.now else None
    number = str(said.get("from") or "") or next(iter(_NUMBER.findall(path.name)), "")
    partner = await posting.faxing(access, number)
    sender = f"{partner.name}, {number}" if partner is not None else number
    await papers.receive(access, content, media=media, pages=pages, door=papers.FAX, source=source, program=program, name=path.name, sender=sender, arrived=arrived, marks=partner.laws if partner is not None else (), basis=partner.basis if partner is not None else "")
    await asyncio.to_thread(_remove, path)
    return True


def _said(path: Path) -> dict[str, Any]:
    """What the fax server wrote beside the file: {"from": number, "received": instant}."""
    with suppress(OSError, ValueError):
        found = json.loads(path.with_name(path.name + ".json").read_text("utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _size(path: Path) -> int:
    return path.stat().st_size


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".json").unlink(missing_ok=True)
    _seen.pop(path, None)


async def _refuse(access: Access, path: Path, error: sandbox.Unreadable, program: int) -> None:
    """Put it aside, and have somebody ask for it again."""
    task = tasks.new(access, "fax-refused", "A fax came that cannot be read. Ask its sender for it again.", role=_ROLE, why=error.message, program=program or None)
    with suppress(errors.Conflict):
        await access.write([task], action="task")
    await asyncio.to_thread(_put_aside, path, error.message)


def _put_aside(path: Path, why: str) -> None:
    aside = path.parent / _REFUSED
    aside.mkdir(exist_ok=True, mode=0o700)
    path.with_name(path.name + ".json").unlink(missing_ok=True)
    path.replace(aside / path.name)
    (aside / f"{path.name}.txt.why").write_text(why + "\n", "utf-8")
    _seen.pop(path, None)
