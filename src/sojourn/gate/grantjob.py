"""Consents compiled anew by the server itself, where the rules by which they become grants change.

In small steps, each committed: what is killed in the middle goes on from there, and a step that is done twice changes nothing the second time. What is
written meanwhile is compiled by whoever writes it. docs/consent.md.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import crypto, log
from sojourn.base.background import Background
from sojourn.fhir import codec
from sojourn.gate.consenting import compiling
from sojourn.gate.labeljob import Labeller
from sojourn.gate.policy import tables
from sojourn.record import consents as statements
from sojourn.record.index import Keys

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.gate import Gate

EDITION: Final = 2
"""Of what compiling makes of a Consent: raised with every change by which another row comes of the same one (held by tests/gate/test_compiled_anew.py)."""
MOST: Final = 50
"""Consents of one step."""
_AFTER: Final = 5.0
_EVERY: Final = 300.0
"""Seconds after the start, and between looks at whether programs or forms changed."""
_log = log.logger(__name__)


class Done(NamedTuple):
    """What came of a step. looked: Consents; closed, added: rows; more: whether there is another step."""

    looked: int = 0
    closed: int = 0
    added: int = 0
    more: bool = False


def rules(access: Access) -> str:
    """A digest of what compiling follows beside the Consents: programs, and the tables of the forms."""
    programs = sorted((p.number, p.key, p.organization, p.part2) for p in access.rules.programs.values())
    return crypto.sha256(repr((programs, tables.table("consents"))).encode()).hex()[:16]


class Anew(Background):
    """One task a process; of several processes each step is done by whoever comes first."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self._labeller = gate, Labeller(gate)

    async def step(self, tenant: int) -> Done:
        """The next Consents of an organization, if there is anything to do."""
        access = await self._labeller.access(tenant)
        db, house = access.house.db, access.house
        job = await statements.job(db, access.head, EDITION, rules(access))
        if job is None:
            return Done()
        keys, looked, closed, added = Keys(access.tenant.secret), 0, 0, 0
        found = await statements.page(db, access.head, job["place"], MOST)
        for row in found:
            body = house.blobs.whole(tenant, row["body"], row["blobs"] or [])
            grants, relations = compiling.compiled(codec.loads(body), access.tenant, access.rules.programs, keys, 1)
            done = await statements.put(db, access.head, row["id"], row["seq"], [g[1:] for g in grants], [r[1:] for r in relations])
            looked, closed, added = looked + 1, closed + (done or (0, 0))[0], added + (done or (0, 0))[1]
        following = found[-1]["id"] if len(found) == MOST else ""
        mine = await statements.moved(db, access.head, job["job"], job["place"], following, looked, closed, added)
        if mine and not following and (job["looked"] or looked):
            _log.info("consents compiled anew", tenant=tenant, consents=job["looked"] + looked, closed=job["closed"] + closed, added=job["added"] + added)
        return Done(looked, closed, added, more=bool(following))

    async def round(self) -> None:
        """Every step that there is to do, for every organization."""
        for tenant in list(self._gate.house.tenants):
            more = True
            while more:
                more = (await self.step(tenant)).more

    async def _run(self) -> None:
        pause = _AFTER
        while True:
            await asyncio.sleep(pause)
            pause = _EVERY
            try:
                await self.round()
            except Exception as error:  # noqa: BLE001 - of any kind: what is compiled stays in force, and it is tried again
                _log.error("consents were not compiled anew", error)
