"""What is typed into a form and not sent yet: kept as a draft, never overwritten in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.digits import digits
from sojourn.base.errors import VersionConflict
from sojourn.care.forms.model import Form
from sojourn.care.forms.rows import Texts, added, removed
from sojourn.fhir import codec
from sojourn.gate import drafts

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.gate.access import Access

FIELD = "a."
"""What the name of every field of a form begins with on the page."""
PREFIX = "form/"


class Sent(NamedTuple):
    """What came from the page. do: which button; seen: the stamp of the draft that the page was made from.

    window: which page it is; turn: how often somebody has typed into it. An answer that was overtaken by the next never reaches its page, so
    the stamp alone cannot tell another window from the same one.
    """

    raw: Texts
    do: str
    seen: str
    window: str = ""
    turn: int = 0


def key_of(patient: str, form: Form) -> str:
    """Under which a draft is kept: one for each client and version of a form."""
    return f"{PREFIX}{patient}/{form.id}@{form.version}"


def form_of(key: str) -> str:
    """The id of the form in a draft's key."""
    return key.rpartition("/")[2].partition("@")[0]


async def sent(request: Request, form: Form) -> Sent:
    """The texts of the page, with the row that its button adds or takes away."""
    given = await request.form(max_fields=5000)
    raw: Texts = {}
    for name, value in given.multi_items():
        if name.startswith(FIELD) and isinstance(value, str):
            raw.setdefault(name.removeprefix(FIELD), []).append(value)
    do = str(given.get("do") or "")
    verb, _, rest = do.partition(":")
    if verb == "add":
        raw = added(form, raw, rest)
    elif verb == "remove":
        name, _, row = rest.rpartition(":")
        raw = removed(form, raw, name, int(row)) if digits(row) else raw
    turn = str(given.get("turn") or "")
    return Sent(raw, do, str(given.get("seen") or ""), str(given.get("window") or "")[:40], int(turn) if digits(turn) and len(turn) < 9 else 0)


class Kept(NamedTuple):
    """What became of keeping. conflict: whether another window kept a newer one, which stays."""

    stamp: str
    conflict: bool = False


async def keep(access: Access, patient: str, key: str, given: Sent, *, over: str | None = None) -> Kept:
    """Keep the texts for this account under a key. over: the stamp of another window's draft that is to be replaced, where somebody decided so."""
    body = codec.dumps({"raw": {k: list(v) for k, v in given.raw.items()}, "window": given.window, "turn": given.turn})
    seen = given.seen if over is None else over
    for _ in range(3):
        try:
            return Kept(await drafts.keep(access, key, body, patient=patient, seen=seen))
        except VersionConflict:
            there = await drafts.kept(access, key)
            if there is None:
                seen = ""
                continue
            other = codec.loads(there.body)
            if not given.window or other.get("window") != given.window:
                break
            if int(other.get("turn", 0)) > given.turn:
                return Kept(there.stamp)  # overtaken by what was typed after it in the same window
            seen = there.stamp
    return Kept(given.seen, conflict=True)


class Draft(NamedTuple):
    """A kept draft, read."""

    raw: Texts
    stamp: str
    updated: Any


async def kept(access: Access, key: str) -> Draft | None:
    """The draft of this account under a key."""
    found = await drafts.kept(access, key)
    if found is None:
        return None
    raw = codec.loads(found.body).get("raw", {})
    return Draft({str(k): [str(x) for x in v] for k, v in raw.items()}, found.stamp, found.updated)


async def drop(access: Access, key: str) -> None:
    """Forget it."""
    await drafts.drop(access, key)
