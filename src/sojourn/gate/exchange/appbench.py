"""The test bench of who comes by the FHIR API: made-up people, steps of a run, what their client did.

Until they exchange for real, their service gets tokens of an organization of its own in which nobody exists (gate.issue_to_service). What it asks there is
answered by the same code, decided by the same gate and written into a trail; a step is passed by what that trail says, never by what a client says of itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from sojourn.base import clock, errors
from sojourn.gate import scopes
from sojourn.gate.apps import registry
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange import cdsbench, madeup, testing, trying
from sojourn.gate.exchange.partners import API
from sojourn.gate.exchange.testing import FAILED, PASSED, WAITS, Step
from sojourn.gate.exchange.walking import Walking
from sojourn.gate.importing import Arrival, bring_in

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.apps.registry import App
    from sojourn.gate.caller import Tenant
    from sojourn.gate.decide import Rules
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.trying import Run
    from sojourn.gate.gate import Gate, House

TOLD: Final = "told"
MESSAGE: Final = "message"
_SAID: Final = {
    "token": "It signed with a key that is registered, and got a token.", "search": "It searched for {type}.", "read": "It read {type} by its id.", "export": "It downloaded a file of {type}.",
    MESSAGE: "It sent a message of an event that was agreed, and we read it.",
}  # fmt: skip
_CHANGED: Final = "Somebody of the script was changed. It waits until their endpoint took the notification."


async def opened(gate: Gate, tenant: Tenant, partner: Partner) -> None:
    """The test bench of an organization, with programs and roles as they are now, and the people of the script, who consented to this partner."""
    secret = gate.house.key.derive(f"bench:{tenant.key}", 32)
    rows = await gate.house.db.call("SELECT gate.bench_open($1, $2, $3) AS bench", tenant.number, secret, clock.now())
    await gate.reload()
    access = await Clockwork(gate).access(rows[0]["bench"])
    made = madeup.records(access.rules.programs.values(), partner.organization, partner.name, access.now)
    async for outcome in bring_in(access, [Arrival("test bench", program, resource) for program, resource in made], gate.renewed):
        if outcome.refused:
            raise errors.Unavailable


async def service(access: Access, partner: Partner) -> App:
    """The service of a partner who comes by the API. Raises Malformed where there is none any more."""
    app = await registry.one(access.house.db, access.tenant, partner.client)
    if app is None:
        raise errors.Malformed("Their service is registered no more. Choose another.")
    return app


def steps(app: App, rules: Rules, tenant: Tenant, house: House) -> list[Step]:
    """What a run with a service has: a step for each thing that it may do."""
    within = scopes.parse(app.scopes, house.keys[tenant.number])

    def may(action: str, type_: str) -> bool:
        if action == "token":
            return True
        return rules.allows(app.role, action, type_) and (type_ == "Bulk" or within.allows(action, type_))

    return testing.asked(may)


async def planned(access: Access, partner: Partner) -> list[Step]:
    """The steps of a new run with a partner, by whichever door they come; and of their CDS services that we ask."""
    if partner.door == API:
        found = steps(await service(access, partner), access.rules, access.tenant, access.house)
        own = found if partner.types else [s for s in found if s.kind != MESSAGE]  # none was agreed
    else:
        own = testing.steps(partner)
    return [*own, *cdsbench.steps(partner)]


async def stands(access: Access, app: str) -> tuple[str, str]:
    """('' where a service gets what is real; else why not: a key of trying.WHY, or stopped; the partner who comes by it, or '')."""
    rows = await access.house.db.call("SELECT * FROM gate.app_stands($1, $2, $3)", access.tenant.number, app, clock.now())
    return str(rows[0]["why"]), str(rows[0]["partner"])


class Seen(NamedTuple):
    """Something that a service did on the test bench. what: token, search, read, export, message, subscribed or told; said: of one that subscribed, why it does not go on."""

    what: str
    type: str
    said: str
    at: datetime


class Looking(Walking):
    """Goes on with the runs of who comes by the API."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate.house)
        self._gate, self._clockwork = gate, Clockwork(gate)

    def renewed(self) -> None:
        """As before, looked up anew."""
        self._clockwork = Clockwork(self._gate)

    async def round(self, tenant: Tenant) -> None:
        """Go on with every run, as far as that goes now."""
        if not any(b.bench_of == tenant.number for b in self._gate.house.benches.values()):
            return
        house = self._gate.house
        found = await trying.running(house, tenant.number)
        known = await trying.active(house, tenant.number) if found else {}
        for run in found:
            partner = known.get(run.partner)
            app = await registry.one(house.db, tenant, partner.client) if partner is not None and partner.door == API else None
            if app is not None:
                some = await self._looked(tenant, app, run)
                if some != run.steps or all(s.state == PASSED for s in some):
                    await trying.record(house, tenant.number, run, some)

    async def _looked(self, tenant: Tenant, app: App, run: Run) -> list[Step]:
        """The steps after what was done since the run began, or since one was asked for again."""
        rows = await self._gate.house.db.call("SELECT * FROM gate.bench_seen($1, $2, $3, $4)", tenant.number, app.id, app.account, run.begun)
        seen = [Seen(*row) for row in rows]
        return [await self._told(tenant, app, s, seen) if s.kind == TOLD and s.state != PASSED else _done(s, seen) for s in run.steps]

    async def _told(self, tenant: Tenant, app: App, step: Step, seen: list[Seen]) -> Step:
        """A notification: they subscribe and answer the handshake, then something changes, then they take it."""
        if step.said == _CHANGED and any(s.what == TOLD and _late(step) <= s.at for s in seen):
            return step.became(PASSED, "Their endpoint took the notification.", clock.now())
        mine = [s for s in seen if s.what == "subscribed"]
        broken = next((s for s in mine if s.type == "error"), None)
        if not any(s.type == "active" for s in mine):
            return step.became(FAILED, f"Their subscription is in error. {broken.said}", clock.now()) if broken is not None and step.state == WAITS else step
        if step.said == _CHANGED:
            return step
        await self._change(tenant, app)
        return step.became(WAITS, _CHANGED, clock.now())

    async def _change(self, tenant: Tenant, app: App) -> None:
        """Somebody of the script has another heart rate."""
        bench = next(b for b in self._gate.house.benches.values() if b.bench_of == tenant.number)
        access = await self._clockwork.access(bench.number)
        now = clock.now()
        program = next(iter(app.programs), min(access.rules.programs))
        changed = madeup.value(testing.people()[0].number.lower(), program, now.isoformat(timespec="seconds"), 60 + now.second)
        async for _ in bring_in(access, [Arrival("test bench", program, changed)], self._gate.renewed):
            pass


def _late(step: Step) -> datetime:
    return datetime.fromisoformat(step.at) if step.at else datetime.min.replace(tzinfo=UTC)


def _done(step: Step, seen: list[Seen]) -> Step:
    """A step that the trail shows as done."""
    if step.way != testing.ASKS or step.state == PASSED:
        return step
    found = next((s for s in seen if s.what == step.kind and s.type in ("", step.subject) and _late(step) <= s.at), None)
    return step if found is None else step.became(PASSED, _SAID[step.kind].replace("{type}", step.subject), clock.now())
