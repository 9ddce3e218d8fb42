"""What happens by the clock: every duty in the system, and the task that does those that are due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from sojourn.base import clock, log
from sojourn.base.background import Background
from sojourn.base.errors import StaleCredential
from sojourn.care.admissions import people
from sojourn.care.authorizations import watching
from sojourn.care.calling import duty as calls
from sojourn.care.census import double, moving
from sojourn.care.exchange import forgetting
from sojourn.care.exchange import watching as exchange
from sojourn.care.forms import reminding as forms
from sojourn.care.handoff import referral
from sojourn.care.incidents import duty as incidents
from sojourn.care.medications import duty as medications
from sojourn.care.messages import duty as messages
from sojourn.care.orders import standing
from sojourn.care.papers import receiving, resealing
from sojourn.care.plan import duty as plans
from sojourn.care.results import duty as results
from sojourn.care.risk import duty as risk
from sojourn.care.scheduling import duties as scheduling
from sojourn.care.staffing import zones
from sojourn.gate.access import Access
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.gate import Gate

_log = log.logger(__name__)
_PAUSE = 1.0  # seconds between looks at what is due


class Duty(NamedTuple):
    """Something that is done every so many seconds in each organization, as the account of the clock.

    What is due it reads from the record, so that a restart loses nothing, and it writes under the versions that it read: two processes
    may do the same duty at the same time, and one of them wins.
    """

    name: str
    every: float
    run: Callable[[Access], Awaitable[object]]


DUTIES: tuple[Duty, ...] = (
    Duty("risk", risk.EVERY, risk.escalate),
    Duty("messages", messages.EVERY, messages.run),
    Duty("old messages", messages.FORGET, messages.forget),
    Duty("incidents", incidents.EVERY, incidents.run),
    Duty("critical results", results.EVERY, results.escalate),
    Duty("results of those who are away", 60, results.delegate),
    Duty("standing orders", standing.EVERY, standing.run),
    Duty("schedule", 60, scheduling.follow),
    Duty("plans", 1800, plans.run),
    Duty("forms", forms.EVERY, forms.run),
    Duty("medications to reconcile", medications.EVERY, medications.run),
    Duty("reminders", 600, scheduling.remind),
    Duty("beds held for too long", 60, moving.expire_holds),
    Duty("beds promised twice", 60, double.look),
    Duty("people written down twice", 60, people.look),
    Duty("faxes", receiving.EVERY, receiving.watch),
    Duty("papers sealed anew", resealing.EVERY, resealing.run),
    Duty("authorizations", watching.EVERY, watching.run),
    Duty("hand-offs without an answer", 300, referral.follow),
    Duty("partners", exchange.EVERY, exchange.run),
    Duty("old exchange messages", forgetting.EVERY, forgetting.run),
)
"""In the order in which they are done when several are due."""
OUTWARD: tuple[Duty, ...] = (
    Duty("calls", calls.EVERY, calls.run),
    Duty("reminders sent", 300, scheduling.send),
)
"""Those that wait for something outside, each by itself: none keeps another one waiting."""


class Doing(Background):
    """Does the duties, for as long as the server runs."""

    def __init__(self, gate: Gate, duties: tuple[Duty, ...] | None = None) -> None:
        self._gate = gate
        self._clockwork = Clockwork(gate)
        self._duties = DUTIES if duties is None else duties
        self._due: dict[tuple[int, str], datetime] = {}

    async def _run(self) -> None:
        while True:
            await self.round()
            await asyncio.sleep(_PAUSE)

    async def round(self) -> None:
        """Do what is due now, in every organization. One that fails is due again after its time; the others go on."""
        for tenant in list(self._gate.house.tenants):
            for duty in self._duties:
                now = clock.now()
                if self._due.get((tenant, duty.name), now) > now:
                    continue
                self._due[tenant, duty.name] = now + timedelta(seconds=duty.every)
                try:
                    access = await self._clockwork.access(tenant)
                    zones.enter(access)
                    await duty.run(access)
                except StaleCredential:  # rules or programs changed: again at the next look, with a credential that knows them
                    self._clockwork.forget(tenant)
                    self._due.pop((tenant, duty.name), None)
                except Exception as error:  # noqa: BLE001 - of any kind: the clock must never stop for the others
                    _log.warning("a duty failed", duty=duty.name, error=type(error).__name__)
