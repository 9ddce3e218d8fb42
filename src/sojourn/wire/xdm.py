"""Documents in a zip file laid out as IHE XDM has it (ITI TF-2: 3.32), read in memory, with limits."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Final, NamedTuple

MOST: Final = 100
"""Documents of one file."""
_BYTES: Final = 50_000_000
_ENTRIES: Final = 1000
_PLACE: Final = re.compile(r"(?:[^/]{1,100}/)?IHE_XDM/([^/]{1,100})/(?:[^/]{1,100}/)*([^/]{1,200})", re.IGNORECASE)
_ENTRY: Final = b"PK\x01\x02"
"""With this an entry of the directory begins (APPNOTE.TXT, 4.3.12)."""
_BESIDE: Final = ("METADATA.XML",)


class BadZip(ValueError):
    """It cannot be read; the message says why."""


class Packed(NamedTuple):
    """One document. name: of its file."""

    name: str
    content: bytes


def documents(content: bytes) -> list[Packed] | None:
    """The documents of every submission set; None where it is a zip file of another kind. Raises BadZip."""
    try:
        if content.count(_ENTRY) > 10 * _ENTRIES:  # counted before its reader makes an object of each; a zip within has some of its own
            raise BadZip("It holds more files than are read.")
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = packed.infolist()
            if len(entries) > _ENTRIES:
                raise BadZip("It holds more files than are read.")
            if any(".." in e.filename.replace("\\", "/").split("/") for e in entries):
                raise BadZip("It names files outside of itself. Ask the sender for one that was packed as usual.")
            found = [(e, m[2]) for e in entries if not e.is_dir() and (m := _PLACE.fullmatch(e.filename.replace("\\", "/"))) is not None]
            wanted = [(e, name) for e, name in found if name.upper() not in _BESIDE]
            if not wanted:
                return None
            if len(wanted) > MOST:
                raise BadZip("It holds more documents than are read.")
            out, room = [], _BYTES
            for entry, name in wanted:
                if entry.flag_bits & 1:
                    raise BadZip("It is protected by a password. Ask the sender for it without one: the message protects it already.")
                with packed.open(entry) as file:
                    read = file.read(room + 1)  # not what the entry says of its size: what comes out
                if len(read) > room:
                    raise BadZip("What is in it is larger than is read. Ask the sender to send it in parts.")
                room -= len(read)
                out.append(Packed(name, read))
            return out
    except BadZip:
        raise
    except Exception as error:  # its reader raises what each way of packing raises (zlib, lzma, struct)
        raise BadZip("The zip file is broken. Ask the sender for it again.") from error
