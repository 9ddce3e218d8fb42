"""By what somebody outside may know of a client, as far as the one who looks may see it.

What is done towards a recipient follows from consents and care relations. Where all of these are hidden from the one who asks for it, that anything is done at
all would tell of them; so it is then as if there were none (docs/decisions/0078-advice-from-partners.md). And where some are hidden, what leaves is what the recipient
would be shown if these permitted nothing: a hidden consent opens no single entry either (docs/decisions/0084-only-by-what-is-seen.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sojourn.record import consents, store

if TYPE_CHECKING:
    from sojourn.base.db import Database
    from sojourn.gate.access import Access


class By(NamedTuple):
    """`Type/id` each. relates: what relates a recipient to a client; permits: the Consents that permit them something, whether or not they relate them."""

    relates: frozenset[str]
    permits: frozenset[str]

    @property
    def all(self) -> list[str]:
        """Everything by which they know something, in order."""
        return sorted(self.relates | self.permits)


async def sources(them: Access, patient: str) -> By:
    """By what a recipient (`them`) knows of a client now, for their purpose, whoever may see it. Never to be shown."""
    rows = await consents.known_by(them.house.db, them.head, patient, list(them.decision.keys))
    return By(frozenset(r["source"] for r in rows if r["relates"]), frozenset(r["source"] for r in rows if not r["relates"]))


async def by(access: Access, them: Access, patient: str) -> By:
    """Of it what `access` may see. Where nothing of that relates them, they know the client only by what is hidden, or not at all. Two questions, whatever there is."""
    now = await sources(them, patient)
    known = await seen(access, now.all)
    return By(now.relates & known, now.permits & known)


async def seen(access: Access, names: Iterable[str]) -> frozenset[str]:
    """Of these (`Type/id`) the ones that are there and that `access` may see. One question."""
    wanted = sorted({name for name in names if access.may(name.partition("/")[0], "read")})
    return frozenset(await store.known(access.house.db, access.head, access.unscoped, wanted))


@asynccontextmanager
async def only(them: Access, patient: str, names: Iterable[str]) -> AsyncIterator[Access]:
    """The recipient asking as if nothing but this (`Type/id`) let them know anything of the client. What the patient forbade holds, whoever may see it.

    In one transaction, which is taken back: nothing may be written with it. One question, whatever there is.
    """
    async with them.house.db.taken_back() as db:
        here = _in(them, db)
        await consents.known_only(db, here.head, patient, list(here.decision.keys), sorted(set(names)))
        yield here


@asynccontextmanager
async def only_seen(access: Access, them: Access, patient: str) -> AsyncIterator[Access]:
    """The recipient asking as if nothing but what `access` may see (`by`) let them know anything of the client. As `only`, and what that is comes with it: one question in all."""
    types = [type_ for type_ in access.house.types if access.may(type_, "read")]
    async with them.house.db.taken_back() as db:
        here = _in(them, db)
        await consents.known_seen(db, here.head, patient, list(here.decision.keys), (access.head, access.unscoped), types)
        yield here


def _in(them: Access, db: Database) -> Access:
    """The same who ask, in a transaction."""
    here = copy(them)
    here.house = replace(them.house, db=db)
    return here
