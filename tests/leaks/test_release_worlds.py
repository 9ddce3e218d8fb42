"""Releases and hand-offs in two worlds: a consent that is hidden from whoever releases lets nothing leave by them, and keeps nothing from leaving."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care.handoff import referral
from sojourn.gate import knowing, releasing
from sojourn.gate.exchange import posting
from sojourn.gate.exchange.keeping import REVIEW
from sojourn.gate.exchange.partners import Envoys
from sojourn.gate.exchange.posting import Content, Post
from sojourn.gate.releasing import Preview, Wish
from sojourn.record.database import Dsn
from tests import people
from tests.care.reach import FAX, partner
from tests.care.test_handoff import at
from tests.leaks.test_mhd_worlds import client, hide
from tests.people import START, A, Clinic, consent, encounter, labelled, observation

WHO = "mh-clinician"
HIV = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        made = await people.open_clinic(database)
        who = (await made.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Clinician"}]})).id
        await made.owner.execute("UPDATE record.account SET agent = $1, generation = generation + 1 WHERE tenant = 1 AND account = $2", f"Practitioner/{who}", WHO)
        made.tokens[WHO] = await made.gate.token(made.gate.house.tenants[1], WHO)
        yield made
        await people.close_clinic(made)


def told(seen: Preview) -> tuple[Any, ...]:
    return [f"{s.type}/{s.id}" for s in seen.leaves], sorted((f"{s.type}/{s.id}", why) for s, why in seen.stays), seen.outgoing.body, seen.outgoing.notice, seen.outgoing.scope, seen.digest


async def test_a_hidden_consent_changes_no_byte_of_what_somebody_sees_leave(clinic: Clinic) -> None:
    for by in ("nothing", "consent", "referral"):
        place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
        p, _ = await client(clinic, place, by)
        await clinic.make("sys-mh", observation(p))
        access = await at(clinic, WHO)
        wish = Wish(p, f"Organization/{place}", "TREAT", ("Patient", "Observation", "Encounter"))
        before = told(await releasing.preview(access, wish))
        await hide(clinic, place, p)
        seen = await releasing.preview(await at(clinic, WHO), wish)
        assert told(seen) == before, by
        assert len(seen.leaves) == (0 if by == "nothing" else 3)
        if by == "nothing":
            with pytest.raises(errors.Malformed):
                await releasing.release(await at(clinic, WHO), wish, seen.digest)
            assert (await releasing.preview(await at(clinic), wish)).leaves, "who may see the consent releases by it"


async def test_a_visible_consent_that_is_over_lets_nothing_leave_by_a_hidden_one(clinic: Clinic) -> None:
    """It began this moment and ended with its day, without anybody writing anything."""
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    p, _ = await client(clinic, place, "nothing")
    await clinic.make("sys-mh", consent(p, place, provision={"period": {"start": START.isoformat(), "end": "2026-03-10"}}))
    wish = Wish(p, f"Organization/{place}", "TREAT", ("Patient", "Encounter"))
    assert (await releasing.preview(await at(clinic, WHO), wish)).leaves
    await hide(clinic, place, p)
    with clock.using(FakeClock(START.replace(day=11, hour=0))):
        assert (await releasing.preview(await at(clinic, WHO), wish)).leaves == []
        assert (await releasing.preview(await at(clinic), wish)).leaves, "who may see the consent releases by it"


async def test_by_what_a_role_does_not_read_none_of_its_people_knows_anything(clinic: Clinic) -> None:
    """Consents are nothing that a biller reads, whosoever they are."""
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    p, (given,) = await client(clinic, place, "consent")
    names = [f"Consent/{given['id']}", f"Patient/{p}"]
    assert await knowing.seen(await at(clinic, WHO), names) == frozenset(names)
    assert await knowing.seen(await at(clinic, "biller"), names) == {f"Patient/{p}"}
    them = await releasing.as_recipient(await at(clinic, WHO), Wish(p, f"Organization/{place}", "TREAT"))
    for who, known in ((WHO, names[:1]), ("biller", [])):
        access = await at(clinic, who)
        assert (await knowing.by(access, them, p)).all == known
        async with knowing.only_seen(access, them, p) as here:
            assert (await knowing.sources(here, p)).all == known, "what is asked in one statement is what is asked in three"
    assert (await knowing.sources(them, p)).all == names[:1], "and it is taken back"


async def test_a_hidden_consent_changes_no_byte_of_a_hand_off(clinic: Clinic) -> None:
    """The hand-off names its receiver, which is a relation, for all to see who see it."""
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    p, _ = await client(clinic, place, "nothing")
    access = await at(clinic, WHO)
    handoff = await referral.one(access, await referral.prepare(access, p, place, asks="Follow-up", why=""))
    before = await referral.preview(await at(clinic, WHO), handoff)
    assert before.leaves
    await hide(clinic, place, p)
    assert told(await referral.preview(await at(clinic, WHO), handoff)) == told(before)


async def test_what_is_queued_leaves_by_what_its_sender_saw_and_by_nothing_hidden(clinic: Clinic) -> None:
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    await partner(clinic, place, FAX)
    p, (given,) = await client(clinic, place, "consent")
    access = await at(clinic, WHO)
    wish = Wish(p, f"Organization/{place}", "TREAT", ("Patient", "Encounter"))
    found, _ = await releasing.decided(access, wish, (await releasing.preview(access, wish)).digest)
    them = await posting.partner_of(access, f"Organization/{place}")
    assert them is not None
    await posting.put(access, them, wish, found, [Content("text/plain", b"x")], {"kind": "release", "id": "x"}, "Letter")
    post = Post(Envoys(clinic.gate), A)
    (one,) = await post.take((), 5)
    assert (await post.decide(them, one))[1] is not None
    assert (await clinic.put("sys-mh", {**given, "status": "inactive"})).status == 200
    assert (await post.decide(them, one))[1] is None
    await hide(clinic, place, p)
    assert (await post.decide(them, one))[1] is None


async def two_programs(clinic: Clinic) -> None:
    """The program that dana works in is under Part 2, too."""
    await clinic.owner.execute("UPDATE record.program SET part2 = true WHERE tenant = 1 AND program = 2")
    await clinic.gate.reload()


async def further(clinic: Clinic, place: str, p: str, *labels: str) -> str:
    """A hidden consent that names dana's program beside its own, and laws."""
    named = [{"reference": "Organization/sud"}, {"reference": "Organization/mh"}]
    rule = {"securityLabel": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code} for code in ("42CFRPart2", *labels)]}
    await clinic.make("sys-sud", encounter(p))
    made = (await clinic.make("sys-sud", consent(p, place, organization=named, provision=rule))).id
    assert (await clinic.get(WHO, f"Consent/{made}")).status == 404
    return made


async def test_a_hidden_consent_opens_no_single_entry_beside_what_somebody_sees_leave(clinic: Clinic) -> None:
    """A law of the state that both may see, and a part of an entry under it: only the hidden consent lets the recipient have them."""
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    p, _ = await client(clinic, place, "consent")
    await clinic.make("sys-mh", observation(p, meta={"security": [HIV]}))
    await clinic.make("sys-mh", observation(p, note=[labelled({"text": "a word"}, "HIV")]))
    wish = Wish(p, f"Organization/{place}", "TREAT", ("Patient", "Observation"))
    before = await releasing.preview(await at(clinic, WHO), wish)
    assert (len(before.leaves), len(before.stays)) == (2, 1)
    await further(clinic, place, p, "HIV")
    seen = await releasing.preview(await at(clinic, WHO), wish)
    assert told(seen) == told(before)
    assert b"a word" not in seen.outgoing.body
    assert b"a word" in (await releasing.preview(await at(clinic), wish)).outgoing.body, "who may see the consent releases by it"


async def test_neither_the_scope_nor_a_copy_of_a_hidden_consent_goes_with_what_somebody_sees_leave(clinic: Clinic) -> None:
    await two_programs(clinic)
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    p, _ = await client(clinic, place, "nothing")
    given = await clinic.make("sys-mh", consent(p, place, organization=[{"reference": "Organization/mh"}]))
    await clinic.make("sys-mh", observation(p))
    wish = Wish(p, f"Organization/{place}", "TREAT", ("Patient", "Observation"))
    before = await releasing.preview(await at(clinic, WHO), wish)
    assert before.outgoing.consents == (f"Consent/{given.id}/_history/{given.json()['meta']['versionId']}",)
    hidden = await further(clinic, place, p)
    seen = await releasing.preview(await at(clinic, WHO), wish)
    assert told(seen) == told(before)
    assert seen.outgoing.consents == before.outgoing.consents
    assert hidden.encode() not in seen.outgoing.body
    both = (await releasing.preview(await at(clinic), wish)).outgoing
    assert len(both.consents) == 2, "who may see both releases by both"
    line = await clinic.owner.fetchrow("SELECT consents FROM record.disclosure WHERE disclosure = $1", await releasing.release(await at(clinic, WHO), wish, seen.digest))
    assert line is not None
    assert line["consents"] == list(before.outgoing.consents)
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.consent_grant WHERE consent = $1 AND known_to < 'infinity'", hidden) == 0, "nothing of it is ended"


async def test_what_is_queued_holds_when_only_a_hidden_consent_opens_an_entry_of_it(clinic: Clinic) -> None:
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    await partner(clinic, place, FAX)
    p, _ = await client(clinic, place, "consent")
    opens = await clinic.make("sys-mh", consent(p, place, organization=[{"reference": "Organization/mh"}], provision={"securityLabel": [HIV]}))
    await clinic.make("sys-mh", observation(p, meta={"security": [HIV]}))
    access = await at(clinic, WHO)
    wish = Wish(p, f"Organization/{place}", "TREAT", ("Patient", "Observation"))
    found, _ = await releasing.decided(access, wish, (await releasing.preview(access, wish)).digest)
    assert len(found.leaves) == 2
    them = await posting.partner_of(access, f"Organization/{place}")
    assert them is not None
    await posting.put(access, them, wish, found, [Content("text/plain", b"x")], {"kind": "release", "id": "x"}, "Letter")
    post = Post(Envoys(clinic.gate), A)
    (one,) = await post.take((), 5)
    await further(clinic, place, p, "HIV")
    assert (await post.decide(them, one))[1] is not None, "a hidden consent keeps nothing from leaving"
    assert (await clinic.put("sys-mh", {**opens.json(), "status": "inactive"})).status == 200
    assert (await post.decide(them, one))[1] is None, "and lets nothing leave that no other opens"


async def test_what_is_to_be_printed_is_for_who_works_where_its_sender_does_whatever_is_in_it(clinic: Clinic) -> None:
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Lakeside Primary Care"})).id
    await partner(clinic, place, FAX)
    p, _ = await client(clinic, place, "consent")
    await hide(clinic, place, p)
    told_ = []
    for types in (("Patient", "Observation"), ("Patient",)):
        access = await at(clinic)
        wish = Wish(p, f"Organization/{place}", "TREAT", types)
        found, _ = await releasing.decided(access, wish, (await releasing.preview(access, wish)).digest)
        them = await posting.partner_of(access, f"Organization/{place}")
        assert them is not None
        id_ = await posting.put(access, them, wish, found, [Content("text/plain", b"all of it")], {"kind": "release", "id": "x"}, "Letter")
        post = Post(Envoys(clinic.gate), A)
        (one,) = await post.take((), 5)
        assert await post.settle(one, REVIEW, "No door takes it.")
        with pytest.raises(errors.NotFound) as none:
            await posting.printed(await at(clinic, WHO), id_, "x", "text/plain")
        told_.append(str(none.value))
        assert (await posting.printed(await at(clinic), id_, "x", "text/plain")).body == b"all of it"
    assert told_[0] == told_[1]
