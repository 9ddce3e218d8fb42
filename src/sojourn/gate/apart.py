"""Notes kept apart: the way of who wrote one to it, and of nobody else by their role.

Psychotherapy notes and SUD counseling notes are withheld from every role (gate/bases.APART). Whoever wrote one may use it for treatment
without a permission (45 CFR 164.508(a)(2)(i)(A); 42 CFR 2.31(b)). So the write that makes one also grants it, and nothing beside it, to a
key that its author has only where they ask for these notes: `opened`. No list, search, export or count that does not ask there has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sojourn.gate import bases, together
from sojourn.gate.consent import EVER, FOREVER, Grant

if TYPE_CHECKING:
    from sojourn.gate.access import Access

PURPOSE = "TREAT"
"""The originator's own treatment: the one use that needs no permission."""


def key(account: str) -> str:
    """The key that grants to an originator name. No account has it among its own keys."""
    return f"originator:{account}"


def opened(access: Access) -> Access:
    """The same caller where they keep their own notes: they see these beside all else that they may see. Of others' notes, nothing."""
    if access.caller.kind != "staff":
        return access
    caller = replace(access.caller, keys=(*access.caller.keys, key(access.caller.account)))
    return together.beside(access, "own notes", lambda: type(access)(access.house, caller, access.request))


def grants(access: Access, type_: str, id_: str, patient: str | None, own: int, op: int) -> Iterator[Grant]:
    """What a new note kept apart grants to the member of staff who wrote it; nothing for one that comes from elsewhere."""
    if patient is None or access.caller.kind != "staff":
        return
    for basis in bases.BASES:
        if basis.bit & own & bases.APART:
            yield (op, patient, "permit", basis.bit, key(access.caller.account), [PURPOSE], "use", None, None, None, None, None, [f"{type_}/{id_}"], EVER, FOREVER)
