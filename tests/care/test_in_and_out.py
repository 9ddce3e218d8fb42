"""In by each door, out by each other door: withheld without a consent, marked with one.

One protected record comes by every door into a program that is none of 42 CFR Part 2: nothing but its mark protects it there. Each of the twelve ways out is then tried by one
receiver to whom the client was referred, so that ordinary records leave in any case and an empty answer passes no test.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sojourn.gate.exchange import received
from tests import people
from tests.care.agreeing import clinician
from tests.care.comings import COMINGS, Came, Who, prepared
from tests.care.goings import GOINGS, RECEIVER, Got
from tests.doors.api.test_subscriptions import Receiver, begun, followed
from tests.doors.hl7v2.counterpart import Counterpart, agreed, follow, sent
from tests.doors.hl7v2.lab import MRN
from tests.doors.mhd.conftest import two  # noqa: F401 - a fixture
from tests.doors.mhd.network import Two, registered
from tests.doors.sftp.test_routes import service
from tests.people import Clinic, consent, encounter, patient

ON_THE_WAY = {"NORDSCLCD", "RedisclosureProhibitionMark", "PERSISTLABEL"}
PAPERS = {"document exchange, fetched"}
"""Ways by which documents alone go."""


@pytest.fixture(autouse=True)
def outside_may_subscribe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is any clinic."""
    given = people.rules()
    monkeypatch.setattr(people, "rules", lambda: [*given, ("outside", ["Subscription"], ["create", "read", "search"])])


async def receiver(two: Two) -> None:  # noqa: F811
    """An organization of a known id, which is an application and has an account for its exports."""
    us, (imported) = two.us, {"resourceType": "Organization", "id": RECEIVER, "name": "Lakeside"}
    reply = await us.ask("sys-none", "POST", "$import", json.dumps(imported).encode(), (("content-type", "application/fhir+ndjson"),))
    assert reply.status == 200, reply.body
    await service(us, "county-app", whose="outside", organization=f"Organization/{RECEIVER}", role="", programs=())
    await registered(two.network, "bringer", "Organization/stranger", f"{two.ours}/oauth/jwks", "system/DocumentReference.c")


async def client(clinic: Clinic, mrn: str, family: str) -> tuple[Who, Came]:
    """Somebody whom the receiver treats too, by a referral; and an ordinary record."""
    p = (await clinic.make("sys-mh", patient(family, identifier=[{"system": MRN, "value": mrn}]))).id
    await clinic.make("sys-mh", encounter(p))
    asked = {"resourceType": "ServiceRequest", "status": "active", "intent": "order", "category": [{"coding": [{"system": "https://sojourn.example/fhir/CodeSystem/care", "code": "referral"}]}], "code": {"text": "Follow-up"},
             "subject": {"reference": f"Patient/{p}"}, "performer": [{"reference": f"Organization/{RECEIVER}"}]}  # fmt: skip
    await clinic.make("sys-mh", asked)
    plain = {"resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{p}"}, "type": {"text": "Plainly"}, "date": "2026-02-03T10:00:00Z", "content": [{"attachment": {"contentType": "text/plain", "data": "cGxhaW4="}}]}
    return Who(p, mrn, family), Came(f"DocumentReference/{(await clinic.make('sys-mh', plain)).id}", "Plainly", "")


async def kept(clinic: Clinic, name: str, came: Came) -> None:
    """Its mark is in the record, and the basis on which we have it."""
    stored = (await clinic.get("sys-mh", came.ref)).json()
    assert {"42CFRPart2", "R"} <= {c["code"] for c in stored["meta"]["security"]}, name
    sources: list[dict[str, Any]] = (await clinic.get("sys-mh", f"Provenance?target={came.ref}")).entries
    codes = [c["code"] for s in sources for r in s.get("reason", ()) for c in r.get("coding", ()) if c["system"] == received.SYSTEM]
    codes += [t["code"] for t in stored["meta"].get("tag", ()) if t["system"] == received.SYSTEM]
    assert codes == ([came.basis] if came.basis else []), f"{name}: on what basis we have it"
    assert all(s["agent"][0]["who"].get("display") for s in sources), f"{name}: from whom"


def concerns(going: str, came: Came) -> bool:
    """Whether a way out is one for such a record."""
    return came.ref.startswith("DocumentReference/") or going not in PAPERS


async def test_what_came_protected_leaves_by_no_door_without_a_consent_and_by_each_with_one(two: Two) -> None:  # noqa: F811
    us = two.us
    await clinician(us)
    await prepared(us)
    await receiver(two)
    who, plain = await client(us, "R1", "Rivera")
    came: dict[str, Came] = {}
    for n, (name, coming) in enumerate(COMINGS.items()):
        came[name] = await coming(us, who, f"Zq{n:02d}x")
        await kept(us, name, came[name])
    assert len({c.ref for c in came.values()}) == len(COMINGS)
    pairs = 0
    for going, out in GOINGS.items():
        got: Got = await out(two, who.id)
        assert got.has(plain), f"{going}: it is no test of nothing"
        assert not got.told, going
        for name, one in came.items():
            assert not got.hints(one), f"{name}, out by {going}, without a consent"
            pairs += 1
    organizations = [{"reference": "Organization/mh"}, {"reference": "Organization/sud"}]
    await us.make("sys-sud", consent(who.id, RECEIVER, organization=organizations))
    for going, out in GOINGS.items():
        got = await out(two, who.id)
        assert got.has(plain), going
        assert got.told, f"{going}: the notice goes with it"
        for name, one in came.items():
            if not concerns(going, one):
                continue
            assert got.has(one), f"{name}, out by {going}, with a consent"
            if not got.paper:
                assert "42CFRPart2" in got.marks[one.ref], f"{name}, out by {going}: its marks"
                assert got.marks[one.ref] & ON_THE_WAY, f"{name}, out by {going}: what may be done with it"
            pairs += 1
        assert got.paper or "42CFRPart2" not in got.marks[plain.ref], f"{going}: and nothing is marked that is not protected"
    for name, one in came.items():
        await kept(us, name, one)
    print(f"{len(COMINGS)} ways in, {len(GOINGS)} ways out, {pairs} pairs")


async def test_who_is_told_of_changes_is_told_of_what_came_under_a_consent_alone(two: Two) -> None:  # noqa: F811
    """Subscriptions and messages: for a client without a consent, then for one with. Messages never pass on what others sent."""
    us = two.us
    await clinician(us)
    await prepared(us)
    await receiver(two)
    clients = [await client(us, mrn, family) for mrn, family in (("R1", "Rivera"), ("R2", "Stone"))]
    await us.make("sys-sud", consent(clients[1][0].id, RECEIVER, organization=[{"reference": "Organization/mh"}, {"reference": "Organization/sud"}]))
    hie = await Counterpart().open()
    partner = await agreed(us, hie, f"Organization/{RECEIVER}", "MDM^T02", "ADT^A04", "ADT^A08", authorities={"RIVER": MRN}, id_="hie")
    async with Receiver().open() as hook:
        _, telling = await begun(us, hook, RECEIVER, content="full-resource")
        came = [[(name, await coming(us, who, f"{'YW'[n]}k{m:02d}x")) for m, (name, coming) in enumerate(COMINGS.items())] for n, (who, _) in enumerate(clients)]
        await followed(us, telling)
        await follow(us)
        await sent(us, partner)
        bodies = [json.loads(body) for _, body in hook.got]
    await hie.close()
    told: dict[str, set[str]] = {}
    for body in bodies:
        for one in (e["resource"] for e in body["entry"] if "resource" in e):
            told.setdefault(f"{one['resourceType']}/{one.get('id')}", set()).update(c["code"] for c in (one.get("meta") or {}).get("security", ()))
    everything = json.dumps(bodies)
    for name, one in came[0]:
        assert one.ref not in told, f"{name}, without a consent"
        assert one.ref.partition("/")[2] not in everything
        assert one.word not in everything
    for name, one in came[1]:
        assert told.get(one.ref, set()) >= {"42CFRPart2", *ON_THE_WAY}, f"{name}, with a consent"
    messages = b"".join(hie.got).decode()
    assert not any(one.word in messages for some in came for _, one in some)
