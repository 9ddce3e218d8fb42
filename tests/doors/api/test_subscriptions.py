"""Subscriptions: handshake, events decided when they are sent, numbers without gaps, heartbeats, a receiver that fails, signatures."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import jwt
import pytest

from sojourn.base import clock
from sojourn.doors.api.subscriptions.telling import SIGNATURE, Telling
from sojourn.gate.apps import keys
from sojourn.gate.subscriptions import following
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from tests import people
from tests.gate.numbering import numbered
from tests.people import A, Clinic, consent, encounter, observation, patient

DATA = "https://sojourn.example/fhir/SubscriptionTopic/patient-data"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"


class Receiver:
    """A small HTTP server: keeps what it is sent, answers as it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer = "204 No Content"
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if self.answer:
            self.got.append((headers, body))
            writer.write(f"HTTP/1.1 {self.answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Receiver]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    def told(self) -> list[dict[str, Any]]:
        """The status of each notification, by name; `events`: (number, focus) of each."""
        out = []
        for _, body in self.got:
            parts = json.loads(body)["entry"][0]["resource"]["parameter"]
            one: dict[str, Any] = {p["name"]: next(v for k, v in p.items() if k.startswith("value")) for p in parts if p["name"] != "notification-event"}
            inside = [{q["name"]: next(v for k, v in q.items() if k.startswith("value")) for q in p["part"]} for p in parts if p["name"] == "notification-event"]
            one["events"] = [(int(q["event-number"]), q.get("focus", {}).get("reference", "").partition("/fhir/")[2]) for q in inside]
            out.append(one)
        return out


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().open() as made:
        yield made


def subscription(receiver: Receiver, *filters: str, content: str = "id-only", heartbeat: int = 0, **more: Any) -> dict[str, Any]:
    extension = [{"url": BACKPORT + "backport-heartbeat-period", "valueUnsignedInt": heartbeat}] if heartbeat else []
    return {
        "resourceType": "Subscription", "status": "requested", "reason": "A test.", "criteria": DATA,
        **({"_criteria": {"extension": [{"url": BACKPORT + "backport-filter-criteria", "valueString": f} for f in filters]}} if filters else {}),
        "channel": {
            "type": "rest-hook", "endpoint": f"http://127.0.0.1:{receiver.port}/hook", "payload": "application/fhir+json", "header": ["Authorization: Bearer abc"],
            "_payload": {"extension": [{"url": BACKPORT + "backport-payload-content", "valueCode": content}]}, **({"extension": extension} if extension else {}),
        },
        **more,
    }  # fmt: skip


async def followed(clinic: Clinic, telling: Telling) -> None:
    """Everything that has changed reaches whoever is to be told."""
    feed = await numbered(clinic)
    while await feed.follow("subscriptions", following.follow):
        pass
    while await telling.round():
        pass


async def begun(clinic: Clinic, receiver: Receiver, who: str = "mh-service", **more: Any) -> tuple[str, Telling]:
    made = await clinic.make(who, subscription(receiver, **more))
    telling = Telling(clinic.gate, Outbound(["127.0.0.1"]))
    await followed(clinic, telling)
    return made.id, telling


async def seen_by(clinic: Clinic) -> str:
    """A patient of the mental health program, which the service works for."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    return p


async def test_handshake_then_events_with_numbers_and_a_signature(clinic: Clinic, receiver: Receiver) -> None:
    id_, telling = await begun(clinic, receiver)
    (hello,) = receiver.told()
    assert (hello["type"], hello["status"], hello["events"]) == ("handshake", "requested", [])
    assert (await clinic.get("mh-service", f"Subscription/{id_}")).json()["status"] == "active"
    p = await seen_by(clinic)
    o = (await clinic.make("sys-mh", observation(p))).id
    await followed(clinic, telling)
    events = [e for t in receiver.told()[1:] for e in t["events"]]
    assert [n for n, _ in events] == list(range(1, len(events) + 1))
    assert f"Observation/{o}" in [ref for _, ref in events]
    headers, body = receiver.got[-1]
    assert headers["authorization"] == "Bearer abc"
    key = jwt.PyJWK((await keys.published(clinic.gate.house, clinic.gate.house.tenants[A]))[0])
    said = jwt.decode(headers[SIGNATURE.lower()], key, algorithms=["RS256"], audience=f"http://127.0.0.1:{receiver.port}")
    assert said["sub"] == id_
    assert said["body_sha256"] == base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
    status = (await clinic.get("mh-service", f"Subscription/{id_}/$status")).json()["entry"][0]["resource"]["parameter"]
    assert {p_["name"]: p_.get("valueString") for p_ in status}["events-since-subscription-start"] == str(len(events))
    assert (await clinic.get("sys-mh", f"Subscription/{id_}/$status")).status == 404, "of somebody else"


async def test_what_the_receiver_may_not_see_makes_no_event_no_number_and_no_heartbeat(clinic: Clinic, receiver: Receiver) -> None:
    _, telling = await begun(clinic, receiver, heartbeat=600)
    p = await seen_by(clinic)
    await followed(clinic, telling)
    before = len(receiver.got)
    last = receiver.told()[-1]["events-since-subscription-start"]
    hidden = (await clinic.make("sys-sud", observation(p))).id  # of a Part 2 program that the service does not work for
    await clinic.put("sys-sud", {**observation(p, 91), "id": hidden})
    await clinic.ask("sys-sud", "DELETE", f"Observation/{hidden}")
    await followed(clinic, telling)
    assert len(receiver.got) == before
    mine = (await clinic.make("sys-mh", observation(p))).id
    await followed(clinic, telling)
    assert receiver.told()[-1]["events"] == [(int(last) + 1, f"Observation/{mine}")]


async def test_filters_contents_deletions_and_events_again(clinic: Clinic, receiver: Receiver) -> None:
    p = await seen_by(clinic)
    q = await seen_by(clinic)
    id_, telling = await begun(clinic, receiver, content="full-resource")
    narrow = await clinic.put("mh-service", {**subscription(receiver, f"Observation?patient=Patient/{p}", content="full-resource"), "id": id_})
    assert narrow.status == 200, narrow.body
    await followed(clinic, telling)
    await clinic.make("sys-mh", observation(q))
    mine = (await clinic.make("sys-mh", observation(p))).id
    await followed(clinic, telling)
    entry = json.loads(receiver.got[-1][1])["entry"]
    assert [e["resource"]["id"] for e in entry[1:]] == [mine]
    assert entry[1]["request"] == {"method": "POST", "url": "Observation"}
    number = receiver.told()[-1]["events"][0][0]
    await clinic.ask("sys-mh", "DELETE", f"Observation/{mine}")
    await followed(clinic, telling)
    gone = json.loads(receiver.got[-1][1])["entry"][1]
    assert gone["request"] == {"method": "DELETE", "url": f"Observation/{mine}"}
    assert "resource" not in gone
    again = (await clinic.get("mh-service", f"Subscription/{id_}/$events?eventsSinceNumber={number}")).json()
    assert [e["request"]["method"] for e in again["entry"][1:]] == ["DELETE"], "what is gone is not shown again"


@pytest.mark.parametrize(("payload", "content"), [({"payload": "application/fhir+json"}, "full"), ({}, "empty")])
async def test_criteria_that_are_a_search_ask_for_what_fits_it(clinic: Clinic, receiver: Receiver, payload: dict[str, str], content: str) -> None:
    p, other = [await seen_by(clinic) for _ in range(2)]
    wanted = {"resourceType": "Subscription", "status": "requested", "reason": "A test.", "criteria": f"Observation?patient=Patient/{p}", "channel": {"type": "rest-hook", "endpoint": f"http://127.0.0.1:{receiver.port}/hook", **payload}}
    made = (await clinic.make("mh-service", wanted)).id
    telling = Telling(clinic.gate, Outbound(["127.0.0.1"]))
    await followed(clinic, telling)
    assert (await clinic.get("mh-service", f"Subscription/{made}")).json()["criteria"] == wanted["criteria"], "it stays as it was written"
    mine = (await clinic.make("sys-mh", observation(p))).id
    await clinic.make("sys-mh", observation(other))
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", observation(p))
    await followed(clinic, telling)
    assert [(t["type"], t["events"]) for t in receiver.told()] == [("handshake", []), ("event-notification", [(1, f"Observation/{mine}" if content == "full" else "")])]
    said = json.loads(receiver.got[-1][1])["entry"]
    assert [e["resource"]["id"] for e in said[1:]] == ([mine] if content == "full" else [])


async def test_a_receiver_that_fails_is_told_again_and_what_it_may_no_longer_see_leaves_no_gap(clinic: Clinic, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    _, telling = await begun(clinic, receiver)
    p = await seen_by(clinic)
    await followed(clinic, telling)
    last = int(receiver.told()[-1]["events-since-subscription-start"])
    receiver.answer = "503 Later"
    first = (await clinic.make("sys-mh", observation(p))).id
    second = (await clinic.make("sys-mh", observation(p, 75))).id
    await followed(clinic, telling)
    assert receiver.told()[-1]["events"] == [(last + 1, f"Observation/{first}"), (last + 2, f"Observation/{second}")]
    await clinic.ask("sys-mh", "DELETE", f"Observation/{first}")
    receiver.answer = "200 OK"
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=5))
    await followed(clinic, telling)
    assert receiver.told()[-1]["events"] == [(last + 1, f"Observation/{second}")]


async def test_heartbeats_come_when_nothing_happens(clinic: Clinic, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    _, telling = await begun(clinic, receiver, heartbeat=60)
    now = clock.now()
    for minutes in (2, 4):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: now + timedelta(minutes=minutes))
        await followed(clinic, telling)
    assert [t["type"] for t in receiver.told()] == ["handshake", "heartbeat", "heartbeat"]


async def test_a_stopped_account_a_dead_endpoint_and_what_is_not_offered(clinic: Clinic, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ({"criteria": "Observation"}, {"criteria": "Questionnaire?status=active"}, {"criteria": "Observation?"}, {"criteria": "Observation?status=final", "_criteria": {"extension": [{"url": BACKPORT + "backport-filter-criteria", "valueString": "Observation?code=x"}]}}, {"channel": {"type": "email", "endpoint": "mailto:x@example.org"}}, {"channel": {"type": "rest-hook", "endpoint": "https://u:p@example.org/"}}):
        assert (await clinic.ask("mh-service", "POST", "Subscription", {**subscription(receiver), **wrong})).status == 422, wrong
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": subscription(receiver), "request": {"method": "POST", "url": "Subscription"}}]}
    assert (await clinic.ask("mh-service", "POST", "", bundle)).status == 400
    id_, telling = await begun(clinic, receiver)
    off = (await clinic.get("mh-service", f"Subscription/{id_}")).json()
    assert (await clinic.put("mh-service", {**off, "status": "off"})).status == 200
    count = len(receiver.got)
    await clinic.make("sys-mh", observation(await seen_by(clinic)))
    await followed(clinic, telling)
    assert len(receiver.got) == count, "what is off tells nothing"
    receiver.answer = "404 Not Found"
    other = (await clinic.make("mh-service", subscription(receiver))).id
    now = clock.now()
    for n in range(6):
        monkeypatch.setattr(clock, "now", lambda n=n: now + timedelta(minutes=10 * n))
        await followed(clinic, telling)
    assert (await clinic.get("mh-service", f"Subscription/{other}")).json()["status"] == "error"


async def test_what_another_account_began_is_not_sent_elsewhere_and_ends_only_for_who_sees_it(clinic: Clinic, receiver: Receiver) -> None:
    id_, telling = await begun(clinic, receiver)
    kept = (await clinic.get("sys-mh", f"Subscription/{id_}")).json()
    assert kept["channel"]["header"] == ["Authorization: (kept)"], "a secret that others would read"
    assert (await clinic.put("sys-mh", {**subscription(receiver), "id": id_})).status == 403
    assert (await clinic.ask("other-sys", "DELETE", f"Subscription/{id_}")).status == 204
    assert (await clinic.ask("mh-service", "PATCH", f"Subscription/{id_}", [{"op": "replace", "path": "/status", "value": "off"}])).status == 400
    assert (await clinic.ask("mh-service", "DELETE", f"Subscription?_id={id_}")).status == 400
    for kind in ("batch", "transaction"):
        bundle = {"resourceType": "Bundle", "type": kind, "entry": [{"request": {"method": "DELETE", "url": f"Subscription/{id_}"}}]}
        await clinic.ask("mh-service", "POST", "", bundle)
    assert (await clinic.get("mh-service", f"Subscription/{id_}/$status")).json()["entry"], "it goes on"
    assert (await clinic.put("mh-service", {**kept, "id": id_})).status == 200, "sent again as it was read"
    assert (await clinic.put("mh-service", {**kept, "channel": {**kept["channel"], "endpoint": "https://elsewhere.example/"}})).status == 422
    await followed(clinic, telling)
    assert receiver.got[-1][0]["authorization"] == "Bearer abc"
    count = len(receiver.got)
    assert (await clinic.ask("sys-mh", "DELETE", f"Subscription/{id_}")).status == 204
    await clinic.make("sys-mh", observation(await seen_by(clinic)))
    await followed(clinic, telling)
    assert len(receiver.got) == count, "who may delete it ends it"


async def test_what_cannot_be_read_or_searched_is_said_at_once_and_the_status_is_ours(clinic: Clinic, receiver: Receiver) -> None:
    for wrong in ({"channel": "x"}, {"channel": {"type": "rest-hook", "endpoint": "https://["}}, {"_criteria": {"extension": ["x"]}}):
        assert (await clinic.ask("mh-service", "POST", "Subscription", {**subscription(receiver), **wrong})).status == 422, wrong
    assert (await clinic.ask("mh-service", "POST", "Subscription", subscription(receiver, "Observation?no-such=1"))).status == 400
    assert (await clinic.make("mh-service", {**subscription(receiver), "status": "active"})).json()["status"] == "requested"


async def test_none_of_very_many_changes_is_passed_over(clinic: Clinic, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sojourn.gate.searching.MAX_PAGE", 3)
    monkeypatch.setattr("sojourn.gate.subscriptions.deciding._AT_ONCE", 2)
    _, telling = await begun(clinic, receiver)
    p = await seen_by(clinic)
    made = {(await clinic.make("sys-mh", observation(p, 60 + n))).id for n in range(5)}
    await followed(clinic, telling)
    assert made <= {ref.partition("/")[2] for t in receiver.told() for _, ref in t["events"]}


async def test_it_ends_at_once_when_what_it_was_begun_under_is_stopped_and_follows_the_role(clinic: Clinic, receiver: Receiver) -> None:
    id_, telling = await begun(clinic, receiver)
    p = await seen_by(clinic)
    await followed(clinic, telling)
    count = len(receiver.got)
    await clinic.owner.execute("UPDATE record.assignment SET role = 'outside' WHERE account = 'mh-service'")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'mh-service'")
    await clinic.make("sys-mh", observation(p))
    await followed(clinic, telling)
    assert len(receiver.got) == count, "what the account sees now is what counts"
    await clinic.owner.execute("UPDATE record.credential SET revoked = now() WHERE account = 'mh-service'")
    await clinic.make("sys-mh", observation(p, 80))
    await followed(clinic, telling)
    assert len(receiver.got) == count
    assert (await clinic.get("sys-mh", f"Subscription/{id_}")).json()["status"] == "off"


async def test_a_deletion_is_decided_anew_too_and_events_show_none_that_may_not_be_known_any_more(database: Dsn, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    given = people.rules()
    monkeypatch.setattr(people, "rules", lambda: [*given, ("outside", ["Subscription"], ["create", "read", "search"])])
    clinic = await people.open_clinic(database)
    try:
        id_, telling = await begun(clinic, receiver, "tpo")
        p = (await clinic.make("sys-sud", patient())).id
        agreed = (await clinic.make("sys-sud", consent(p, "tpo"))).id
        told, untold = [(await clinic.make("sys-sud", observation(p, value))).id for value in (70, 71)]
        await followed(clinic, telling)
        await clinic.ask("sys-sud", "DELETE", f"Observation/{told}")
        await followed(clinic, telling)
        assert [ref for _, ref in receiver.told()[-1]["events"]] == [f"Observation/{told}"]
        what = [w for row in await clinic.owner.fetch("SELECT what FROM record.disclosure WHERE account = 'tpo'") for w in row["what"]]
        assert any(w.startswith(f"Observation/{told}/") for w in what), "an id alone is told about somebody, too"
        assert all(b"disclosure-notice" in body for _, body in receiver.got if b"/Observation/" in body and b"DELETE" not in body)
        last = receiver.told()[-1]["events-since-subscription-start"]
        receiver.answer = "503 Later"
        await clinic.ask("sys-sud", "DELETE", f"Observation/{untold}")
        await followed(clinic, telling)
        events = f"Subscription/{id_}/$events?eventsSinceNumber=1"
        assert f"Observation/{told}".encode() in (await clinic.get("tpo", events)).body
        assert (await clinic.put("sys-sud", {**consent(p, "tpo", status="inactive"), "id": agreed})).status == 200
        count, receiver.answer, now = len(receiver.got), "200 OK", clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=5))
        await followed(clinic, telling)
        assert b"Observation/" not in b"".join(body for _, body in receiver.got[count:])
        shown = await clinic.get("tpo", events)
        assert shown.status == 200, shown.body
        assert b"Observation/" not in shown.body
        assert f'"events-since-subscription-start","valueString":"{last}"'.encode() in shown.body, "the numbers close up"
    finally:
        await people.close_clinic(clinic)
