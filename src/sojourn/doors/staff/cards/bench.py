"""The test bench with CDS services of partners: asks each about somebody who does not exist."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sojourn.base import clock
from sojourn.doors.staff.cards.asking import OK, endpoint, signed
from sojourn.gate.exchange import cds, cdsbench, trying
from sojourn.gate.exchange.testing import CALLS, FAILED, OUT, PASSED, WAITS, Step
from sojourn.gate.exchange.walking import Walking
from sojourn.web.outbound import NotReached

if TYPE_CHECKING:
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.gate import House
    from sojourn.web.outbound import Outbound


class Bench(Walking):
    """The task that does it."""

    def __init__(self, house: House, outbound: Outbound) -> None:
        super().__init__(house)
        self._outbound = outbound

    async def round(self, tenant: Tenant) -> None:
        """Ask the services whose steps wait. Messages go first: a run is written by one hand at a time, and no message is sent twice."""
        found = await trying.running(self._house, tenant.number)
        known = await trying.active(self._house, tenant.number) if found else {}
        for run in found:
            partner = known.get(run.partner)
            if partner is None or all(s.way != CALLS for s in run.steps) or any(s.way == OUT and s.state == WAITS for s in run.steps):
                continue
            some = [await self._asked(tenant, partner, s) if s.way == CALLS and s.state == WAITS else s for s in run.steps]
            if some != run.steps or all(s.state == PASSED for s in some):
                await trying.record(self._house, tenant.number, run, some)

    async def _asked(self, tenant: Tenant, partner: Partner, step: Step) -> Step:
        """Ask one, and what it answered."""
        calling = cds.of(partner.calls)
        service = next((one for one in calling.at(step.subject) if one.id == step.kind), None)
        if service is None:
            return step.became(FAILED, "It is not among the services that are asked any more. Begin a new run.", clock.now())
        place = endpoint(calling, service)
        headers = await signed(self._house, tenant, calling, place)
        try:
            reply = await self._outbound.fetch("POST", place, body=cdsbench.question(self._house.base, service, clock.now()), headers=headers, seconds=calling.seconds)
        except NotReached:
            return step.became(FAILED, f"Nobody answered at its address within {calling.seconds} seconds.", clock.now())
        if reply.status != OK:
            return step.became(FAILED, f"It answered {reply.status}, not 200.", clock.now())
        try:
            state, said = cdsbench.looked(json.loads(reply.body))
        except (ValueError, RecursionError):
            state, said = FAILED, "Its answer is no JSON."
        return step.became(state, said, clock.now())
