"""Subscriptions in two worlds: what a receiver is sent, and when, does not depend on what is hidden from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sojourn.base import clock as clocks
from sojourn.base import crypto, ids
from sojourn.base.clock import FakeClock
from sojourn.base.ids import SeededSource
from sojourn.doors.api.subscriptions.telling import Telling
from sojourn.gate.apps import keys
from sojourn.gate.subscriptions import following
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from tests import people
from tests.gate.numbering import numbered
from tests.leaks.rules import Viewer
from tests.leaks.story import Story, Teller
from tests.leaks.telling import tell
from tests.leaks.two import VIEWERS, IdealKey
from tests.people import START, Clinic, close_clinic, open_clinic

DATA = "https://sojourn.example/fhir/SubscriptionTopic/patient-data"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
HOOK: dict[str, Any] = {
    "resourceType": "Subscription", "status": "requested", "reason": "A test.", "criteria": DATA,
    "channel": {
        "type": "rest-hook", "endpoint": "https://receiver.example/hook", "payload": "application/fhir+json",
        "_payload": {"extension": [{"url": BACKPORT + "backport-payload-content", "valueCode": "full-resource"}]},
        "extension": [{"url": BACKPORT + "backport-heartbeat-period", "valueUnsignedInt": 30}, {"url": BACKPORT + "backport-max-count", "valuePositiveInt": 3}],
    },
}  # fmt: skip


def r4(criteria: str, payload: bool) -> dict[str, Any]:  # noqa: FBT001 - read beside the name of its parameter
    """A Subscription as R4 alone has it: a search; with `payload` it is told what, without it only that something happened."""
    return {
        "resourceType": "Subscription", "status": "requested", "reason": "A test.", "criteria": criteria,
        "channel": {"type": "rest-hook", "endpoint": "https://receiver.example/hook", **({"payload": "application/fhir+json"} if payload else {})},
    }  # fmt: skip


async def told(dsn: Dsn, story: Story, who: str, viewer: Viewer | None, hook: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Everything that the receiver is sent while the story is told, with the moment of each; and $status and $events at the end."""
    got: list[tuple[Any, ...]] = []

    async def taken(request: httpx.Request) -> httpx.Response:
        got.append((clocks.now(), request.content))
        return httpx.Response(503 if len(got) % 4 == 0 else 204)  # now and then it has no time

    async def nearby(host: str, port: int) -> list[str]:
        return ["93.184.216.34"]

    clock, source = FakeClock(START), SeededSource(story.seed)
    source.step("set up")
    with clocks.using(clock), ids.using(source):
        clinic = await open_clinic(dsn, key=IdealKey())
        try:
            id_ = (await clinic.make(who, hook)).id
            telling = Telling(clinic.gate, Outbound(resolver=nearby, transport=httpx.MockTransport(taken)))

            await _moved(clinic, telling, source)
            await tell(story, clinic, viewer, clock, source)
            for _ in range(40):  # what is decided is decided at the end of the story, and told in many pieces
                await _moved(clinic, telling, source)
                clock.advance(timedelta(seconds=6))  # consents of the story hold, or not, for minutes
            asked = [await clinic.get(who, f"Subscription/{id_}{path}") for path in ("/$status", "/$events?eventsSinceNumber=1&content=id-only", "")]
            if viewer is None and people.BY_NAME[who].kind == "organization":  # a disclosure: with its notice, and written down as it left
                kept = {r["digest"] for r in await clinic.owner.fetch("SELECT digest FROM record.disclosure WHERE account = $1", who)}
                shown = [body for _, body in got if b'"versionId"' in body]
                assert shown or hook is not HOOK
                assert all(crypto.sha256_hex(body) in kept for body in shown)
                assert all(b"disclosure-notice" in body for body in shown if b'"42CFRPart2"' in body)
            return [*got, *((reply.status, reply.body) for reply in asked)]
        finally:
            await close_clinic(clinic)


async def _moved(clinic: Clinic, telling: Telling, source: SeededSource) -> None:
    feed = await numbered(clinic)
    while await feed.follow("subscriptions", following.follow):
        pass
    n = 0
    while True:
        n += 1
        source.step(f"told {clocks.now()} {n}")
        if not await telling.round():
            break


@pytest.fixture
def subscribing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is looked at may subscribe, and signatures are all the same."""
    given = people.rules()
    roles = {people.BY_NAME[who].role for who in VIEWERS}
    monkeypatch.setattr(people, "rules", lambda: [*given, *((role, ["Subscription"], ["create", "read", "search"]) for role in roles)])

    async def unsigned(*_: object) -> str:
        return "-"

    monkeypatch.setattr(keys, "signed", unsigned)  # under a key that is drawn at random


async def alike(databases: Callable[[], Dsn], story: Story, who: str, hook: dict[str, Any]) -> int:
    """Holds both worlds equal; how many notifications of events there were."""
    a = await told(databases(), story, who, None, hook)
    b = await told(databases(), story, who, VIEWERS[who], hook)
    assert len(a) == len(b)
    for one, two in zip(a, b, strict=True):
        assert one == two
    return sum(b'"event-notification"' in body for _, body in a)


@pytest.mark.usefixtures("subscribing")
@pytest.mark.parametrize("who", ["mh-clinician", "tpo", "specific", "both-clinician"])
async def test_a_receiver_cannot_tell_whether_there_is_something_hidden(databases: Callable[[], Dsn], who: str) -> None:
    assert await alike(databases, Teller("subscriptions", 50).tell(), who, HOOK) > 3, "what is permitted arrives"


@pytest.mark.usefixtures("subscribing")
@pytest.mark.parametrize(
    ("who", "criteria", "payload"),
    [
        ("mh-clinician", "Observation?component-code:missing=true", True),  # a component that is hidden is not there
        ("mh-clinician", "Encounter?reason-code:missing=true", False),  # nor is it counted by who is told that something happened
        ("both-clinician", "Condition?encounter.class=AMB,IMP,VR", True),  # through something that may be hidden
        ("tpo", "Observation?component-code:missing=true", True),
        ("specific", "Observation?status=final", True),
    ],
)
async def test_criteria_of_r4_are_asked_of_what_the_receiver_sees(databases: Callable[[], Dsn], who: str, criteria: str, payload: bool) -> None:  # noqa: FBT001 - of the table above
    assert await alike(databases, Teller("criteria1", 120).tell(), who, r4(criteria, payload)), "what is permitted arrives"
