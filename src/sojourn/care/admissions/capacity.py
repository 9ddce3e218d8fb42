"""Places in programs without beds: how many are taken, how many there are, who waits for one."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base.digits import digits
from sojourn.care.admissions import case as cases
from sojourn.care.resources import id_of

if TYPE_CHECKING:
    from sojourn.care.policies import Policies
    from sojourn.gate.access import Access

KEY: Final = "admissions.places"
NEEDS: Final = (("EpisodeOfCare", "search"),)


class Places(NamedTuple):
    """One program. taken: stays that last; there: how many may be at once, None where nobody said; waiting: on the waiting list, None for a role that may not know."""

    program: int
    name: str
    taken: int
    there: int | None
    waiting: int | None

    @property
    def free(self) -> int | None:
        """How many more may come; never less than none."""
        return None if self.there is None else max(0, self.there - self.taken)


def limits(rules: Policies) -> dict[str, int]:
    """Places by the key of a program, from rows such as `iop 24`; a row that cannot be read is none."""
    rows = [str(row).rsplit(None, 1) for row in rules.value(KEY)]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and digits(row[1])}  # noqa: PLR2004 - a key and a number


class Counts(NamedTuple):
    """Stays that last by the id of the Organization that runs them, and who waits by program; None for a role that may not know that."""

    stays: Counter[str]
    waiting: Counter[int] | None


async def counted(access: Access) -> Counts | None:
    """Counted from the stays and cases that the caller may see; None for a role that may not search stays. Two questions at once."""
    if not all(access.may(t, a) for t, a in NEEDS):
        return None
    stays, waiting = await asyncio.gather(access.gather("EpisodeOfCare", [("status", "active,onhold")], ("managingOrganization", "status")), _waiting(access))
    return Counts(Counter(id_of(s.get("managingOrganization"), "Organization") for s in stays.resources), waiting) if stays.whole else None


def of(access: Access, rules: Policies, counts: Counts | None, *, without: frozenset[int] = frozenset()) -> list[Places]:
    """The programs in which the caller works, but for those `without` places (they have beds), in the order of their names.

    A program of others is not there at all: a number of it would be too small.
    """
    if counts is None:
        return []
    taken, waiting, known = counts.stays, counts.waiting, limits(rules)
    mine = {n: p for n, p in access.rules.programs.items() if n in access.caller.programs and n not in without and p.organization}
    found = ((n, p, taken[(p.organization or "").removeprefix("Organization/")]) for n, p in mine.items())
    return sorted((Places(n, p.name, many, known.get(p.key), None if waiting is None else waiting[n]) for n, p, many in found if p.key in known or many), key=lambda place: place.name)


async def _waiting(access: Access) -> Counter[int] | None:
    if not access.may("Task", "search"):
        return None
    return Counter(c.program for c in await cases.waiting(access, count=1000) if c.stage.code == "waitlist")


async def one(access: Access, rules: Policies, program: int) -> Places | None:
    """Those of one program, where the organization limits them and the caller works in it."""
    if access.rules.programs[program].key not in limits(rules) if program in access.rules.programs else True:
        return None
    return next((p for p in of(access, rules, await counted(access)) if p.program == program), None)
