"""Pieces that all entries are made of: template ids, ids, who did it, comments, marks of privacy.

Template ids: HL7 C-CDA R2.1 (https://www.hl7.org/implement/standards/product_brief.cfm?product_id=492) and its Companion Guide. DS4P:
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=354
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from sojourn.wire.ccda.markup import E
from sojourn.wire.ccda.oids import LOINC
from sojourn.wire.ccda.telling import Json, Row, coding, day, measured, number, ts, words

C_CDA: Final = "2.16.840.1.113883.10.20."
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
LEVELS: Final = ("U", "L", "M", "N", "R", "V")
_SAID: Final = {"U": "unrestricted", "L": "low", "M": "moderate", "N": "normal", "R": "restricted", "V": "very restricted"}
_DS4P: Final = "2.16.840.1.113883.3.445."
_SECURITY_TYPES: Final = "2.16.840.1.113883.1.11.20457"
_OBLIGATIONS: Final = frozenset({"PERSISTLABEL", "RedisclosureProhibitionMark", "ENCRYPT", "MINEC", "PRIVMARK", "CPLYCD", "DELAU"})
_NEW: Final = ("2.65", "4.202", "2.500", "4.500", "4.501", "4.502", "34.3.45")
"""Templates of the Companion Guide, which no earlier version has."""
_APART: Final = frozenset({"resourceType", "id", "meta", "text", "identifier", "contained", "subject", "patient", "beneficiary", "language", "implicitRules"})
_DATE: Final = re.compile(r"(19|20)\d\d-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d))?)?")
_BINARY: Final = ("data", "hash", "url", "system", "reference", "version", "id", "div", "size")


class Here:
    """The document that is being made: how ids are rooted, and what else is in it by `Type/id`."""

    def __init__(self, base: str, resources: Collection[Json]) -> None:
        self.base = base.rstrip("/")
        self.root = str(uuid5(NAMESPACE_URL, self.base))
        self.known: Mapping[str, Json] = {f"{r['resourceType']}/{r['id']}": r for r in resources}

    def name(self, reference: Json | None) -> str:
        """`Type/id` of a reference; '' for none of ours."""
        said = str((reference or {}).get("reference", ""))
        return said.removeprefix(self.base + "/") if "/" in said else ""

    def get(self, reference: Json | None) -> Json | None:
        """What a reference names, if it is in the document."""
        return self.known.get(self.name(reference))

    def id(self, resource: Json, part: str = "") -> E:
        """The id of a statement about a resource."""
        return E("id", root=self.root, extension=f"{resource['resourceType']}/{resource['id']}{part}")

    def of(self, reference: Json | None) -> E:
        """The id of what a reference names."""
        named = self.name(reference)
        return E("id", root=self.root, extension=named) if named else E("id", nullFlavor="UNK")


def template(number: str, extension: str = "") -> list[E]:
    """The id of a C-CDA template (`22.4.7`), and that of its earlier version beside it."""
    root = number if number.startswith(("1.3", "2.16")) else C_CDA + number
    new = not extension or number.removeprefix("22.").startswith(_NEW)
    return [E("templateId", root=root, extension=extension), *([] if new else [E("templateId", root=root)])]


def who(row: Row, here: Here, column: str, reference: Json | None, time: str = "", *, kind: str = "author") -> E | None:
    """The author or performer of a statement, with the name that the record gives; None where nobody is named."""
    named = str((reference or {}).get("display", ""))
    if not named and not here.name(reference):
        return None
    row.say("Recorded" if column == "By" and kind == "author" else column, named)
    person = E("assignedPerson", E("name", named)) if named else None
    if kind == "performer":
        return E("performer", E("assignedEntity", here.of(reference), E("addr", nullFlavor="UNK"), E("telecom", nullFlavor="UNK"), person))
    row.say("Recorded" if column == "By" else f"{column}, when", day(time) if time else "")
    at = E("time", value=ts(time)) if time else E("time", nullFlavor="UNK")
    return E("author", *template("22.4.119"), at, E("assignedAuthor", here.of(reference), person))


def recorded(row: Row, here: Here, reference: Json | None, time: str) -> E | None:
    """Who wrote it down and when; nobody's name where only the time is known."""
    if reference and (reference.get("display") or here.name(reference)):
        return who(row, here, "By", reference, time)
    if not time:
        return None
    row.say("Recorded", day(time))
    return E("author", *template("22.4.119"), E("time", value=ts(time)), E("assignedAuthor", E("id", nullFlavor="UNK")))


def related(kind: str, inside: E, **more: str) -> E:
    """An entryRelationship."""
    return E("entryRelationship", inside, typeCode=kind, **more)


def comment(row: Row, column: str, text: str) -> E | None:
    """What has no place of its own, in words (Comment Activity)."""
    reference = row.say(column, text)
    if not reference:
        return None
    return related("SUBJ", E("act", *template("22.4.64"), coding("code", LOINC, "48767-8", "Annotation comment"), E("text", E("reference", value=reference)), classCode="ACT", moodCode="EVN"), inversionInd="true")


def notes(row: Row, resource: Json, used: Collection[str]) -> E | None:
    """All that a resource says and that has no place in its entry, as one comment."""
    return comment(row, "Also recorded", "; ".join(dict.fromkeys(rest(resource, used))))


def rest(resource: Json, used: Collection[str]) -> Iterator[str]:
    """`label: words` of every element that is not in `used`."""
    for key, value in resource.items():
        if key not in used and key not in _APART:
            yield from _words(_label(key), value)


def _label(key: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in key).replace("-", " ").strip()


def _said(value: Any) -> str:
    """A value in words, a date as dates are told."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return day(value) if isinstance(value, str) and _DATE.fullmatch(value) else number(value)


def _words(label: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _words(label, one)
    elif isinstance(value, dict) and set(value) == {"text"}:
        yield f"{label}: {value['text']}"
    elif not isinstance(value, dict):
        yield f"{label}: {_said(value)}"
    elif "coding" in value or (set(value) <= {"system", "code", "display", "version", "userSelected"} and not isinstance(value.get("code"), dict)):
        if said := words(value):
            yield f"{label}: {said}"
    elif "value" in value and (len(value) == 1 or {"unit", "code", "comparator"} & value.keys()):
        yield f"{label}: {measured(value)}"
    elif "reference" in value or set(value) == {"display"}:
        if value.get("display"):
            yield f"{label}: {value['display']}"
    elif "url" in value and any(k.startswith("value") or k == "extension" for k in value):
        inner = {k: v for k, v in value.items() if k != "url"}
        for key, one in inner.items():
            yield from _words(_label(str(value["url"]).rpartition("/")[2]), one) if key.startswith("value") else _words(label, one)
    else:
        for key, one in value.items():
            if key not in _BINARY:
                yield from _words(f"{label} {_label(key)}", one)


def confidentiality(resource: Json) -> str:
    """How confidential a resource is marked, N where it is not."""
    codes = [str(c.get("code")) for c in (resource.get("meta") or {}).get("security", ()) if c.get("system") == CONFIDENTIALITY]
    return max((c for c in codes if c in LEVELS), key=LEVELS.index, default="N")


def highest(resources: Collection[Json]) -> str:
    """The strictest confidentiality among resources, at least N."""
    return max(("N", *(confidentiality(r) for r in resources)), key=LEVELS.index)


def observed(type_: str, number: str, system: str, code: str, said: str) -> E:
    """A security observation of DS4P."""
    templates = [E("templateId", root=_DS4P + "21"), *([E("templateId", root=_DS4P + number)] if number else [])]
    return E("observation", *templates, coding("code", _SECURITY_TYPES, type_), coding("value", system, code, said, xsi_type="CE"), classCode="OBS", moodCode="EVN")


def level(code: str) -> E:
    """The confidentiality as a security observation."""
    return observed("SECCLASSOBS", "12", CONFIDENTIALITY, code, _SAID[code])


def policy(mark: Json) -> E:
    """A label as a security observation: a refrain, an obligation, a purpose, or a category."""
    code, system = str(mark["code"]), str(mark.get("system", ""))
    said = str(mark.get("display", ""))
    if code.startswith("NO") and code.isupper():
        return observed("SECCONOBS", "23", system, code, said)
    if code in _OBLIGATIONS:
        return observed("SECCONOBS", "14", system, code, said)
    if system.endswith("v3-ActReason"):
        return observed("SECCONOBS", "22", system, code, said)
    return observed("SECCATOBS", "", system, code, said)


def marks(resource: Json, wrap: str = "entryRelationship") -> list[E]:
    """What its labels say of a statement: nothing for one that is marked as normal and no more."""
    security = [c for c in (resource.get("meta") or {}).get("security", ()) if c.get("code")]
    others = [c for c in security if c.get("system") != CONFIDENTIALITY]
    strict = confidentiality(resource)
    if not others and LEVELS.index(strict) <= LEVELS.index("N"):
        return []
    return [E(wrap, made, typeCode="COMP") for made in (level(strict), *map(policy, others))]


def confidential(code: str) -> E:
    """confidentialityCode of a document or section."""
    return coding("confidentialityCode", CONFIDENTIALITY, code, _SAID[code])
