"""How far a role reaches: its rules and its people's places become keys of relations."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from sojourn.gate.caller import Caller, Program
from sojourn.gate.consenting.membership import for_purpose

ACROSS: Final = 1 << 62
"""In `refs`: the row refers to something that is not of its own patient. In the mask only of those who need no relation."""

OF_NOBODY: Final = frozenset({
    "Practitioner", "PractitionerRole", "Organization", "OrganizationAffiliation", "Location", "HealthcareService", "Endpoint", "Medication",
    "MedicationKnowledge", "Substance", "Questionnaire", "PlanDefinition", "ActivityDefinition", "Measure", "Library", "ValueSet", "CodeSystem",
})  # fmt: skip
"""Types that are in nobody's chart and refer to nobody: the same as record.of_nobody()."""

_ACTION: Final = "reach:"
SUPERVISES: Final = "supervises:"
"""In the keys of an assignment: whose patients this person sees as their supervisor, as in `supervises:Practitioner/x`."""

REACHES: Final[Mapping[str, str]] = {
    "organization": "every patient of the organization",
    "sites": "patients of the programs at their sites (of a Part 2 program only if they work in it)",
    "programs": "patients of the programs that they work in",
    "unit": "patients who are in their unit now",
    "care-team": "patients on whose care team they are, or whom they see",
    "supervised": "patients of the people whom they supervise",
}
"""What a role can reach, and what that means in words."""


def prefixed(reach: str) -> str:
    """The action of a role rule that says so. Raises KeyError for a reach that there is not."""
    REACHES[reach]
    return _ACTION + reach


def of_actions(actions: Iterable[str]) -> frozenset[str]:
    """The reaches among the actions of a role's rules; what nobody knows reaches nothing."""
    return frozenset(a.removeprefix(_ACTION) for a in actions if a.startswith(_ACTION)) & REACHES.keys()


@lru_cache(maxsize=1)
def starting_days() -> Mapping[str, int]:
    """Kind of relation -> days that it lasts after it is over, as a new organization starts."""
    data = tomllib.loads((Path(__file__).parent / "reach.toml").read_text("utf-8"))
    return dict(data["days"])


def program_key(program: int) -> str:
    """The key of those who work in a program."""
    return f"program:{program}"


def known_in(reference: str, program: int) -> str:
    """The key of somebody, or of a unit, for what only the people of a Part 2 program may know; program 0: anybody."""
    return f"{reference}@{program}"


def keys(caller: Caller, reach: frozenset[str], programs: Mapping[int, Program], sites: Mapping[int, frozenset[str]]) -> list[str]:
    """The keys of a member of staff: their own, as consents name them, and those of whom they have to do with.

    A source under Part 2 gives a key of its program beside each key of a person, so those who reach their programs need only the
    persons' keys that anybody may know.
    """
    own = set(caller.programs)
    named = [k for k in caller.keys if not k.startswith(SUPERVISES) and ("/" in k or ":" in k)]  # a bare id is none (visible.sql)
    reached = own if "programs" in reach else set()
    if "sites" in reach:
        places = {site for n in own for site in sites.get(n, ())}
        reached = reached | {n for n, at in sites.items() if at & places and (n in own or not (n in programs and programs[n].part2))} | own
    people = [caller.agent] if caller.agent and "care-team" in reach else []
    people += [k.removeprefix(SUPERVISES) for k in caller.keys if k.startswith(SUPERVISES)] if "supervised" in reach else []
    people += [k for k in named if k.startswith("Location/")] if "unit" in reach else []
    within = [0, *sorted(own - reached)]
    by_consent = [for_purpose(caller.purpose, k) for k in named if k.startswith("Practitioner/")]
    return [*named, *by_consent, *(program_key(n) for n in sorted(reached)), *(known_in(who, n) for who in people for n in within)]
