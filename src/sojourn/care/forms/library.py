"""The organization's forms: listed, opened in any version, begun, changed, published, retired.

A form has one canonical url; each version of it is a Questionnaire of its own, which is never changed once it is published. So a response
always opens in the version in which it was answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from sojourn.base.digits import digits
from sojourn.base.errors import Conflict, Invalid, NotFound
from sojourn.care.forms import shipping
from sojourn.care.forms.faults import Fault, faults
from sojourn.care.forms.model import Form, Json, codings_of, read
from sojourn.care.measures import licensed
from sojourn.care.measures.model import instruments
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.found import Stored

READ: Final = (("Questionnaire", "search"),)
"""What a role must allow to see forms."""
CHANGE: Final = (*READ, ("Questionnaire", "create"), ("Questionnaire", "update"))
"""What a role must allow to make and change them."""
MOST: Final = 1000
NOTES: Final = "note-"
"""How the canonical of a note's template ends, which is filled in where notes are written."""


async def stored(access: Access, params: Sequence[tuple[str, str]] = ()) -> list[Stored]:
    """The organization's own Questionnaires, newest change first."""
    out: list[Stored] = []
    cursor: str | None = None
    while len(out) < MOST:
        found = await access.search("Questionnaire", [*params, ("_sort", "-_lastUpdated")], count=100, cursor=cursor)
        out += found.matches
        cursor = found.next
        if cursor is None:
            break
    return out


async def forms(access: Access) -> list[Form]:
    """Every form that can be asked now: what the organization published, and what is shipped unless it made one of its own from it."""
    return askable(access, [s.resource for s in await stored(access, [("status", "active")])])


def askable(access: Access, own: Iterable[Json]) -> list[Form]:
    """The same, from Questionnaires that are at hand."""
    mine = [read(r) for r in own if r.get("status") == "active" and r.get("item") and is_form(r)]
    replaced = {str(url).partition("|")[0] for form in mine for url in form.resource.get("derivedFrom", ())} | {form.url for form in mine}
    beside = [form for form in shipping.current(access.house.base) if form.url not in replaced]
    return sorted([*mine, *beside], key=lambda form: form.title.casefold())


def is_form(resource: Json) -> bool:
    """Whether a Questionnaire is a form of its own: no instrument, which is asked as a measure, and no template of a note."""
    name = str(resource.get("url", "")).rstrip("/").rpartition("/")[2]
    return not (licensed.is_words(resource) or name in instruments() or name.startswith(NOTES))


async def opened(access: Access, id_: str) -> tuple[Form, str]:
    """A form in one version, by its id, and the record's version of it ('' for a shipped one). Raises NotFound."""
    found = shipping.shipped(access.house.base).get(id_)
    if found:
        return found, ""
    one = await access.read("Questionnaire", id_)
    return await whole(access, one.resource), one.version


async def whole(access: Access, resource: Json) -> Form:
    """Read with the value sets that it names."""
    form = read(resource)
    wanted = sorted({str(i.raw["answerValueSet"]) for i in form.all if not i.options and str(i.raw.get("answerValueSet", "")).startswith("http")})
    if not wanted or not access.may("ValueSet", "search"):
        return form
    found = await asyncio.gather(*(access.search("ValueSet", [("url", url.partition("|")[0])], count=1) for url in wanted[:20]))
    return read(resource, {url: codings_of(f.resources[0]) for url, f in zip(wanted, found, strict=False) if f.resources})


async def answered_in(access: Access, canonical: str) -> Form | None:
    """The form that a response names, in that version; None if it is not here."""
    url, _, version = canonical.partition("|")
    for form in shipping.shipped(access.house.base).values():
        if form.url == url and (not version or form.version == version):
            return form
    found = await access.search("Questionnaire", [("url", url), *([("version", version)] if version else [])], count=1)
    return await whole(access, found.resources[0]) if found.resources else None


async def versions(access: Access, form: Form) -> list[Form]:
    """All versions of a form, the newest first."""
    own = [read(s.resource) for s in await stored(access, [("url", form.url)])]
    beside = [f for f in shipping.shipped(access.house.base).values() if f.url == form.url]
    return sorted([*own, *beside], key=lambda f: _number(f.version), reverse=True)


def _number(version: str) -> tuple[int, str]:
    return (int(version), "") if digits(version) else (0, version)


# --- making and changing ------------------------------------------------------------------------------------------------------------


async def begin(access: Access, title: str, *, items: Sequence[Json] = (), more: Json | None = None) -> str:
    """A new form, as a draft. Its id. Raises Invalid without a title."""
    if not title.strip():
        raise Invalid("Give the form a title.")
    id_ = new_id()
    resource: Json = {
        **(more or {}), "resourceType": "Questionnaire", "url": f"{access.house.base}/Questionnaire/{id_}", "version": "1", "title": title.strip(), "status": "draft",
        "subjectType": ["Patient"], "date": access.today.isoformat(),
    }  # fmt: skip
    if items:
        resource["item"] = list(items)
    await access.write([Change("create", "Questionnaire", id_, resource)], action="form-change")
    return id_


async def bring_in(access: Access, resource: Json) -> str:
    """A Questionnaire from elsewhere, as a draft of our own. Raises Invalid for what is none; what else is wrong with it is told in the editor."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "Questionnaire":
        raise Invalid("This is not a FHIR Questionnaire: its resourceType must be Questionnaire.")
    fatal = [f for f in faults({**resource, "status": "draft"}) if f.code == "fhir-invalid"]
    if fatal:
        raise Invalid(f"{fatal[0].text} ({len(fatal)} such {'fault' if len(fatal) == 1 else 'faults'}.)")
    kept = {k: v for k, v in resource.items() if k not in ("id", "meta", "text", "url", "version", "title", "status", "date", "effectivePeriod", "identifier", "item")}
    source = str(resource.get("url") or "")
    if source:
        kept["derivedFrom"] = [f"{source}|{resource['version']}" if resource.get("version") else source]
    return await begin(access, str(resource.get("title") or resource.get("name") or "Imported form"), items=resource.get("item", ()), more=kept)


async def next_version(access: Access, form: Form) -> str:
    """A draft of the next version: the one that there is, or a new one. Of a shipped form: a form of the organization's own. Its id."""
    if form.id in shipping.shipped(access.house.base):
        copied = {k: v for k, v in form.resource.items() if k not in ("id", "url", "version", "title", "status", "date", "item")}
        return await begin(access, form.title, items=form.resource.get("item", ()), more={**copied, "derivedFrom": [form.canonical]})
    every = await versions(access, form)
    waiting = next((f for f in every if f.status == "draft"), None)
    if waiting:
        return waiting.id
    id_, number = new_id(), max(_number(f.version)[0] for f in every) + 1
    resource = {**{k: v for k, v in form.resource.items() if k not in ("id", "meta", "effectivePeriod")}, "version": str(number), "status": "draft", "date": access.today.isoformat()}
    await access.write([Change("create", "Questionnaire", id_, resource)], action="form-change")
    return id_


async def save(access: Access, resource: Json, version: str) -> str:
    """Keep a changed draft. version: the one that it was made from. The new one. Raises Conflict for what is published, VersionConflict for another's change."""
    _draft(resource)
    (written,) = await access.write([Change("update", "Questionnaire", str(resource["id"]), resource, if_match=version)], action="form-change")
    return str(written.version)


async def publish(access: Access, form: Form, version: str) -> list[Fault]:
    """Make a draft the version that is asked from now on; the one before is kept and no longer offered. What stops it, if anything does."""
    _draft(form.resource)
    stops = [f for f in faults(form.resource) if f.stops]
    stops += [Fault("no-options", i.link, "The value set that it names lists no codes here.") for i in form.all if i.type == "choice" and not i.options and not any(f.place == i.link for f in stops)]
    stops = [f for f in stops if not (f.code == "no-options" and form.by_link[f.place].options)]
    if stops:
        return stops
    today = access.today.isoformat()
    changes = [Change("update", "Questionnaire", form.id, {**form.resource, "status": "active", "date": today, "effectivePeriod": {"start": today}}, if_match=version)]
    for one in await stored(access, [("url", form.url), ("status", "active")]):
        if one.id != form.id:
            changes.append(Change("update", "Questionnaire", one.id, _ended(one.resource, today), if_match=one.version))
    await access.write(changes, action="form-publish")
    return []


async def retire(access: Access, id_: str) -> None:
    """Offer a published form no longer. Its responses stay, and open as before."""
    one = await access.read("Questionnaire", id_)
    if one.resource.get("status") != "active":
        raise Conflict("Only a published form can be retired.")
    await access.write([Change("update", "Questionnaire", id_, _ended(one.resource, access.today.isoformat()), if_match=one.version)], action="form-publish")


async def discard(access: Access, id_: str) -> None:
    """Delete a draft."""
    one = await access.read("Questionnaire", id_)
    _draft(one.resource)
    await access.write([Change("delete", "Questionnaire", id_, if_match=one.version)], action="form-change")


def _ended(resource: Json, today: str) -> Json:
    return {**resource, "status": "retired", "effectivePeriod": {**(resource.get("effectivePeriod") or {}), "end": today}}


def _draft(resource: Json) -> None:
    if resource.get("status") != "draft":
        raise Conflict("A published version is not changed: begin the next one.")


def exported(form: Form) -> Json:
    """The form as it is handed to others: without what only this record has."""
    if not form.id:
        raise NotFound
    meta = {k: v for k, v in (form.resource.get("meta") or {}).items() if k == "profile"}
    return {**{k: v for k, v in form.resource.items() if k != "meta"}, **({"meta": meta} if meta else {})}
