"""What can be ordered: shipped panels and the organization's own, each with its dates."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.resources import CARE, code_of, concept, moment
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

LOINC: Final = "http://loinc.org"
TOPIC: Final = "lab-panel"
PANEL: Final = "https://sojourn.example/fhir/NamingSystem/lab-panel"
SPECIMEN: Final = "https://sojourn.example/fhir/StructureDefinition/panel-specimen"
FASTING: Final = "https://sojourn.example/fhir/StructureDefinition/panel-fasting"
WRITES: Final = (("ActivityDefinition", "create"), ("ActivityDefinition", "update"))


class Panel(NamedTuple):
    """Something to order. code: a LOINC number that has a source, or ''; unverified: one that has none, which is never sent.

    own: the id and version of the organization's ActivityDefinition; '' for what is shipped.
    """

    key: str
    title: str
    specimen: str
    fasting: bool
    code: str
    unverified: str
    source: str
    effective: date
    own: str = ""

    def concept(self) -> dict[str, Any]:
        """As the code of an order: our key, and the number where it has a source."""
        loinc = [{"system": LOINC, "code": self.code}] if self.code else []
        return {"coding": [*loinc, {"system": CARE, "code": f"panel-{self.key}"}], "text": self.title}


class Rhythm(NamedTuple):
    """How often a standing order comes again."""

    key: str
    title: str
    days: int
    times: int
    random: bool


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "catalog.toml").read_text("utf-8"))


def shipped(day: date) -> list[Panel]:
    """The panels that come with Sojourn and are in force on a day."""
    rows = _data()["panel"]
    made = [Panel(r["key"], r["title"], r["specimen"], bool(r.get("fasting")), r.get("loinc", ""), r.get("unverified", ""), r["source"], r["effective"]) for r in rows]
    return [p for p in made if p.effective <= day]


def rhythms() -> dict[str, Rhythm]:
    """Every rhythm, by key."""
    return {r["key"]: Rhythm(r["key"], r["title"], int(r["days"]), int(r["times"]), bool(r.get("random"))) for r in _data()["rhythm"]}


async def panels(access: Access) -> list[Panel]:
    """What can be ordered today, by title: the organization's own, and what is shipped and was not taken off the list. One search."""
    found = await access.search("ActivityDefinition", [("topic", f"{CARE}|{TOPIC}"), ("_sort", "_lastUpdated")], count=500) if access.may("ActivityDefinition", "search") else None
    listed = {p.key: p for p in shipped(access.today)}
    for resource in found.resources if found else ():
        panel = read(resource)
        if panel is None:
            continue
        if resource.get("status") == "active" and panel.effective <= access.today:
            listed[panel.key] = panel
        else:
            listed.pop(panel.key, None)
    return sorted(listed.values(), key=lambda p: p.title.casefold())


def read(resource: dict[str, Any]) -> Panel | None:
    """A panel of the organization's own; None for any other ActivityDefinition."""
    key = next((str(i.get("value", "")) for i in resource.get("identifier") or () if i.get("system") == PANEL), "")
    if not key or code_of(next(iter(resource.get("topic") or ()), None)) != TOPIC:
        return None
    said = {e.get("url"): e for e in resource.get("extension") or ()}
    code = next((str(c.get("code", "")) for c in (resource.get("code") or {}).get("coding") or () if c.get("system") == LOINC), "")
    begins = str((resource.get("effectivePeriod") or {}).get("start", ""))[:10]
    return Panel(
        key, str(resource.get("title", "")), str(said.get(SPECIMEN, {}).get("valueString", "")), said.get(FASTING, {}).get("valueBoolean") is True, code, "",
        str(resource.get("copyright") or "Entered by this organization."), date.fromisoformat(begins) if len(begins) == 10 else date.min, str(resource.get("id", "")),  # noqa: PLR2004 - a whole day
    )  # fmt: skip


async def add(access: Access, title: str, specimen: str, *, fasting: bool, code: str, source: str, key: str = "") -> str:
    """A panel of the organization's own; with the key of another it takes its place. Its id. Raises Malformed."""
    title, specimen, code, source = title.strip(), specimen.strip(), code.strip(), source.strip()
    if not title or not specimen:
        raise errors.Malformed("Write what is ordered, and from which specimen.")
    if code and not _loinc(code):
        raise errors.Malformed("That is not a LOINC number: digits, a hyphen and a check digit that fits.")
    if code and not source:
        raise errors.Malformed("Write where the number comes from: your laboratory's list, with its date.")
    id_ = new_id()
    await access.write([Change("create", "ActivityDefinition", id_, _resource(access, key or f"own-{id_[:8]}", title, specimen, fasting=fasting, code=code, source=source, status="active"))], action="lab-catalog")
    return id_


async def end(access: Access, panel: Panel) -> None:
    """Take a panel off the list; orders of it stay as they are."""
    if panel.own:
        stored = await access.read("ActivityDefinition", panel.own)
        await access.write([Change("update", "ActivityDefinition", panel.own, {**stored.resource, "status": "retired"}, if_match=stored.version)], action="lab-catalog")
        return
    gone = _resource(access, panel.key, panel.title, panel.specimen, fasting=panel.fasting, code="", source="", status="retired")
    await access.write([Change("create", "ActivityDefinition", new_id(), gone)], action="lab-catalog")


def _resource(access: Access, key: str, title: str, specimen: str, *, fasting: bool, code: str, source: str, status: str) -> dict[str, Any]:
    return {
        "resourceType": "ActivityDefinition", "identifier": [{"system": PANEL, "value": key}], "status": status, "title": title, "kind": "ServiceRequest", "date": moment(access),
        "topic": [concept(TOPIC, "Laboratory panel")], "effectivePeriod": {"start": access.today.isoformat()},
        "extension": [{"url": SPECIMEN, "valueString": specimen}, {"url": FASTING, "valueBoolean": fasting}],
        **({"code": {"coding": [{"system": LOINC, "code": code}], "text": title}} if code else {}), **({"copyright": source} if source else {}),
    }  # fmt: skip


def _loinc(code: str) -> bool:
    """Whether the check digit fits (mod 10, as the LOINC users' guide describes it)."""
    number, _, check = code.partition("-")
    if not number.isdigit() or not check.isdigit() or len(check) != 1:
        return False
    odd = str(int(number[::-1][::2][::-1]) * 2)
    even = number[::-1][1::2][::-1]
    total = sum(int(d) for d in odd + even)
    return (10 - total % 10) % 10 == int(check)
