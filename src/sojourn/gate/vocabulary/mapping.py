"""The organization's own maps, with their days, and the codes of partners that nobody has mapped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import errors
from sojourn.gate.vocabulary.loading import TYPE
from sojourn.record import vocabulary

if TYPE_CHECKING:
    from sojourn.gate.access import Access

EQUIVALENCES: Final = ("equivalent", "equal", "wider", "subsumes", "narrower", "specializes", "inexact", "relatedto", "unmatched", "disjoint")
"""https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html: how the target stands to the source."""
_NONE: Final = ("unmatched", "disjoint")


class Own(NamedTuple):
    """A map of our own. target: "" with equivalence `unmatched`: it is known that there is none. until: None while it holds."""

    system: str
    code: str
    display: str
    target_system: str
    target: str
    target_display: str
    equivalence: str
    account: str = ""
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None


class Missed(NamedTuple):
    """A code of a partner that no map knew. state: open, aside."""

    partner: str
    system: str
    code: str
    display: str
    target_system: str
    state: str
    reason: str
    since: date


async def put(access: Access, own: Own, reason: str) -> bool:
    """Say from now on what a code is in another system; whether that is new. Raises Malformed for what lacks a part, Forbidden."""
    await access.check("administer", TYPE, own.system)
    row = (own.system.strip(), own.code.strip(), own.display.strip(), own.target_system.strip(), own.target.strip(), own.target_display.strip(), own.equivalence)
    if not (row[0] and row[1] and row[3]):
        raise errors.Malformed("Say the system and the code, and the system that it is mapped to.")
    if own.equivalence not in EQUIVALENCES:
        raise errors.Malformed(f"How they stand to each other is one of {', '.join(EQUIVALENCES)}.", expression="equivalence")
    if bool(row[4]) == (own.equivalence in _NONE):
        raise errors.Malformed("Say the code that it is mapped to, or `unmatched` without one.", expression="target")
    if not reason.strip():
        raise errors.Malformed("Say why: whoever reads it later will ask.", expression="reason")
    done = await vocabulary.set_own(access.house.db, access.head, access.caller.account, row, reason.strip(), ends=False)
    if done:
        await access.note(access.entry("vocabulary-map", TYPE, f"{row[0]} {row[1]}"))
    return done


async def end(access: Access, own: Own, reason: str) -> bool:
    """Say it no longer; what was said before stays readable. Raises Malformed without a reason, Forbidden."""
    await access.check("administer", TYPE, own.system)
    if not reason.strip():
        raise errors.Malformed("Say why: whoever reads it later will ask.", expression="reason")
    row = (own.system, own.code, own.display, own.target_system, own.target, own.target_display, own.equivalence)
    done = await vocabulary.set_own(access.house.db, access.head, access.caller.account, row, reason.strip(), ends=True)
    if done:
        await access.note(access.entry("vocabulary-unmap", TYPE, f"{own.system} {own.code}"))
    return done


async def listed(access: Access, *, everything: bool = False, words: str = "", offset: int = 0, most: int = 100) -> tuple[list[Own], int]:
    """Our own maps and how many there are: those that hold, or with `everything` all that ever did. Raises Forbidden."""
    await access.check("administer", TYPE)
    rows = await vocabulary.owned(access.house.db, access.tenant.number, access.now, everything=everything, words=words, offset=offset, most=most)
    found = [
        Own(
            r["system"], r["code"], r["display"], r["target_system"], r["target"], r["target_display"], r["equivalence"], r["account"], r["reason"],
            r["known_from"], None if r["known_to"].year > 9000 else r["known_to"],  # noqa: PLR2004 - infinity
        )
        for r in rows
    ]  # fmt: skip
    return found, int(rows[0]["total"]) if rows else 0


async def missed(access: Access, partner: str, codes: Sequence[tuple[str, str, str]], target: str) -> None:
    """Put codes (system, code, name) of a partner that no map knew on the work list, each once."""
    if codes:
        systems, numbers, names = zip(*codes, strict=True)
        await vocabulary.missed(access.house.db, access.head, partner, systems, numbers, names, target)


async def work(access: Access, state: str = "open", *, offset: int = 0, most: int = 100) -> tuple[list[Missed], int]:
    """The work list, and how long it is. Raises Forbidden."""
    await access.check("administer", TYPE)
    rows = await vocabulary.work(access.house.db, access.tenant.number, state, offset, most)
    return [Missed(r["partner"], r["system"], r["code"], r["display"], r["target_system"], r["state"], r["reason"], r["since"]) for r in rows], int(rows[0]["total"]) if rows else 0


async def set_aside(access: Access, line: Missed, reason: str) -> bool:
    """Nobody will map it, and why; with an empty reason it is taken up again. Raises Forbidden."""
    await access.check("administer", TYPE, line.system)
    state = "aside" if reason.strip() else "open"
    return await vocabulary.aside(access.house.db, access.head, access.caller.account, (line.partner, line.system, line.code, line.target_system), state, reason.strip())
