"""Templates in force: as shipped, or as the organization made them (Questionnaires, in versions)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sojourn.base.digits import digits
from sojourn.base.errors import Malformed
from sojourn.care.notes.model import APART, CHECKS, HEADER, Section, Template
from sojourn.care.notes.services import services
from sojourn.care.resources import CARE, code_of, moment
from sojourn.gate.access import Access
from sojourn.gate.changes import Change, new_id

LOINC = "http://loinc.org"
URL = "https://sojourn.example/fhir/Questionnaire/note-"
TEMPLATE = "note-template"
_CONTEXT = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_CHECK = "https://sojourn.example/fhir/StructureDefinition/note-check"
NEEDS = (("Questionnaire", "create"), ("Questionnaire", "update"))
"""What a role must allow to change templates."""
MOST_SECTIONS = 20


class Kept(NamedTuple):
    """A template with the Questionnaire that it is kept in; '' for one that is as shipped."""

    template: Template
    questionnaire: str = ""
    version: str = ""


@lru_cache(maxsize=1)
def shipped() -> dict[str, Template]:
    """The formats that an organization starts with, by key, in their order."""
    data = tomllib.loads((Path(__file__).parent / "templates.toml").read_text("utf-8"))
    return {raw["key"]: _read(raw, data) for raw in data["template"]}


def _read(raw: Mapping[str, Any], common: Mapping[str, Any]) -> Template:
    sections = tuple(Section(s["key"], s["title"], s.get("hint", ""), s.get("required", True)) for s in raw["sections"])
    header, required, checks = (tuple(raw.get(name, common[name])) for name in ("header", "required", "checks"))
    assert set(header) <= HEADER.keys(), raw["key"]  # noqa: S101 - shipped data
    return Template(raw["key"], raw["title"], raw["kind"], tuple(raw["services"]), raw["code"], raw["document"], sections, header, required, checks, raw.get("apart", ""))


async def kept(access: Access) -> dict[str, Kept]:
    """Every template, by key: the shipped ones first, each as the organization has it now. One search."""
    found = {key: Kept(template) for key, template in shipped().items()}
    if access.may("Questionnaire", "search"):
        answer = await access.search("Questionnaire", [("context", f"{CARE}|{TEMPLATE}"), ("_sort", "_id")], count=200)
        for stored in answer.matches:
            template = of_questionnaire(stored.resource)
            if template is not None:
                found[template.key] = Kept(template, stored.id, stored.version)
    return found


async def in_force(access: Access) -> dict[str, Template]:
    """The templates that may be chosen now, by key."""
    return {key: one.template for key, one in (await kept(access)).items() if one.template.active}


def url(key: str) -> str:
    """The canonical address of a template."""
    return URL + key


def questionnaire(template: Template, when: str) -> dict[str, Any]:
    """A template as a Questionnaire."""
    contexts = [("focus", TEMPLATE), ("task", template.kind), *(("workflow", service) for service in template.services), *([("focus", template.apart)] if template.apart else [])]
    return {
        "resourceType": "Questionnaire",
        **({"extension": [{"url": _CHECK, "valueCode": check} for check in template.checks]} if template.checks else {}),
        "url": url(template.key),
        "version": template.version,
        "name": "Note" + "".join(part.capitalize() for part in template.key.split("-")),
        "title": template.title,
        "status": "active" if template.active else "retired",
        "subjectType": ["Patient"],
        "date": when,
        "useContext": [
            {"code": {"system": _CONTEXT, "code": type_}, "valueCodeableConcept": {"coding": [{"system": CARE, "code": code}]}} for type_, code in contexts
        ],
        "code": [{"system": LOINC, "code": template.code, "display": template.document}],
        "item": [
            *([{"linkId": "header", "type": "group", "item": [_header(field, template) for field in template.header]}] if template.header else []),
            {"linkId": "sections", "type": "group", "item": [_section(section) for section in template.sections]},
        ],
    }


def _header(field: str, template: Template) -> dict[str, Any]:
    return {"linkId": f"header.{field}", "text": HEADER[field], "type": "text", "required": field in template.required}


def _section(section: Section) -> dict[str, Any]:
    hint = [{"linkId": f"{section.key}.hint", "text": section.hint, "type": "display"}] if section.hint else []
    return {"linkId": section.key, "text": section.title, "type": "text", "required": section.required, **({"item": hint} if hint else {})}


def of_questionnaire(found: Mapping[str, Any]) -> Template | None:
    """A template from its Questionnaire; None for one that is none, or that nobody here can read."""
    key = str(found.get("url", "")).removeprefix(URL)
    groups = {g.get("linkId"): g.get("item", ()) for g in found.get("item", ())}
    sections = tuple(_section_of(item) for item in groups.get("sections", ()))
    if not key or key == found.get("url") or not sections:
        return None
    contexts: dict[str, list[str]] = {}
    for context in found.get("useContext", ()):
        contexts.setdefault(str(context.get("code", {}).get("code")), []).append(code_of(context.get("valueCodeableConcept")))
    document: Mapping[str, Any] = next((c for c in found.get("code", ()) if c.get("system") == LOINC), {})
    header = [(str(item["linkId"]).removeprefix("header."), bool(item.get("required"))) for item in groups.get("header", ())]
    return Template(
        key, str(found.get("title", key)), next(iter(contexts.get("task", ())), "individual"), tuple(contexts.get("workflow", ())), str(document.get("code", "11506-3")),
        str(document.get("display", "Progress note")), sections, tuple(f for f, _ in header if f in HEADER), tuple(f for f, needed in header if needed and f in HEADER),
        tuple(e["valueCode"] for e in found.get("extension", ()) if e.get("url") == _CHECK), next((c for c in contexts.get("focus", ()) if c in APART), ""), str(found.get("version", "1")),
        found.get("status") == "active",
    )  # fmt: skip


def _section_of(item: Mapping[str, Any]) -> Section:
    hint = next((str(i.get("text", "")) for i in item.get("item", ()) if i.get("type") == "display"), "")
    return Section(str(item["linkId"]), str(item.get("text", "")), hint, bool(item.get("required")))


async def save(access: Access, before: Kept, template: Template) -> None:
    """Keep a template as its next version. Raises Malformed for one without a section or with what nobody knows, VersionConflict."""
    _check(template)
    version = str(int(before.template.version) + 1) if digits(before.template.version) else "1"
    made = questionnaire(template._replace(version=version), moment(access))
    if before.questionnaire:
        change = Change("update", "Questionnaire", before.questionnaire, {**made, "id": before.questionnaire}, if_match=before.version)
    else:
        change = Change("create", "Questionnaire", new_id(), made)
    await access.write([change], action="note-template")


def _check(template: Template) -> None:
    known = services(date.max)
    if not template.title.strip() or not template.sections or len(template.sections) > MOST_SECTIONS:
        raise Malformed(f"A template needs a name and one to {MOST_SECTIONS} sections.")
    if len({s.key for s in template.sections}) < len(template.sections) or not all(s.key and s.title.strip() for s in template.sections):
        raise Malformed("Each section needs a name of its own.")
    if not set(template.header) <= HEADER.keys() or not set(template.required) <= set(template.header) or not set(template.checks) <= CHECKS.keys():
        raise Malformed("This template asks for something that there is not.")
    if not template.services or not set(template.services) <= known.keys():
        raise Malformed("A template needs at least one service that there is.")


def keyed(title: str, taken: Mapping[str, Any] | set[str]) -> str:
    """A key for a new section or template, from its name."""
    base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "part"
    return next(k for n in range(1, 1000) if (k := base if n == 1 else f"{base}-{n}") not in taken)
