"""Other clients' names in a note: those whom its author may see, and nobody else.

The question goes through the gate like any other. So a name of somebody hidden is no name at all, and a warning that does not come says
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from sojourn.care.notes.text import best_name
from sojourn.gate.access import Access

MOST = 150
"""Words that are looked up, at most."""
_WORD = re.compile(r"[^\W\d_][\w'’-]+", re.UNICODE)
_START = re.compile(r"(?:^|[.!?:\n]\s*|[\"“(]\s*)$")
# Words that begin with a capital within a sentence and are names of days, months, places of the trade; never looked up.
_NEVER = frozenset(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September October November December English Spanish "
    "Medicaid Medicare Alcoholics Narcotics Anonymous Plan Data Assessment Group Client Clinic Center Hospital Street Avenue Road Christmas Thanksgiving Easter God".split()
)
# Names that begin a sentence as words of the language far more often than as a name; within a sentence they are looked up.
_OFTEN_WORDS = frozenset(
    "Will Hope Grace Mark May Rose Faith Joy Summer Bill Rich Art Drew Frank Chase Grant Pat Sue Christian Dawn Eve Guy Penny Ray Rob Sky Young Long Love Bright Small Price Power Day "
    "Best Good Rest Back Case Max Nick Peg Phil Rusty Sandy Skip Trip Wade Ward West North Winter Autumn Angel Destiny Charity Chance Miles Pace Page Major Royal".split()
)


def candidates(text: str) -> list[str]:
    """Words that may be a name: those with a capital, but at the start of a sentence only what is no usual word there."""
    found: dict[str, None] = {}
    words = list(_WORD.finditer(text))
    for n, match in enumerate(words):
        word = match.group().removesuffix("'s").removesuffix("’s")
        if not word[0].isupper() or word.isupper() or word in _NEVER:
            continue
        at_start = bool(_START.search(text[max(0, match.start() - 4) : match.start()]) or match.start() == 0)
        following = words[n + 1].group() if n + 1 < len(words) and text[match.end() : words[n + 1].start()] == " " else ""
        if not at_start or word not in _OFTEN_WORDS or (following[:1].isupper() and not following.isupper()):
            found[word] = None
    return list(found)[:MOST]


def named(text: str, people: Iterable[Mapping[str, Any]], own: set[str]) -> list[str]:
    """The names as they stand in the text, of these people; names that are the client's own are not of somebody else."""
    found: dict[str, None] = {}
    for person in people:
        name = best_name(person)
        family, given = str(name.get("family", "")), [str(g) for g in name.get("given", ())]
        whole = next((f"{g} {family}" for g in given if re.search(rf"\b{re.escape(g)}\s+{re.escape(family)}\b", text)), "") if family else ""
        if whole:
            found[whole] = None
            continue
        for part in (family, *given):
            if len(part) > 2 and part not in own and part in candidates(text):
                found[part] = None
    return [n for n in found if not any(n != other and n in other.split() for other in found)]


async def others(access: Access, patient: str, text: str) -> list[str]:
    """Names in the text that are those of other clients whom the caller may see. One search."""
    words = candidates(text)
    if not words or not access.may("Patient", "search"):
        return []
    wanted = ",".join(word.replace("\\", "").replace(",", "").replace("$", "").replace("|", "") for word in words)
    # The client's own names are in the text only if they are among the words; then the client is among those found.
    answer = await access.search("Patient", [("name:exact", wanted)], count=300)
    people: dict[str, Mapping[str, Any]] = {p["id"]: p for p in answer.resources}
    mine = people.pop(patient, {})
    own = {str(part) for n in mine.get("name", ()) for part in (n.get("family", ""), *n.get("given", ()))}
    return named(text, people.values(), own)
