"""Snippets: words written often, put in at `.abbr` and the tabulator; own and organization-wide.

One's own are kept sealed like a draft, for their author alone. The organization's are one Library resource, in versions.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sojourn.base.errors import Malformed
from sojourn.care.resources import moment
from sojourn.gate import drafts
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

KEY = "snippets"
URL = "https://sojourn.example/fhir/Library/note-snippets"
NEEDS = (("Library", "create"), ("Library", "update"))
"""What a role must allow to change the organization's snippets."""
_ABBR = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")
_TYPE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/library-type", "code": "asset-collection"}]}
MOST = 200


class Snippet(NamedTuple):
    """abbr: what is typed after a dot. own: whether it is the caller's and nobody else's."""

    abbr: str
    title: str
    text: str
    own: bool = False


async def all_of(access: Access) -> list[Snippet]:
    """The caller's own and the organization's; one's own wins where both have the same abbreviation."""
    mine, ours = await asyncio.gather(own(access), shared(access))
    taken = {snippet.abbr for snippet in mine}
    return sorted([*mine, *(s for s in ours if s.abbr not in taken)], key=lambda s: s.abbr)


async def own(access: Access) -> list[Snippet]:
    """The caller's own."""
    found = await drafts.kept(access, KEY)
    return [Snippet(s["abbr"], s["title"], s["text"], own=True) for s in json.loads(found.body)] if found else []


async def shared(access: Access) -> list[Snippet]:
    """The organization's."""
    library = await _library(access)
    return [_read(content) for content in (library or {}).get("content", ())]


async def _library(access: Access) -> dict[str, Any] | None:
    if not access.may("Library", "search"):
        return None
    found = await access.search("Library", [("url", URL), ("_sort", "_id")], count=1)
    return next(iter(found.resources), None)


def _read(content: dict[str, Any]) -> Snippet:
    abbr, _, title = str(content.get("title", "")).partition(" ")
    return Snippet(abbr, title, base64.b64decode(content.get("data", "")).decode("utf-8", "replace"))


def checked(made: Snippet) -> Snippet:
    """The snippet, tidied. Raises Malformed for one that could not be typed."""
    abbr = made.abbr.strip().lower().removeprefix(".")
    if not _ABBR.fullmatch(abbr):
        raise Malformed("An abbreviation has up to 20 small letters, digits and hyphens.")
    if not made.text.strip() or len(made.text) > 5000:
        raise Malformed("A snippet needs a text of at most 5000 characters.")
    return made._replace(abbr=abbr, title=" ".join(made.title.split())[:80], text=made.text.replace("\r\n", "\n"))


def put(among: Sequence[Snippet], made: Snippet) -> list[Snippet]:
    """The list with this one in it, instead of the one of the same abbreviation. Raises Malformed for too many."""
    rest = [s for s in among if s.abbr != made.abbr]
    if len(rest) >= MOST:
        raise Malformed(f"There are {MOST} snippets at most. Take one away first.")
    return sorted([*rest, made], key=lambda s: s.abbr)


async def keep_own(access: Access, made: Sequence[Snippet]) -> None:
    """Keep the caller's own. Raises VersionConflict if another window changed them meanwhile."""
    before = await drafts.kept(access, KEY)
    body = json.dumps([{"abbr": s.abbr, "title": s.title, "text": s.text} for s in made]).encode()
    await drafts.keep(access, KEY, body, seen=before.stamp if before else "")


async def keep_shared(access: Access, made: Sequence[Snippet]) -> None:
    """Keep the organization's. Raises Forbidden, VersionConflict."""
    before = await _library(access)
    library = {
        "resourceType": "Library", "url": URL, "name": "NoteSnippets", "title": "Snippets for notes", "status": "active", "type": _TYPE, "date": moment(access),
        "content": [{"contentType": "text/plain", "title": f"{s.abbr} {s.title}".strip(), "data": base64.b64encode(s.text.encode()).decode()} for s in made],
    }  # fmt: skip
    if not made:
        library.pop("content")
    if before is None:
        change = Change("create", "Library", new_id(), library)
    else:
        change = Change("update", "Library", before["id"], {**library, "id": before["id"]}, if_match=before["meta"]["versionId"])
    await access.write([change], action="snippets")
