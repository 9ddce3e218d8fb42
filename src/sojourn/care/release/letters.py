"""Letters from templates, the organization's own before those shipped, with facts that may leave."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.release import marking, sheets, words
from sojourn.care.release.sheets import Line
from sojourn.care.resources import CARE, author, concept, moment, ref
from sojourn.gate import disclosing, elsewhere, releasing
from sojourn.gate import policies as own
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id
from sojourn.gate.releasing import Preview, Wish

CATEGORY: Final = "letter"
KEY: Final = "letters."
_FIELD: Final = re.compile(r"\{(\w+)\}")
_LONGEST: Final = 8000


class Template(NamedTuple):
    """One letter. purpose: refuse, extend or letter. reveals: the types whose facts it draws on. own: whether the organization wrote it."""

    key: str
    title: str
    purpose: str
    reveals: tuple[str, ...]
    text: str
    own: bool = False


@lru_cache(maxsize=1)
def shipped() -> dict[str, Template]:
    """The letters as they are shipped."""
    rows = tomllib.loads((Path(__file__).parent / "letters.toml").read_text("utf-8"))["letter"]
    return {row["key"]: Template(row["key"], row["title"], row["for"], tuple(row.get("reveals", ())), row["text"].strip()) for row in rows}


async def templates(access: Access) -> dict[str, Template]:
    """The letters in force here, by key. One question."""
    mine = {o.key.removeprefix(KEY): str(o.value) for o in await own.in_force(access) if o.key.startswith(KEY)}
    return {key: t._replace(text=mine[key], own=True) if key in mine else t for key, t in shipped().items()}


async def change(access: Access, key: str, text: str, reason: str) -> None:
    """Write the organization's own over one; with an empty text go back to what is shipped. Raises NotFound, Malformed, Forbidden."""
    if key not in shipped():
        raise errors.NotFound("There is no such letter.")
    if len(text) > _LONGEST:
        raise errors.Malformed("The letter is too long.")
    await own.change(access, KEY + key, "", text.strip() or None, reason)


def filled(template: Template, values: Mapping[str, str]) -> str:
    """The letter with its fields filled in; one that is not known stays as it is."""
    return re.sub(r"\n{3,}", "\n\n", _FIELD.sub(lambda m: values.get(m[1], m[0]), template.text)).strip()


def pdf(access: Access, text: str, *, notice: bool = False, scope: str = "") -> bytes:
    """A letter as a PDF; with the notice of 42 CFR 2.32 where Part 2 records speak from it."""
    day = access.today
    pieces = [Line(access.tenant.name, "head", fresh=True), Line("", "small"), *(Line(line) for line in text.splitlines())]
    if notice:
        pieces += [Line("", "small"), Line("Notice on redisclosure (42 CFR 2.32)", "head"), Line(disclosing.statement("release", "whole", day).text), *([Line(scope)] if scope else [])]
    pages, _ = sheets.laid_out(pieces)
    return sheets.written(pages, disclosing.statement("release", "each", day).text if notice else access.tenant.name, access.tenant.name)


def filing(access: Access, patient: str, title: str, text: str, program: int | None) -> Change:
    """A letter that tells nothing of the record, kept in the chart that it is about, as a change."""
    content = pdf(access, text)
    resource: dict[str, Any] = {
        "resourceType": "DocumentReference", "status": "current", "docStatus": "final", "type": {"text": title}, "category": [concept(CATEGORY, "Letter that left")], "subject": ref("Patient", patient),
        "date": moment(access), **({"author": [who]} if (who := author(access)) else {}),
        "content": [{"attachment": {"contentType": "application/pdf", "data": base64.b64encode(content).decode(), "size": len(content), "title": title, "creation": moment(access)[:10]}}],
    }  # fmt: skip
    return Change("create", "DocumentReference", new_id(), resource, program=program)


class Written(NamedTuple):
    """A letter about somebody as it would leave. reveals: what it tells, a line each; digest: of its words and what they rest on."""

    text: str
    reveals: tuple[str, ...]
    preview: Preview
    digest: str


def wish(template: Template, patient: str, recipient: str, purpose: str, since: str, until: str) -> Wish:
    """What a letter releases: of the types that it draws on, and no more."""
    return Wish(patient, recipient, purpose, ("Patient", *template.reveals), since=since, until=until)


async def written(access: Access, template: Template, asked: Wish, recipient: str) -> Written:
    """The letter with the facts that may leave to this recipient now, and what it tells. Raises NotFound, Forbidden, Malformed."""
    if template.purpose != "letter":
        raise errors.Malformed("Choose a letter.")
    found = await releasing.preview(access, asked)
    resources = marking.entries(found)
    person = next((r for r in resources if r["resourceType"] == "Patient"), None)
    visits = sorted((r for r in resources if r["resourceType"] == "Encounter" and r.get("status") in ("finished", "in-progress", "arrived") and not elsewhere.told(r)), key=words.day)
    stays = sorted((r for r in resources if r["resourceType"] == "EpisodeOfCare"), key=words.day)
    days = list(dict.fromkeys(words.day(v)[:10] for v in visits if words.day(v)))
    values = {
        "today": long(access.today), "organization": access.tenant.name, "recipient": recipient, "name": words.name(person) if person else "", "born": str((person or {}).get("birthDate", "")),
        "number": str(len(visits)), "visits": "visit" if len(visits) == 1 else "visits", "days": "\n".join(f"    {d}" for d in days) or "    none",
        "from": days[0] if days else "no day", "to": days[-1] if days else "no day", "stays": "\n".join(f"    {words.headline(s)}" for s in stays) or "    none that we may name",
    }  # fmt: skip
    text = filled(template, values)
    told = [f"That {values['name']} is known to us"] if person else []
    told += [f"{len(days)} {'day' if len(days) == 1 else 'days'} of visits" if days else "No day of a visit", *(f"A stay: {words.headline(s)}" for s in stays if "{stays}" in template.text)]
    if found.outgoing.notice:
        told.append("By its notice: that these are records of a program for substance use disorder")
    return Written(text, tuple(told), found, disclosing.digest_of(found.digest, text))


async def release(access: Access, template: Template, asked: Wish, recipient: str, digest: str) -> str:
    """Decide again and let the letter leave; the id of its line in the log. Raises Conflict where it reads otherwise now, ProofNeeded, Malformed."""
    now = await written(access, template, asked, recipient)
    if not now.preview.outgoing.shows:
        raise errors.Malformed(releasing.NOTHING)
    if now.digest != digest:
        raise errors.Conflict(releasing.CHANGED)

    async def made(found: Preview) -> bytes:
        return pdf(access, now.text, notice=bool(found.outgoing.notice), scope=found.outgoing.scope)

    return await releasing.release(access, asked, now.preview.digest, made=made)


def long(day: date) -> str:
    """A day as letters write it."""
    return f"{day:%B} {day.day}, {day.year}"


__all__ = ["CARE", "CATEGORY", "Template", "Written", "change", "filing", "filled", "long", "pdf", "release", "shipped", "templates", "wish", "written"]
