"""The three folders that a partner sees: answered from its boxes, never from the disk."""

from __future__ import annotations

import functools
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import asyncssh
from asyncssh.constants import FXF_APPEND, FXF_EXCL, FXF_READ, FXF_TRUNC, FXF_WRITE

from sojourn.base import errors, log
from sojourn.doors.sftp import paths
from sojourn.doors.sftp.paths import IN, OUT, RECEIPTS, NotHere, Place
from sojourn.doors.sftp.receipts import receipt, receipt_name
from sojourn.doors.sftp.taking import Taking
from sojourn.gate.exchange.boxes import SHOWN, Full, Gone
from sojourn.gate.exchange.outbox import MANIFEST
from sojourn.wire import filekind

if TYPE_CHECKING:
    from sojourn.gate.exchange.boxes import Box, Entry, Upload
    from sojourn.gate.exchange.outbox import Out, Outbox

T = TypeVar("T")

_log = log.logger(__name__)
_AHEAD: Final = 8 << 20
"""Bytes that may come before what they follow: programs send several pieces at once."""


def _answered(do: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """What goes wrong is said without anything of ours in it; a session whose key is not good any more ends."""

    @functools.wraps(do)
    async def careful(self: Files, *args: Any, **more: Any) -> T:
        try:
            return await do(self, *args, **more)
        except asyncssh.SFTPError:
            raise
        except errors.StaleCredential:
            self.end()
            raise asyncssh.SFTPPermissionDenied("This session is over.") from None
        except Exception as error:  # noqa: BLE001 - of any kind: a partner learns nothing of it
            _log.error("a request could not be answered", error)
            raise asyncssh.SFTPFailure("It did not work. Try again later.") from None

    return careful


class _Writing:
    """A file that is being written: pieces in their order, those that came early kept for a moment. at_end: each goes to the end, whatever it says."""

    def __init__(self, upload: Upload, *, at_end: bool = False) -> None:
        self.upload, self._early, self.broken, self._at_end = upload, dict[int, bytes](), False, at_end

    async def write(self, offset: int, data: bytes) -> None:
        offset = self.upload.size if self._at_end else offset
        if offset > self.upload.size:
            self._early[offset] = data
            if sum(map(len, self._early.values())) > _AHEAD:
                self.broken = True
                raise asyncssh.SFTPFailure("A file is written from its beginning to its end.")
            return
        if offset < self.upload.size:
            self.broken = True
            raise asyncssh.SFTPFailure("What was written is not changed: write the file anew, from its beginning.")
        await self.upload.write(data)
        while (following := self._early.pop(self.upload.size, None)) is not None:
            await self.upload.write(following)

    @property
    def whole(self) -> bool:
        return not self._early and not self.broken


class _Reading:
    """A small file that is read."""

    def __init__(self, content: bytes, at: datetime) -> None:
        self._content, self.at, self.size = content, at, len(content)

    async def read(self, offset: int, size: int) -> bytes:
        return self._content[offset : offset + size]


class Files(asyncssh.SFTPServer):
    """What one session sees. lost: the connection ended, so what is still open is not finished.

    arrived: called when a file was picked up; end: ends the connection.
    """

    def __init__(self, chan: Any, box: Box, outbox: Outbox, arrived: Callable[[], None], end: Callable[[], None]) -> None:
        super().__init__(chan)
        self._box, self._out, self._arrived, self.end = box, outbox, arrived, end
        self.lost = False

    # --- where -----------------------------------------------------------------------------------------------------------------

    def _place(self, path: bytes) -> Place:
        try:
            return paths.place(path)
        except NotHere:
            raise asyncssh.SFTPNoSuchFile("There is no such file.") from None

    def map_path(self, path: bytes) -> bytes:
        """No path of a client leads to a file of this machine."""
        raise asyncssh.SFTPPermissionDenied("There is no such place.")

    def reverse_map_path(self, path: bytes) -> bytes:
        """No path of this machine is told."""
        raise asyncssh.SFTPPermissionDenied("There is no such place.")

    def realpath(self, path: bytes) -> bytes:
        """A path from the root."""
        try:
            return paths.shown(path)
        except NotHere:
            raise asyncssh.SFTPNoSuchFile("There is no such file.") from None

    # --- what is there ---------------------------------------------------------------------------------------------------------

    @_answered
    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Size and time of a file, or that it is a folder."""
        place = self._place(path)
        if not place.name:
            return _folder(writes=place.box == IN)
        if place.box == IN:
            entry = await self._box.find(place.name)
            if entry is not None:
                return _file(entry.size, entry.updated, writes=True)
        elif place.box == RECEIPTS and (found := await self._receipt(place.name)) is not None:
            return _file(len(receipt(found)), found.updated)
        elif place.box == OUT:
            if place.name == MANIFEST:
                return _file(len(await self._out.manifest()), self._box.who.now)
            if (out := await self._put_out(place.name)) is not None:
                return _file(out.size, out.created)
        raise asyncssh.SFTPNoSuchFile("There is no such file.")

    lstat = stat

    async def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        """Size of what is open."""
        if isinstance(file_obj, _Writing):
            return _file(file_obj.upload.size, self._box.who.now, writes=True)
        assert isinstance(file_obj, _Reading | Taking)  # noqa: S101 - there is nothing else that is open
        return _file(file_obj.size, file_obj.at)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """What is in a folder."""
        place = self._place(path)
        if place.name:
            raise asyncssh.SFTPNoSuchFile("There is no such folder.")
        for name in (".", ".."):
            yield _named(name, _folder(writes=place.box == IN))
        for name, attrs in await self._listed(place.box):
            yield _named(name, attrs)

    @_answered
    async def _listed(self, box: str) -> list[tuple[str, asyncssh.SFTPAttrs]]:
        if not box:
            return [(name, _folder(writes=name == IN)) for name in paths.BOXES]
        if box == RECEIPTS:
            return [(receipt_name(e), _file(len(receipt(e)), e.updated)) for e in await self._box.entries() if e.state == "kept" and not e.told]
        if box == IN:
            there = sorted(await self._box.entries(SHOWN), key=lambda e: e.state != "kept")
            return list({e.name: _file(e.size, e.updated, writes=True) for e in there}.items())
        out = [(o.name, _file(o.size, o.created)) for o in await self._out.files()]
        return [(MANIFEST, _file(len(await self._out.manifest()), self._box.who.now)), *out]

    async def _put_out(self, name: str) -> Out | None:
        return next((o for o in await self._out.files() if o.name == name), None)

    async def _receipt(self, name: str) -> Entry | None:
        return next((e for e in await self._box.entries() if e.state == "kept" and not e.told and receipt_name(e) == name), None)

    # --- files -----------------------------------------------------------------------------------------------------------------

    @_answered
    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Begin to write a file of `in`, or to read a receipt."""
        place = self._place(path)
        if not place.name:
            raise asyncssh.SFTPPermissionDenied("This is a folder.")
        if place.box == IN:
            return await self._begin(place.name, pflags)
        if pflags & FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("Files are brought into the folder `in`.")
        if place.box == RECEIPTS and (found := await self._receipt(place.name)) is not None:
            return _Reading(receipt(found), found.updated)
        if place.box == OUT and place.name == MANIFEST:
            return _Reading(await self._out.manifest(), self._box.who.now)
        if place.box == OUT and (out := await self._put_out(place.name)) is not None and (stream := await self._out.open(out)) is not None:
            return Taking(stream)
        raise asyncssh.SFTPNoSuchFile("There is no such file.")

    async def _begin(self, name: str, pflags: int) -> _Writing:
        if pflags & FXF_READ or not pflags & FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("What was brought is not given back.")
        if pflags & FXF_EXCL and await self._box.find(name) is not None:
            raise asyncssh.SFTPFailure("There is a file of that name.")
        again = not pflags & FXF_TRUNC or bool(pflags & FXF_APPEND)
        try:
            return _Writing(await self._box.begin(name, again=again), at_end=bool(pflags & FXF_APPEND))
        except Full:
            raise asyncssh.SFTPFailure("The box is full: as many files are in it as may be.") from None

    @_answered
    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Some more of a file."""
        if not isinstance(file_obj, _Writing):
            raise asyncssh.SFTPPermissionDenied("This file is only read.")
        try:
            await file_obj.write(offset, data)
        except Full:
            file_obj.broken = True
            raise asyncssh.SFTPFailure("The file is larger than was agreed, or the box has no more room.") from None
        except Gone:
            file_obj.broken = True
            raise asyncssh.SFTPFailure("This file was removed or replaced meanwhile.") from None
        return len(data)

    @_answered
    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Some of a file; nothing at its end."""
        if not isinstance(file_obj, _Reading | Taking):
            raise asyncssh.SFTPPermissionDenied("What was brought is not given back.")
        return await file_obj.read(offset, size)

    @_answered
    async def close(self, file_obj: object) -> None:
        """A file is whole, and is picked up; unless its connection was lost, or its name says that it is not finished."""
        if isinstance(file_obj, Taking):
            await file_obj.close()
        if not isinstance(file_obj, _Writing):
            return
        try:
            if self.lost:
                if file_obj.whole:
                    await file_obj.upload.rest()
                return
            if not file_obj.whole:
                raise asyncssh.SFTPFailure("Something of this file is missing. Send it again.")
            if paths.unfinished(file_obj.upload.name):
                await file_obj.upload.lay_down()
            else:
                await self._keep(file_obj.upload)
        except (Gone, Full):
            if not self.lost:
                raise asyncssh.SFTPFailure("This file could not be kept. Send it again.") from None

    async def _keep(self, upload: Upload) -> None:
        await upload.keep(filekind.of(upload.begins))
        self._arrived()

    @_answered
    async def fsync(self, file_obj: object) -> None:
        """Put what came where it lasts."""
        if isinstance(file_obj, _Writing) and file_obj.whole:
            await file_obj.upload.rest()

    @_answered
    async def remove(self, path: bytes) -> None:
        """Take away a file that was not picked up, or a receipt."""
        place = self._place(path)
        if place.box == OUT and (out := await self._put_out(place.name)) is not None:
            await self._out.took(out, 0, hide=True)
            return
        entry = await self._box.find(place.name) if place.box == IN and place.name else await self._receipt(place.name) if place.box == RECEIPTS and place.name else None
        if entry is None or (place.box == IN and entry.state == "kept") or not await self._box.remove(entry, receipt=place.box == RECEIPTS):
            raise asyncssh.SFTPNoSuchFile("There is no such file.")

    @_answered
    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Give a file that is whole another name; when that says that it is finished, it is picked up."""
        await self._renamed(oldpath, newpath, over=False)

    @_answered
    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """The same, also over a file of that name."""
        await self._renamed(oldpath, newpath, over=True)

    async def _renamed(self, oldpath: bytes, newpath: bytes, *, over: bool) -> None:
        old, new = self._place(oldpath), self._place(newpath)
        if old.box != IN or new.box != IN or not old.name or not new.name:
            raise asyncssh.SFTPPermissionDenied("Files are renamed within the folder `in`.")
        entry = await self._box.find(old.name)
        if entry is None or entry.state == "kept":
            raise asyncssh.SFTPNoSuchFile("There is no such file.")
        if entry.state != "whole":
            raise asyncssh.SFTPPermissionDenied("This file is not whole. Send the rest of it, or send it again.")
        if paths.unfinished(new.name):
            if not await self._box.rename(entry, new.name, over=over):
                raise asyncssh.SFTPFailure("There is a file of that name.")
            return
        other = await self._box.find(new.name)
        if other is not None and other.state != "kept":
            if not over:
                raise asyncssh.SFTPFailure("There is a file of that name.")
            await self._box.remove(other)
        try:
            await self._keep(await self._box.settled(entry, new.name))
        except Gone:
            raise asyncssh.SFTPNoSuchFile("There is no such file.") from None

    # --- what is passed over, and what is refused ---------------------------------------------------------------------------------

    @_answered
    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Owners, rights and times are passed over: they mean nothing here."""
        await self.stat(path)
        _same_size(attrs, None)

    lsetstat = setstat

    async def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        """The same."""
        _same_size(attrs, file_obj.upload.size if isinstance(file_obj, _Writing) else None)

    def format_longname(self, name: asyncssh.SFTPName) -> None:
        """A line as of `ls -l`, without owners."""
        name.longname = _long(name)

    def format_user(self, uid: int | None) -> str:
        """Nobody's name."""
        return "partner"

    def format_group(self, gid: int | None) -> str:
        """Nobody's name."""
        return "partner"

    def _refused(self, *_: Any, **__: Any) -> NoReturn:
        raise asyncssh.SFTPPermissionDenied("Only files are brought and taken here.")

    mkdir = rmdir = symlink = link = readlink = lock = unlock = statvfs = fstatvfs = open56 = _refused

    def exit(self) -> None:
        """The session is over."""


def _same_size(attrs: asyncssh.SFTPAttrs, size: int | None) -> None:
    if attrs.size is not None and attrs.size != size:
        raise asyncssh.SFTPPermissionDenied("A file's size is what was written.")


def _folder(*, writes: bool) -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(type=asyncssh.FILEXFER_TYPE_DIRECTORY, permissions=stat.S_IFDIR | (0o700 if writes else 0o500), uid=0, gid=0, size=0, atime=0, mtime=0, nlink=1)


def _file(size: int, at: datetime, *, writes: bool = False) -> asyncssh.SFTPAttrs:
    seconds = int(at.timestamp())
    return asyncssh.SFTPAttrs(type=asyncssh.FILEXFER_TYPE_REGULAR, permissions=stat.S_IFREG | (0o200 if writes else 0o400), uid=0, gid=0, size=size, atime=seconds, mtime=seconds, nlink=1)


def _named(name: str, attrs: asyncssh.SFTPAttrs) -> asyncssh.SFTPName:
    made = asyncssh.SFTPName(name.encode(), attrs=attrs)
    made.longname = _long(made)
    return made


def _long(name: asyncssh.SFTPName) -> bytes:
    attrs = name.attrs
    at = datetime.fromtimestamp(attrs.mtime or 0, UTC).strftime("%b %d %H:%M")
    return f"{stat.filemode(attrs.permissions or 0)}    1 partner  partner  {attrs.size or 0:>12} {at} ".encode() + (name.filename if isinstance(name.filename, bytes) else name.filename.encode())

