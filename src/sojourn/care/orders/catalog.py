"""What can be ordered: shipped panels and the organization's own, each with its dates."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from sojourn.base import errors
from sojourn.care.orders import components
from sojourn.care.orders.components import LOINC, Component
from sojourn.care.resources import CARE, code_of, concept, moment
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

__all__ = ["LOINC", "Panel", "Rhythm", "add", "change", "end", "of", "panels", "read", "rhythms", "shipped"]

TOPIC: Final = "lab-panel"
PANEL: Final = "https://sojourn.example/fhir/NamingSystem/lab-panel"
SPECIMEN: Final = "https://sojourn.example/fhir/StructureDefinition/panel-specimen"
FASTING: Final = "https://sojourn.example/fhir/StructureDefinition/panel-fasting"
HERE: Final = "https://sojourn.example/fhir/StructureDefinition/panel-done-here"
KIT: Final = "https://sojourn.example/fhir/StructureDefinition/panel-kit"
CONFIRM: Final = "https://sojourn.example/fhir/StructureDefinition/panel-confirmed-by"
WRITES: Final = (("ActivityDefinition", "create"), ("ActivityDefinition", "update"))


class Panel(NamedTuple):
    """Something to order. code: a LOINC number that has a source, or ''; unverified: one that has none, which is never sent.

    own: the id of the organization's ActivityDefinition; '' for what is shipped. here: we do it ourselves. kit: with which kit or device;
    confirm: key of the panel that confirms it; components: what a result of it says.
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
    here: bool = False
    kit: str = ""
    confirm: str = ""
    components: tuple[Component, ...] = ()

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
    made = [Panel(r["key"], r["title"], r["specimen"], bool(r.get("fasting")), r.get("loinc", ""), r.get("unverified", ""), r["source"], r["effective"], confirm=r.get("confirm", ""), components=components.shipped(r)) for r in rows]
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
        said.get(HERE, {}).get("valueBoolean") is True, str(said.get(KIT, {}).get("valueString", "")), str(said.get(CONFIRM, {}).get("valueString", "")), components.read(resource.get("extension")),
    )  # fmt: skip


def of(found: Sequence[Panel], request: Mapping[str, Any]) -> Panel | None:
    """The panel that was ordered: by our key, else by its LOINC number."""
    key = code_of(request.get("code")).removeprefix("panel-")
    number = code_of(request.get("code"), LOINC)
    return next((p for p in found if p.key == key), None) or next((p for p in found if number and p.code == number), None)


def _home(access: Access) -> int | None:
    """The program under which the catalog is kept: what a Part 2 program writes is shown to its own people alone, and this is everybody's. None: the caller's."""
    return min((n for n, p in access.rules.programs.items() if not p.part2), default=None)


async def add(access: Access, title: str, specimen: str, *, fasting: bool, code: str, source: str, key: str = "") -> str:
    """A panel of the organization's own; with the key of another it takes its place. Its id. Raises Malformed."""
    id_ = new_id()
    panel = _checked(Panel(key or f"own-{id_[:8]}", title, specimen, fasting, code, "", source, access.today))
    await access.write([Change("create", "ActivityDefinition", id_, _resource(access, panel, "active"), program=_home(access))], action="lab-catalog")
    return id_


async def change(access: Access, panel: Panel, *, version: str = "") -> None:
    """Write a panel as it is to be from now on; one that is shipped becomes the organization's own. Raises Malformed, VersionConflict."""
    panel = _checked(panel)
    if panel.here and not panel.components:
        raise errors.Malformed("A test that is done here needs at least one component: what its result says.")
    keys = [c.key for c in panel.components]
    if len(set(keys)) < len(keys):
        raise errors.Malformed("Two components have the same name.")
    made = _resource(access, panel, "active")
    one = Change("update", "ActivityDefinition", panel.own, {**made, "id": panel.own}, if_match=version or None) if panel.own else Change("create", "ActivityDefinition", new_id(), made, program=_home(access))
    await access.write([one], action="lab-catalog")


def _checked(panel: Panel) -> Panel:
    panel = panel._replace(title=panel.title.strip(), specimen=panel.specimen.strip(), code=panel.code.strip(), source=panel.source.strip(), kit=panel.kit.strip())
    if not panel.title or not panel.specimen:
        raise errors.Malformed("Write what is ordered, and from which specimen.")
    if panel.code and not components.fits(panel.code):
        raise errors.Malformed("That is not a LOINC number: digits, a hyphen and a check digit that fits.")
    if panel.code and not panel.source:
        raise errors.Malformed("Write where the number comes from: your laboratory's list, with its date.")
    return panel


async def end(access: Access, panel: Panel) -> None:
    """Take a panel off the list; orders of it stay as they are."""
    if panel.own:
        stored = await access.read("ActivityDefinition", panel.own)
        await access.write([Change("update", "ActivityDefinition", panel.own, {**stored.resource, "status": "retired"}, if_match=stored.version)], action="lab-catalog")
        return
    await access.write([Change("create", "ActivityDefinition", new_id(), _resource(access, panel._replace(code="", source=""), "retired"), program=_home(access))], action="lab-catalog")


def _resource(access: Access, panel: Panel, status: str) -> dict[str, Any]:
    kept = [(SPECIMEN, "valueString", panel.specimen), (FASTING, "valueBoolean", panel.fasting), (HERE, "valueBoolean", panel.here), (KIT, "valueString", panel.kit), (CONFIRM, "valueString", panel.confirm)]
    return {
        "resourceType": "ActivityDefinition", "identifier": [{"system": PANEL, "value": panel.key}], "status": status, "title": panel.title, "kind": "ServiceRequest", "date": moment(access),
        "topic": [concept(TOPIC, "Laboratory panel")], "effectivePeriod": {"start": access.today.isoformat()},
        "extension": [*({"url": url, name: value} for url, name, value in kept if value != ""), *(components.extension(c) for c in panel.components)],
        **({"code": {"coding": [{"system": LOINC, "code": panel.code}], "text": panel.title}} if panel.code else {}), **({"copyright": panel.source} if panel.source else {}),
    }  # fmt: skip
