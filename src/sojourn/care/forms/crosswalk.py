"""What a level of the third edition is called in the fourth: a dated table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sojourn.care import policies
from sojourn.gate.access import Access

KEY = "level.crosswalk"
THIRD = "2013"


async def said(access: Access, response: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(level of the third edition, what it corresponds to) of each level that a response names; nothing, and no question, where it names none."""
    named = list(dict.fromkeys(_third(response.get("item", ()))))
    if not named:
        return []
    rules = await policies.of(access)
    out = []
    for level in named:
        try:
            out.append((level, str(rules.value(KEY, level))))
        except KeyError:
            out.append((level, "not in the table"))
    return out


def _third(items: Any) -> Iterator[str]:
    for item in items if isinstance(items, list | tuple) else ():
        if not isinstance(item, Mapping):
            continue
        for answer in item.get("answer", ()):
            coding = answer.get("valueCoding") or {}
            if str(coding.get("system", "")).endswith("level-of-care") and coding.get("version") == THIRD:
                yield str(coding.get("code", ""))
            yield from _third(answer.get("item", ()))
        yield from _third(item.get("item", ()))
