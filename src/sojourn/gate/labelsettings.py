"""The rules of labels as whoever oversees sees and changes them: own codes, laws, what is going on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base import errors
from sojourn.gate import bases, labeljob
from sojourn.gate.labelrules import tag_codes
from sojourn.record import labelling

if TYPE_CHECKING:
    from sojourn.gate.access import Access

# Laws that a subject can be put under. Part 2 and the notes kept apart follow from the program and the author, never from a code.
LAWS: tuple[str, ...] = tuple(b.name for b in bases.BASES if not b.bit & (bases.UNLABELLED | bases.PART2 | bases.SUD_COUNSELING | bases.PSYCHOTHERAPY))
_LONGEST = 500


class Standing(NamedTuple):
    """What is in force, and whether everything has its labels by it. job: the last row of record.label_job, or None."""

    codes: list[Any]
    laws: list[Any]
    job: Any
    current: bool


async def standing(access: Access) -> Standing:
    """For whoever oversees. Raises Forbidden."""
    await access.check("oversee", "*", "labels")
    db, tenant = access.house.db, access.tenant.number
    jobs = await labelling.jobs(db, tenant, 1)
    job = jobs[0] if jobs else None
    current = job is None or (job["finished"] is not None and job["rules"] == labeljob.rules_of(access))
    return Standing(await labelling.subject_codes(db, tenant, access.now), await labelling.subject_laws(db, tenant, access.now), job, current)


async def changes(access: Access, limit: int = 60) -> list[Any]:
    """What changed about labels lately, in groups by kind; no resource is named, and what the caller may not know of is in no number. Raises Forbidden."""
    await access.check("oversee", "*", "labels")
    return await labelling.changes(access.house.db, access.head, access.decided, limit)


async def add_code(access: Access, system: str, code: str, *, prefix: bool, tags: Sequence[str], source: str) -> None:
    """Add a code of the organization's own. Raises Forbidden or Invalid."""
    await access.check("oversee", "*", "labels")
    if not system.strip() or not code.strip() or not source.strip() or len(system + code + source) > _LONGEST:
        raise errors.Invalid("A code needs its system, the code, and where it comes from.")
    if not tags or set(tags) - tag_codes():
        raise errors.Invalid("Say what the code is about.")
    await labelling.add_code(access.house.db, access.tenant.number, system.strip(), code.strip(), prefix=prefix, tags=list(tags), source=source.strip(),
                             account=access.caller.account, now=access.now)  # fmt: skip
    await access.note(access.entry("rules", "", f"label code added: {system.strip()}|{code.strip()} {' '.join(tags)}"))


async def add_law(access: Access, tag: str, basis: str, *, source: str) -> None:
    """Put a subject under a law. Raises Forbidden or Invalid."""
    await access.check("oversee", "*", "labels")
    if tag not in tag_codes() or basis not in LAWS:
        raise errors.Invalid("Choose a subject, and the law that protects it.")
    if not source.strip() or len(source) > _LONGEST:
        raise errors.Invalid("Name the law: its section, and its state.")
    await labelling.add_law(access.house.db, access.tenant.number, tag, basis, source=source.strip(), account=access.caller.account, now=access.now)
    await access.note(access.entry("rules", "", f"label law added: {tag} {basis}"))


async def end(access: Access, number: int) -> None:
    """End a code or a law of the organization's own, from now. Raises Forbidden or NotFound."""
    await access.check("oversee", "*", "labels")
    if not await labelling.end_rule(access.house.db, access.tenant.number, number, access.caller.account, access.now):
        raise errors.NotFound("There is no such rule, or it has ended.")
    await access.note(access.entry("rules", "", f"label rule ended: {number}"))
