"""A Patient that is there, changed by what a registration system says of the person. Pure.

https://hl7.org/fhir/R4/patient.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

LISTS: Final = ("name", "address", "telecom", "extension", "identifier")
"""Elements of which what is said stands beside what is there."""


def changed(before: Mapping[str, Any] | None, said: Mapping[str, Any], gone: Sequence[str], numbers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The Patient as it is from now on. said: its elements; gone: those that are taken out; numbers: Identifiers, which are only ever added."""
    was = dict(before or {"resourceType": "Patient", "active": True})
    out = {k: v for k, v in {**was, **{k: v for k, v in said.items() if k not in LISTS}}.items() if k not in gone}
    if "deceasedDateTime" in said:
        out.pop("deceasedBoolean", None)
    elif "deceasedBoolean" in said and "deceasedDateTime" in out:
        out.pop("deceasedBoolean" if said["deceasedBoolean"] else "deceasedDateTime")
    if "multipleBirthInteger" in said:
        out.pop("multipleBirthBoolean", None)
    elif "multipleBirthBoolean" in said and said["multipleBirthBoolean"] and "multipleBirthInteger" in out:
        out.pop("multipleBirthBoolean")
    for name in ("name", "address", "telecom"):
        if name in said:
            out[name] = _together(was.get(name) or (), said[name])
    if "extension" in said:
        mine = {e["url"] for e in said["extension"]}
        out["extension"] = [*(e for e in was.get("extension") or () if e.get("url") not in mine), *said["extension"]]
    there = {(str(i.get("system", "")), str(i.get("value", ""))) for i in was.get("identifier") or ()}
    more = [i for i in [*numbers, *said.get("identifier", ())] if (i["system"], i["value"]) not in there]
    if more:
        out["identifier"] = [*(was.get("identifier") or ()), *more]
    return out


def _together(before: Sequence[Mapping[str, Any]], said: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is said in the place of what stands there for the same use; what was agreed about a number (an extension) stays with it."""
    known = {str(b.get("value")): b for b in before if b.get("value") and b.get("extension")}
    uses = {s.get("use") for s in said}
    fresh = [{**s, "extension": known[str(s["value"])]["extension"]} if s.get("value") and str(s["value"]) in known else dict(s) for s in said]
    return [*fresh, *(dict(b) for b in before if b.get("use") not in uses)]
