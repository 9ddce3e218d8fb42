"""Asks CDS services of partners: decided and written down, then asked; none is waited for long.

A service that does not answer is left alone for a while, so that it costs nobody time at each chart.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sojourn.base import clock, ids, log
from sojourn.gate.apps import keys
from sojourn.gate.exchange import cds, consulting
from sojourn.web.outbound import TAKEN, NotReached
from sojourn.wire import cdshooks

if TYPE_CHECKING:
    from starlette.requests import Request

    from sojourn.gate.access import Access
    from sojourn.gate.caller import Tenant
    from sojourn.gate.exchange.cds import Calling
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.gate import House
    from sojourn.web.outbound import Reply
    from sojourn.wire.cdshooks import Card, Described

_log = log.logger(__name__)
OK: Final = 200
_TRIES: Final = 3
_KNOWN: Final = 5.0  # seconds for which it is remembered that some service is asked, or none
_PAUSE: Final = 60.0
"""After so many failures one after the other, for so many seconds a service is not asked."""


class Answered(NamedTuple):
    """The cards of one service."""

    partner: Partner
    service: Described
    cards: list[Card]


class Silent:
    """Which services did not answer, in this process."""

    def __init__(self) -> None:
        self._failed: dict[tuple[int, str], tuple[int, float]] = {}

    def rests(self, key: tuple[int, str]) -> bool:
        """Whether it is left alone now."""
        times, when = self._failed.get(key, (0, 0.0))
        return times >= _TRIES and clock.monotonic() - when < _PAUSE

    def heard(self, key: tuple[int, str], *, answered: bool) -> None:
        """Remember how it went."""
        times, _ = self._failed.pop(key, (0, 0.0))
        if not answered:
            self._failed[key] = (times + 1, clock.monotonic())


def silent(request: Request) -> Silent:
    """That of the process."""
    state = request.app.state
    if not hasattr(state, "cds_silent"):
        state.cds_silent = Silent()
    found: Silent = state.cds_silent
    return found


async def anybody(request: Request, hook: str) -> bool:
    """Whether any service is asked at a hook for the caller's purpose: where none is, the page asks for no cards. Known for some seconds; it says nothing of a client."""
    access, state = request.state.access, request.app.state
    if not hasattr(state, "cds_known"):
        state.cds_known = {}
    key = (access.tenant.number, hook, access.decision.purpose)
    when, there = state.cds_known.get(key, (-_KNOWN, False))
    if clock.monotonic() - when >= _KNOWN:
        there = bool(await cds.asked(access, hook))
        state.cds_known[key] = (clock.monotonic(), there)
    return bool(there)


async def ask(request: Request, hook: str, patient: str, draft: Mapping[str, Any] | None = None) -> list[Answered]:
    """The cards of every service that is asked at a hook and may know of this patient; nothing of one that does not answer in time."""
    access: Access = request.state.access
    resting = silent(request)
    some = [(p, c, s) for p, c, s in await cds.asked(access, hook) if not resting.rests((access.tenant.number, endpoint(c, s)))]
    answers = await asyncio.gather(*(_one(request, p, c, s, patient, draft) for p, c, s in some))
    found = [Answered(p, s, cards) for (p, _, s), cards in zip(some, answers, strict=True) if cards]
    return sorted(found, key=lambda a: cdshooks.INDICATORS.index(a.cards[0].indicator))


async def _one(request: Request, partner: Partner, calling: Calling, service: Described, patient: str, draft: Mapping[str, Any] | None) -> list[Card]:
    access: Access = request.state.access
    question = await consulting.question(access, partner, calling, service, patient, draft)
    if question is None:
        return []
    place, key = endpoint(calling, service), (access.tenant.number, endpoint(calling, service))
    headers = await signed(access.house, access.tenant, calling, place)
    await consulting.leaves(question)
    answered, cards = True, []
    try:
        cards = cdshooks.cards(_read(await request.app.state.outbound.fetch("POST", place, body=question.body, headers=headers, seconds=calling.seconds)))
    except NotReached:
        answered = False
        _log.warning("a CDS service did not answer", partner=partner.id)
    silent(request).heard(key, answered=answered)
    await access.note(access.entry("cds-ask", "Patient", f"partner={partner.id}&service={service.id}&hook={service.hook}&cards={len(cards) if answered else '-'}", patients=[patient]))
    return cards


def _read(reply: Reply) -> Any:
    """The JSON of an answer. Raises NotReached for anything else."""
    try:
        return json.loads(reply.body) if reply.status == OK else None
    except (ValueError, RecursionError):
        raise NotReached from None


async def tell(request: Request, calling: Calling, service: Described, feedback: Mapping[str, Any]) -> bool:
    """Tell a service what became of a card; whether it took it."""
    access: Access = request.state.access
    place = endpoint(calling, service) + "/feedback"
    headers = await signed(access.house, access.tenant, calling, place)
    return bool(await request.app.state.outbound.post(place, json.dumps(feedback).encode(), headers, seconds=calling.seconds) == TAKEN)


def endpoint(calling: Calling, service: Described) -> str:
    """Where a service is asked."""
    return f"{calling.discovery}/{service.id}"


async def signed(house: House, tenant: Tenant, calling: Calling, place: str) -> dict[str, str]:
    """The headers of a call, with a token that says who asks and where (https://cds-hooks.hl7.org/2.0/#trusting-cds-clients)."""
    now = int(clock.now().timestamp())
    claims = {"iss": calling.issuer or house.base, "aud": place, "iat": now, "exp": now + 300, "jti": ids.new_id("jti")}
    token = await keys.signed(house, tenant, claims, service=True)
    return {"authorization": f"Bearer {token}", "content-type": "application/json", "accept": "application/json"}
