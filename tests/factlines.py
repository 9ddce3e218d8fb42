"""The facts that a resource states, each with its place, and one line of them for tables: codes, values, units, times, names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from typing import Any

Json = dict[str, Any]
Fact = tuple[str, ...]
OWN = "https://sojourn.example/fhir/"
TERMS = "http://terminology.hl7.org/CodeSystem/"
HOURS = {"s": Decimal(1) / 3600, "min": Decimal(1) / 60, "h": Decimal(1), "d": Decimal(24), "wk": Decimal(168)}
NAMED = ("lotNumber", "subscriberId", "carrierHRF", "valueString", "lifecycleStatus", "criticality", "type", "severity", "conclusion", "birthDate", "gender", "family", "given", "postalCode", "city", "state", "patientInstruction")
"""Elements whose words are facts."""


def plain(text: str) -> str:
    """Words as XML can hold them, blanks as one."""
    return " ".join(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "\ufffd", text).split())


def moment(text: str) -> str:
    """A dateTime without parts of a second, its zone as a number."""
    day, _, time = text.partition("T")
    return f"{day}T{time.replace('Z', '+00:00')[:8]}{time.replace('Z', '+00:00')[-6:]}" if time else day


def measured(value: Json) -> Fact:
    """A quantity by its number, sign and unit; one in words as the annotation that UCUM has for it."""
    unit = value.get("code") if value.get("system") == "http://unitsofmeasure.org" else ""
    said = str(unit or (f"{{{value['unit'].replace(' ', '_')}}}" if value.get("unit") else ""))
    return ("quantity", format(Decimal(str(value["value"])).normalize(), "f"), value.get("comparator", ""), said)


def facts(resource: Json) -> Iterator[tuple[str, Fact]]:
    """Each fact with its place."""
    for key, value in resource.items():
        if key not in ("id", "meta", "text", "identifier", "extension", "contained", "resourceType", "note"):
            yield from _at(key, value)


def _at(path: str, value: Any) -> Iterator[tuple[str, Fact]]:
    if isinstance(value, list):
        for one in value:
            yield from _at(path, one)
    elif isinstance(value, dict):
        yield from _of(path, value)
    elif isinstance(value, bool):
        yield path, ("yes" if value else "no",)
    elif isinstance(value, (int, Decimal)):
        yield path, ("quantity", format(Decimal(str(value)).normalize(), "f"), "", "")
    elif isinstance(value, str):
        if re.match(r"\d{4}($|-)", value):
            yield path, ("time", moment(value))
        elif path.rpartition(".")[2] in NAMED:
            yield path, ("words", plain(value))


def _of(path: str, value: Json) -> Iterator[tuple[str, Fact]]:
    if value.get("code") and "value" not in value and not isinstance(value["code"], dict):
        yield path, ("code", str(value.get("system", "")), str(value["code"]))
    elif "frequency" in value and "period" in value and value.get("periodUnit") in HOURS:
        yield path, ("every", str((Decimal(str(value["period"])) * HOURS[value["periodUnit"]] / Decimal(str(value["frequency"]))).quantize(Decimal("0.0001"))))
        yield from _at(f"{path}.boundsPeriod", value.get("boundsPeriod"))
    elif "value" in value and isinstance(value["value"], (int, float, Decimal)):
        yield path, measured(value)
    elif "reference" in value or set(value) == {"display"}:
        if value.get("display"):
            yield path, ("name", str(value["display"]))
    else:
        for key, inner in value.items():
            yield from _at(f"{path}.{key}", inner) if key not in ("text", "extension", "note") else ()
        if value.get("text") and "coding" not in value:
            yield path, ("words", plain(value["text"]))


_CODES = ("code", "vaccineCode", "medicationCodeableConcept", "description", "relationship", "type", "class")
_TIMES = ("birthDate", "onset", "effective", "performed", "occurrence", "period", "start", "recordedDate", "whenHandedOver")


def line(resource: Json) -> str:
    """What it is, in one line: type, codes, value, time, state, and a digest of all that it states."""
    every = list(facts(resource))
    about = [f for name in _CODES for path, f in every if path.partition(".")[0] == name and f[0] in ("code", "words")]
    value = [f for path, f in every if path.startswith(("value", "dosage.doseAndRate", "quantity", "subscriberId", "name.family"))]
    when = [f for name in _TIMES for path, f in every if path.startswith(name) and f[0] == "time"]
    state = resource.get("status") or resource.get("lifecycleStatus") or next((c["code"] for c in (resource.get("clinicalStatus") or {}).get("coding", ())), "")
    whole = sha256(repr(sorted((p, *f) for p, f in every)).encode()).hexdigest()[:6]
    said = [resource["resourceType"], *dict.fromkeys(_said(f) for f in (*about[:3], *value[:3], *when[:1])), str(state), f"#{whole}"]
    return " ".join(filter(None, said))


def _said(fact: Fact) -> str:
    if fact[0] == "code":
        return f"{fact[1].rstrip('/').rpartition('/')[2].rpartition(':')[2]}|{fact[2]}"
    return repr(" ".join(fact[1:])[:40]) if fact[0] in ("words", "name") else "".join(fact[2:3]) + " ".join(filter(None, (fact[1], *fact[3:])))
