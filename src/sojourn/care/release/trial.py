"""A page about nobody, faxed to a partner's number to see whether it is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sojourn.base import errors, ids
from sojourn.care.reaching.sender import PDF, Failed, Outcome, Parcel, Sender, Taken
from sojourn.care.release import sheets
from sojourn.care.release.sheets import Line
from sojourn.gate.exchange import posting, ways
from sojourn.gate.exchange.posting import Content

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.exchange.partners import Partner
    from sojourn.gate.exchange.ways import Way

TRIAL, REFERENCE = "test", "test-reference"
"""Kinds of what is known of a way: what became of the last test page, and by what its gateway knows it."""
_PAUSE: Final = timedelta(minutes=5)
_LONGEST: Final = 30.0
_FOOT: Final = "A test page. It is about nobody."


def page(sender: str, ours: str, partner: str, day: str) -> bytes:
    """The page, as a PDF. sender, ours: our organization and whom they call; partner: for whom it is meant."""
    words = f"This is a test of the fax number that {sender} has for {partner}, sent on {day}. It holds nothing of any patient. If you are {partner}: tell us that it came, and nothing else is to be done. If you are somebody else: please tell us, so that nothing is sent to you by mistake."
    drawn, _ = sheets.laid_out([Line("Test page", "title", fresh=True), Line("", "small"), Line(words), Line("", "small"), *([Line(f"Whom to tell: {ours}")] if ours else [])])
    return sheets.written(drawn, _FOOT, sender)


async def send(access: Access, partner: Partner, sender: Sender | None) -> None:
    """Fax the page to a partner's number, also to one that nobody confirmed yet. Raises Malformed with what to do, Forbidden, ProofNeeded."""
    await access.check("administer", "Exchange")
    await access.require_fresh()
    way = next((w for w in ways.of(partner.reached) if w.door == ways.FAX), None)
    if way is None:
        raise errors.Malformed("Enter their fax number first.")
    if sender is None:
        raise errors.Malformed("This server has no fax gateway yet.")
    if any(f.way == ways.FAX and f.kind == TRIAL and access.now - f.at < _PAUSE for f in await posting.findings(access, partner.id)):
        raise errors.Malformed("A test page went out a moment ago. Wait five minutes.")
    content = Content(PDF, page(access.tenant.name, access.caller.name, partner.name, access.today.isoformat()))
    parcel = _parcel(partner, way, content, access.today.isoformat())
    await access.note(access.entry("fax-test", "Exchange", f"partner={partner.id}"))
    await _keep(access, partner, await _tried(sender.send(access.tenant, parcel)))


async def ask(access: Access, partner: Partner, sender: Sender | None) -> None:
    """Ask the gateway what became of the last one. Raises Malformed, Forbidden."""
    await access.check("administer", "Exchange")
    reference = next((f.said for f in await posting.findings(access, partner.id) if f.way == ways.FAX and f.kind == REFERENCE), "")
    way = next((w for w in ways.of(partner.reached) if w.door == ways.FAX), None)
    if not reference or sender is None or way is None:
        raise errors.Malformed("No test page is under way.")
    await _keep(access, partner, await _tried(sender.ask(access.tenant, _parcel(partner, way, Content(PDF, b""), ""), reference)))


def _parcel(partner: Partner, way: Way, content: Content, day: str) -> Parcel:
    return Parcel(ids.new_id(), partner, way, "Test page", "", content, (content,), day=day)


async def _tried(doing: Awaitable[Outcome]) -> Outcome:
    try:
        async with asyncio.timeout(_LONGEST):
            return await doing
    except TimeoutError:
        return Failed("The gateway did not answer in time.")


async def _keep(access: Access, partner: Partner, outcome: Outcome) -> None:
    said = outcome.why if isinstance(outcome, Failed) else outcome.said
    await posting.find(access, partner, ways.FAX, TRIAL, said)
    await posting.find(access, partner, ways.FAX, REFERENCE, outcome.reference if isinstance(outcome, Taken) else "")
