"""The organization's maps as FHIR ConceptMaps, and back. Pure. https://hl7.org/fhir/R4/conceptmap.html"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sojourn.base import errors
from sojourn.gate.vocabulary.mapping import EQUIVALENCES, Own

MOST: Final = 20_000
"""Lines that are taken in at once."""


def bundle(own: Iterable[Own], now: datetime) -> dict[str, Any]:
    """One ConceptMap for each pair of systems, in a collection."""
    pairs: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for o in own:
        element = pairs.setdefault((o.system, o.target_system), {}).setdefault(o.code, {"code": o.code, **({"display": o.display} if o.display else {}), "target": []})
        target = {**({"code": o.target} if o.target else {}), **({"display": o.target_display} if o.target_display else {}), "equivalence": o.equivalence}
        element["target"].append(target | ({"comment": o.reason} if o.reason else {}))
    day = now.strftime("%Y-%m-%d")
    maps = [
        {"resourceType": "ConceptMap", "status": "active", "date": day, "group": [{"source": source, "target": target, "element": list(elements.values())}]}
        for (source, target), elements in pairs.items()
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": m} for m in maps]}


def read(resource: Any) -> list[Own]:
    """The lines of a ConceptMap, or of the ConceptMaps in a Bundle. Raises Malformed with the place of what cannot be read."""
    if isinstance(resource, Mapping) and resource.get("resourceType") == "Bundle":
        return [own for entry in _list(resource, "entry") for own in read(entry.get("resource"))]
    if not isinstance(resource, Mapping) or resource.get("resourceType") != "ConceptMap":
        raise errors.Malformed("The file is neither a ConceptMap nor a Bundle of them.")
    found = []
    for g, group in enumerate(_list(resource, "group")):
        place = f"ConceptMap.group[{g}]"
        source, target_system = group.get("source"), group.get("target")
        if not (isinstance(source, str) and isinstance(target_system, str)):
            raise errors.Malformed(f"{place} names no source or no target.", expression=place)
        for e, element in enumerate(_list(group, "element")):
            for t, target in enumerate(_list(element, "target")):
                code, equivalence = target.get("code", ""), target.get("equivalence")
                if not isinstance(element.get("code"), str) or equivalence not in EQUIVALENCES or not isinstance(code, str) or bool(code) == (equivalence in ("unmatched", "disjoint")):
                    at = f"{place}.element[{e}].target[{t}]"
                    raise errors.Malformed(f"{at}: expected a code and how the target stands to it, with a target unless there is none.", expression=at)
                found.append(Own(source, element["code"], str(element.get("display", "")), target_system, code, str(target.get("display", "")), equivalence))
    if len(found) > MOST:
        raise errors.Malformed(f"At most {MOST:,} lines are taken in at once.")
    return found


def _list(of: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = of.get(name) or []
    if not isinstance(value, list) or not all(isinstance(v, Mapping) for v in value):
        raise errors.Malformed(f"{name} is a list of objects.", expression=name)
    return value
