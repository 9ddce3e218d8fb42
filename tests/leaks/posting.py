"""Forms of the staff app as its own pages offer them, and what they may name: what is hidden from somebody, what they see, and what is not there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import asyncpg
from starlette.routing import compile_path

from sojourn.base import errors
from sojourn.doors.staff.routes import SCREENS
from sojourn.gate import incidents
from sojourn.gate.access import Access

Pairs = tuple[tuple[str, str], ...]
POSTS = {s.path: s for s in SCREENS if "POST" in s.methods}
_ROUTES = [(compile_path(path)[0], path) for path in POSTS]
MADE_UP: Pairs = (
    ("act", "save"), ("do", "save"), ("reason", "Asked for by telephone"), ("why", "Asked for by telephone"), ("text", "Called back."), ("note", "Called back."), ("answer", "yes"),
    ("day", "2026-11-27"), ("time", "10:00"), ("minutes", "50"), ("program", "1"), ("version", "1"), ("seen", ""), ("patient", "nobody"), ("title", "A letter"), ("said", "Called back."),
    ("q", "riv"), ("to", "person:nobody"), ("kind", "individual"), ("who", "nobody"), ("password", "wrong"), ("sure", "yes"),
)  # fmt: skip
"""For a route of which no page that was opened has a form: the names that most forms have."""


class Row(NamedTuple):
    """A line of posts.tsv. names: of each part of the path what it is (a kind; `=word`, always this word); none: why no part of it can be hidden."""

    path: str
    names: tuple[str, ...]
    why: str


def rows() -> list[Row]:
    """What is written down."""
    first, *lines = (Path(__file__).parent / "posts.tsv").read_text("utf-8").splitlines()
    assert first.split("\t") == ["path", "names", "why"]
    found = ([*line.split("\t"), ""][:3] for line in lines)
    return [Row(path, tuple(names.split()) if names != "-" else (), why) for path, names, why in found]


# --- forms -------------------------------------------------------------------------------------------------------------------


class _Forms(HTMLParser):
    """The forms of a page that are posted, each with its fields, filled in where they are empty."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, list[tuple[str, str]]]] = []
        self._open: list[tuple[str, str]] | None = None
        self._select = self._area = ""
        self._options: list[tuple[str, bool]] = []
        self._words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {k: v or "" for k, v in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form" and given.get("method", "").lower() == "post":
            self._open = []
            self.found.append((given.get("action", ""), self._open))
        elif "hx-post" in given and tag != "form":
            self.found.append((given["hx-post"], self._open or []))
        if self._open is None:
            return
        if tag == "input" and name and name != "csrf" and given.get("type") != "file" and not (given.get("type") in ("radio", "checkbox") and any(n == name for n, _ in self._open)):
            self._open.append((name, value or _plausible(given)))
        elif tag == "button" and name and not any(n == name for n, _ in self._open):
            self._open.append((name, value))
        elif tag == "select" and name:
            self._select, self._options = name, []
        elif tag == "option" and self._select:
            self._options.append((value, "selected" in given))
        elif tag == "textarea" and name:
            self._area, self._words = name, ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self._words += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select" and self._select and self._open is not None:
            chosen = [v for v, selected in self._options if selected and v] or [v for v, _ in self._options if v] or [""]
            self._open.append((self._select, chosen[0]))
            self._select = ""
        elif tag == "textarea" and self._area and self._open is not None:
            self._open.append((self._area, self._words.strip() or "Called back."))
            self._area = ""


def _plausible(given: dict[str, str]) -> str:
    kinds = {"date": "2026-11-27", "time": "10:00", "number": "1", "email": "a@example.org", "tel": "518-555-0199", "datetime-local": "2026-11-27T10:00", "password": "wrong", "checkbox": "on"}
    return kinds.get(given.get("type", "text"), "Riv")


class Offer(NamedTuple):
    """A form of a page: where it is sent, and its fields filled in."""

    address: str
    fields: Pairs


def forms(address: str, html: str) -> Iterator[tuple[str, Offer]]:
    """The path of each route that a page posts to, and one form for it."""
    reader = _Forms()
    reader.feed(html)
    for action, fields in reader.found:
        path = urlsplit(action or address).path
        route = next((r for pattern, r in _ROUTES if pattern.match(path)), "")
        if route:
            yield route, Offer(action or address, tuple(fields))


# --- what there is -------------------------------------------------------------------------------------------------------------

_OTHERS = {
    "note-draft": "SELECT substr(key, 6) AS id, patient FROM record.draft WHERE account <> $1 AND starts_with(key, 'note:')",
    "incident-draft": "SELECT substr(key, 10) AS id, '' AS patient FROM record.draft WHERE account <> $1 AND starts_with(key, 'incident/')",
    "page": "SELECT substr(key, 6) AS id, '' AS patient FROM record.draft WHERE account <> $1 AND starts_with(key, 'page/')",
    "incident-page": "SELECT substr(key, 15) AS id, '' AS patient FROM record.draft WHERE account <> $1 AND starts_with(key, 'incident-page/')",
    "apart": "SELECT v.id, coalesce(v.patient, '') AS patient FROM record.kept_apart k JOIN record.version v USING (tenant, seq) WHERE NOT v.origin && $2",
    "emergency": "SELECT emergency AS id, coalesce(patient, '') AS patient FROM record.emergency WHERE account <> $1 AND NOT programs && $2",
    "paper": "SELECT paper AS id, '' AS patient FROM record.paper WHERE NOT program = ANY ($2) AND program <> 0",
    "incident": "SELECT incident AS id, '' AS patient FROM record.incident",
    "action": "SELECT a.action AS id, '' AS patient FROM record.incident_action a JOIN record.incident i USING (tenant, incident) WHERE a.owner <> $1 AND NOT i.program = ANY ($2)",
    "thread": "SELECT t.thread AS id, t.patient FROM record.thread t WHERE NOT EXISTS (SELECT FROM record.thread_member m WHERE m.thread = t.thread AND m.account = $1) AND NOT t.program = ANY ($2)",
    "ask": "SELECT ask AS id, patient FROM record.outside_ask WHERE account <> $1 AND NOT program = ANY ($2)",
    "session": "SELECT session AS id, '' AS patient FROM record.group_session WHERE NOT program = ANY ($2)",
    "part": "SELECT p.part AS id, '' AS patient FROM record.group_part p JOIN record.group_session s USING (tenant, session) WHERE NOT s.program = ANY ($2)",
    "question": "SELECT q.n::text AS id, coalesce(r.patient, '') AS patient FROM record.label_question q JOIN record.resource r ON (r.type, r.id) = (q.type, q.id) WHERE NOT r.origin && $2",
}
"""What is not in the record as a resource, and is not theirs: by account ($1) and programs ($2)."""
_ROWS = {
    "note-draft": ("draft", "key"), "incident-draft": ("draft", "key"), "page": ("draft", "key"), "incident-page": ("draft", "key"), "emergency": ("emergency", "emergency"), "paper": ("paper", "paper"), "incident": ("incident", "incident"), "action": ("incident_action", "action"),
    "thread": ("thread", "thread"), "ask": ("outside_ask", "ask"), "session": ("group_session", "session"), "part": ("group_part", "part"), "question": ("label_question", "n"),
}  # fmt: skip


class Thing(NamedTuple):
    """Something that a form may name."""

    id: str
    patient: str


class Known(NamedTuple):
    """What there is for one person, by its kind. types: of every id of a resource."""

    hidden: dict[str, list[Thing]]
    seen: dict[str, list[Thing]]
    types: dict[str, str]


async def known(access: Access, owner: asyncpg.Connection[Any], kinds: Iterable[str], random: Random, each: int = 6) -> Known:
    """Which things of each kind are hidden from somebody, and which they see: some of each, asked of the gate one by one."""
    hidden, seen = defaultdict[str, list[Thing]](list), defaultdict[str, list[Thing]](list)
    programs = list(access.caller.programs)
    for kind in sorted(set(kinds)):
        if kind in _OTHERS:
            there = [Thing(r["id"], r["patient"]) for r in await owner.fetch(f"SELECT * FROM ({_OTHERS[kind]}) x WHERE $1::text IS NOT NULL AND $2::int[] IS NOT NULL ORDER BY 1", access.caller.account, programs)]
            hidden[kind] = [t for t in there if kind != "incident" or not await _opens(access, t.id)][: each if "draft" not in kind else 60]
            continue
        # Those of other programs and of theirs alike, so that there are some of both.
        found = await owner.fetch("SELECT id, coalesce(patient, '') AS patient, origin && $2 AS own FROM record.resource WHERE type = $1 ORDER BY id", kind, programs)
        for own in (True, False):
            some = [r for r in found if bool(r["own"]) == own]
            for row in random.sample(some, min(each, len(some))):
                patient = row["patient"] if kind != "Patient" else row["id"]
                (seen if await sees(access, kind, row["id"]) else hidden)[kind].append(Thing(row["id"], patient))
    types = {r["id"]: r["type"] for r in await owner.fetch("SELECT type, id FROM record.resource")}
    return Known(hidden, seen, types)


async def _opens(access: Access, id_: str) -> bool:
    """Whether somebody opens a report of an incident: by role and program, and never who is in it."""
    try:
        await incidents.one(access, id_)
    except (errors.NotFound, errors.Forbidden):
        return False
    return True


async def sees(access: Access, type_: str, id_: str) -> bool:
    """Whether somebody is shown it when they ask for it."""
    try:
        await access.read(type_, id_)
    except (errors.NotFound, errors.Forbidden, errors.Gone):
        return False
    return True


def absent(like: str, random: Random) -> str:
    """An id of the same shape that nothing has."""
    if like.isdigit():
        return str(10 ** (len(like) - 1) * 9 + random.randrange(10 ** (len(like) - 1)))
    return re.sub(r"[A-Za-z0-9]", lambda m: random.choice("abcdefghjkmnpqrstvwxyz" if m[0].islower() else "ABCDEFGHJKMNPQRSTVWXYZ" if m[0].isupper() else "23456789"), like)


async def stock(owner: asyncpg.Connection[Any], program: int, who: str) -> None:
    """What the sample does not have: a question about a label, pages to somebody, notes and reports that they began, something asked outside; each about a client of one program."""
    row = await owner.fetchrow("SELECT tenant, type, id, seq, patient FROM record.resource WHERE type = 'Condition' AND origin = ARRAY[$1::int] ORDER BY id LIMIT 1", program)
    assert row is not None
    tenant, patient = row["tenant"], row["patient"]
    await owner.execute("INSERT INTO record.label_question (tenant, type, id, seq, author, codes, why, asked) VALUES ($1, $2, $3, $4, $5, '{}', 'tell', now())", tenant, row["type"], row["id"], row["seq"], who)
    begun = [f"{kind}kz7m4q2wexh5kz7m4q2we{n}xh" for kind in ("note:", "incident/") for n in range(10, 40)]  # one for each form: a report is sent once
    for key in ("page/kz7m4q2wexh3", "incident-page/kz7m4q2wexh4", *begun):
        await owner.execute("INSERT INTO record.draft (tenant, account, key, patient, body, stamp, updated) VALUES ($1, $2, $3, $4, 'sealed', 's', now())", tenant, who, key, patient if key.startswith("note") else "")
    await owner.execute(
        "INSERT INTO record.outside_ask (tenant, ask, partner, patient, program, account, state, body, stamp, made, updated, due) VALUES ($1, 'kz7m4q2wexh7kz7m4q2wexh7', 'p', $2, $3, $4, 'waiting', 'sealed', 's', now(), now(), now())",
        tenant, patient, program, who,
    )  # fmt: skip


async def standing(owner: asyncpg.Connection[Any], things: Known, who: str) -> list[str]:
    """Everything hidden as it is stored: the versions of resources and whole rows of the rest. What is written nowhere changes nothing in it."""
    out = []
    for kind, some in sorted(things.hidden.items()):
        ids = [t.id for t in some]
        if kind in _ROWS:
            table, column = _ROWS[kind]
            own = "t.account <> $2" if table == "draft" else "$2 <> ''"  # a draft of one's own under the same key is another
            out += [str(r[0]) for r in await owner.fetch(f"SELECT t::text FROM record.{table} t WHERE regexp_replace(t.{column}::text, '^[a-z-]+[:/]', '') = ANY ($1) AND {own} ORDER BY 1", ids, who)]  # noqa: S608
        else:
            out += [str(r[0]) for r in await owner.fetch("SELECT concat_ws(' ', v.type, v.id, v.seq, v.origin) FROM record.version v WHERE v.id = ANY ($1) OR (v.patient = ANY ($1) AND $2 = 'Patient') ORDER BY v.seq", ids, kind)]
    return out
