"""Documents go to a partner by FHIR document exchange (IHE MHD ITI-65): a Sojourn brings one to another, over HTTP, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sojourn.care.reaching.sender import CCDA, Arrived, Failed, Parcel, Unreachable
from sojourn.doors.mhd.providing import Providing, submission
from sojourn.fhir.validate import validate
from sojourn.gate import papers
from sojourn.gate.exchange import ways
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.posting import Content
from sojourn.gate.exchange.ways import Way
from sojourn.web.outbound import Outbound
from tests.care import outside
from tests.care.reach import AGREED
from tests.care.test_handoff import at
from tests.doors.mhd.network import HIE, NEAR, Two, registered
from tests.people import A


async def parcel(two: Two, client: str = "bringer", scopes: str = "system/DocumentReference.c") -> Parcel:
    """A clinical document for the network, and we as a service there."""
    await registered(two.network, "bringer", "Organization/tpo", f"{two.ours}/oauth/jwks", scopes)
    partner = Partner(HIE, "Valley Health Network", door="none", organization=f"Organization/{two.here}", fhir={"client": client}, agreed=AGREED)
    content = Content(CCDA, outside.ccd())
    return Parcel("p-1", partner, Way(ways.MHD, f"{two.theirs}/fhir"), "Referral note", "somebody", content, (content,))


async def test_it_is_there_once_and_its_sender_is_known(two: Two) -> None:
    one, door, tenant = await parcel(two), Providing(two.us.gate.house, Outbound(NEAR)), two.us.gate.house.tenants[A]
    assert [i for i in validate(submission(two.us.gate.house.base, one)) if i.severity == "error"] == []
    for attempt in (0, 1):
        assert isinstance(await door.send(tenant, one._replace(attempt=attempt)), Arrived)
    access = await at(two.network, "officer")
    (paper,) = await papers.waiting(access)
    assert (paper.door, paper.marks) == (papers.MHD, ("R",))
    assert await papers.content(access, paper) == outside.ccd()
    assert "transaction" in await door.discover(tenant, one.partner, one.way)


async def test_what_does_not_arrive_says_why(two: Two) -> None:
    one, tenant = await parcel(two, scopes="system/DocumentReference.rs"), two.us.gate.house.tenants[A]
    door = Providing(two.us.gate.house, Outbound(NEAR))
    refused = await door.send(tenant, one)
    assert isinstance(refused, Failed)
    assert "do not let us in" in refused.why
    assert await papers.waiting(await at(two.network, "officer")) == []
    nobody = one._replace(way=Way(ways.MHD, "http://127.0.0.1:1/fhir"), partner=replace(one.partner, fhir={}))
    down = await door.send(tenant, nobody)
    assert isinstance(down, Failed)
    assert down.again
    with pytest.raises(Unreachable):
        await door.discover(tenant, nobody.partner, nobody.way)
    inside = await Providing(two.us.gate.house, Outbound()).send(tenant, one)
    assert isinstance(inside, Failed), "addresses in our own network are not asked"
