"""Where the labels of a resource come from: its program, a code, or what its writer said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sojourn.fhir import codec
from sojourn.gate import bases, labels
from sojourn.gate.caller import Program
from sojourn.gate.explaining import words
from sojourn.gate.labelrules import LabelRules

APART = bases.SUD_COUNSELING | bases.PSYCHOTHERAPY
"""Notes kept apart: of these an explanation tells the law, and nothing of the content."""


def sources(row: Mapping[str, Any], programs: Mapping[int, Program], rules: LabelRules | None = None) -> list[dict[str, Any]]:
    """One row for each reason: {label, from, what}."""
    found: list[dict[str, Any]] = []
    if row["own"] & bases.PART2:
        found += [{"label": "Part 2 record", "from": "program", "what": programs[n].name if n in programs else f"program {n}"} for n in row["origin"] if n not in programs or programs[n].part2]
    if not row["body"] or row["body"][:1] != b"{" or row["own"] & APART:  # what is kept apart is sealed
        return found
    resource = codec.loads(row["body"])
    meta = resource.get("meta")
    for coding in (meta if isinstance(meta, dict) else {}).get("security") or ():
        bit = bases.claimed(coding) & row["own"]
        if bit and bit != bases.PART2:
            found.append({"label": words.basis(bit)[0], "from": "label", "what": f"{coding.get('system')}|{coding.get('code')}"})
    for place, mask in labels.labelled_elements(resource, rules):
        found.append({"label": words.listed(mask), "from": "element", "what": ".".join(str(p) for p in place)})
    said: set[tuple[str, str]] = set()
    for path, coding in _codings(resource, ""):
        for tag in sorted(labels.read({"code": coding}, rules)[0]):
            if (tag, coding["code"]) not in said:
                said.add((tag, coding["code"]))
                found.append({"label": f"about {tag}", "from": "code", "what": f"{coding['system']}|{coding['code']} at {path}"})
    return found


def _codings(value: Any, path: str) -> Iterator[tuple[str, dict[str, str]]]:
    if isinstance(value, list):
        for item in value:
            yield from _codings(item, path)
    elif isinstance(value, dict):
        if isinstance(value.get("system"), str) and isinstance(value.get("code"), str):
            yield path, {"system": value["system"], "code": value["code"]}
        for key, child in value.items():
            if key not in ("meta", "contained"):
                yield from _codings(child, f"{path}.{key}".strip("."))
