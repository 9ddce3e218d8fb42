"""Local codes from outside get what a map knows beside them; those that none knows are listed.

What came stays as it came, first: nothing is replaced, nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from sojourn.gate.vocabulary import local

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change

_SAME: Final = ("equal", "equivalent")


async def translate(access: Access, partner: str, changes: Iterable[Change]) -> None:
    """Add to the resources of these changes what maps say: only what is the same, never what is wider or narrower.

    partner: '' for a document, whose words about a code are listed only where they are the code's own name.
    """
    codes = list(local.wanting((c.resource for c in changes if c.resource is not None), worded=bool(partner)))
    found = await local.known(access, partner, codes)
    for one in codes:
        for match in found[one.system, one.code, one.target]:
            if match.equivalence in _SAME and match.target and not match.rule:
                one.concept["coding"] = [*one.concept["coding"], {"system": match.system, "code": match.target, **({"display": match.display} if match.display else {})}]
