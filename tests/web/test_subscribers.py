"""Who is told of changes: what does not arrive is seen by who operates, and tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from tests.care.reported import visitor
from tests.doors.api.test_subscriptions import Receiver, begun, followed, receiver, seen_by  # noqa: F401 - a fixture
from tests.people import Clinic, observation
from tests.web.test_exchange import clinic  # noqa: F401 - a fixture


async def test_what_a_subscriber_does_not_take_is_seen_and_tried_again(clinic: Clinic, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("sojourn.doors.api.subscriptions.telling._TRIES", 4)
    now = FakeClock(clock.now())
    with clock.using(now):
        id_, telling = await begun(clinic, receiver)
        ivy = await visitor(clinic, "ivy")
        page = (await ivy.get("/exchange/subscriptions")).text
        assert "mh-service" in page
        assert f"127.0.0.1:{receiver.port}" in page
        assert ("Works" in page, "Try again" in page, "/hook" in page) == (True, False, False)
        assert "Subscriptions" not in (await ivy.get("/exchange")).text.partition("For somebody to look at")[2]
        receiver.answer = "500 No"
        p = await seen_by(clinic)
        await clinic.make("sys-mh", observation(p))
        for _ in range(4):
            await followed(clinic, telling)
            now.advance(timedelta(hours=2))
        ivy = await visitor(clinic, "ivy")
        assert "1 subscriber does not take what they asked to be told. After a day" in (await ivy.get("/exchange")).text
        page = (await ivy.get("/exchange/subscriptions")).text
        assert ("Told nothing" in page, p in page, "Rivera" in page) == (True, False, False)
        receiver.answer, before = "204 No Content", len(receiver.got)
        assert (await ivy.post("/exchange/subscriptions", {"subscription": id_})).status_code == 303
        await followed(clinic, telling)
        assert [t["type"] for t in receiver.told()[before:]] == ["handshake", "event-notification"], "it is asked whether it is there, and told what waited"
        assert "Works" in (await ivy.get("/exchange/subscriptions")).text
        assert (await ivy.post("/exchange/subscriptions", {"subscription": id_})).status_code == 409, "it works"
        assert (await ivy.post("/exchange/subscriptions", {"subscription": "nobody"})).status_code == 409
        assert (await clinic.get("mh-service", f"Subscription/{id_}")).json()["status"] == "active"
        for other in ("nurse", "adam"):
            assert (await (await visitor(clinic, other)).get("/exchange/subscriptions")).status_code == (403 if other == "nurse" else 200)
