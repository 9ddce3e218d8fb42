"""What whoever operates the server may ask: whether it lives and is ready, and its numbers; strangers learn nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from sojourn.app import application
from sojourn.base import clock, metering
from sojourn.base.settings import BadSetting
from sojourn.gate.channels import SMS
from sojourn.record.database import Dsn
from sojourn.web import operating
from sojourn.web.about import About
from sojourn.web.outbound import Outbound
from tests.care.reported import house
from tests.doors.calling.counterpart import Texts
from tests.doors.hl7v2.lab import code, done, listener, oru, registered, sent
from tests.people import MH, Clinic, patient

TOKEN = "a-token-of-the-test-that-is-long"  # noqa: S105 - of this test alone


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        yield made


def asking(clinic: Clinic, secret: str = "", client: str = "127.0.0.1") -> httpx.AsyncClient:
    """Somebody who asks from an address."""
    app = application(clinic.gate, About(), Outbound(), metrics=secret)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(client, 40000)), base_url="http://localhost")


async def test_it_says_that_it_lives_and_is_ready_and_nothing_else(clinic: Clinic) -> None:
    async with asking(clinic, client="192.0.2.7") as stranger:
        assert [(a.status_code, a.text) for a in [await stranger.get(f"/health/{p}") for p in ("live", "ready")]] == [(200, "alive\n"), (200, "ready\n")]
        await clinic.gate.house.db.close()
        assert [(a.status_code, a.text) for a in [await stranger.get(f"/health/{p}") for p in ("live", "ready")]] == [(200, "alive\n"), (503, "not ready\n")]
        await clinic.gate.house.db.open()


async def test_the_numbers_are_for_who_has_the_token_or_for_this_machine(clinic: Clinic) -> None:
    here, there = asking(clinic), asking(clinic, client="192.0.2.7")
    assert (await here.get("/metrics")).status_code == 200
    assert (await here.get("/metrics", headers={"x-forwarded-for": "192.0.2.7"})).status_code == 404, "somebody asks through a proxy of this machine"
    assert (await there.get("/metrics")).status_code == 404
    held = asking(clinic, TOKEN, "192.0.2.7")
    said = [(await held.get("/metrics", headers={"authorization": f"Bearer {t}"})).status_code for t in (TOKEN, "", TOKEN[:-1])]
    assert said == [200, 404, 404]
    assert (await asking(clinic, TOKEN).get("/metrics")).status_code == 404, "with a token, this machine needs it, too"


async def test_the_numbers_say_how_much_waits_and_name_nobody(clinic: Clinic) -> None:
    made = (await clinic.make("sys-mh", patient())).id
    await registered(clinic.gate, program=MH)
    door = listener(clinic.gate)
    assert code(await sent(door, oru(mrn="X9"))) == "AA"
    await done(door, clinic.gate)
    here = asking(clinic)
    await here.get(f"/patients/{made}")
    await here.get(f"/{made}/x")
    await here.get(f"/fhir/Patient/{made}")
    await clinic.owner.execute("INSERT INTO record.subscription (tenant, subscription, account, credential, facts, types, state, tries, due, begun, expires) SELECT 1, s, 'cedar-app', 'x', '{}', '{}', 'active', t, now(), now(), now() FROM (VALUES ('one', 0), ('two', 3)) AS v(s, t)")
    await clinic.owner.execute("INSERT INTO record.subscription_event (tenant, subscription, number, kind, type, id, version, at) VALUES (1, 'one', 1, 'create', 'Patient', $1, '1', $2)", made, clock.now() - timedelta(seconds=90))
    await clinic.owner.execute("INSERT INTO record.sftp_file (tenant, file, partner, path, name, state, begun, updated) VALUES (1, 'f', 'cedar', 'in/x', 'x', 'whole', now(), now())")
    await clinic.owner.execute("INSERT INTO record.call (tenant, account, key, items, about, means, begun, next, tries, said) VALUES (1, 'mh-night', 'k', '{}', '{}', 'sms', now(), now(), 2, 'later')")
    down = Texts().channel("wrong token")
    await down.look()
    clinic.gate.house.channels = {SMS: down}
    answer = await here.get("/metrics")
    text = answer.text
    for line in ('{queue="subscriptions",state="active"} 1', '{queue="subscriptions",state="retrying"} 1', '{queue="subscription-events",state="waiting"} 1', '{queue="sftp-files",state="arrived"} 1', '{queue="calls",state="failing"} 1', '{queue="exports",state="failed"} 0'):
        assert f"sojourn_queue_items{line}" in text, line
    assert re.search(r'sojourn_queue_oldest_seconds{queue="subscription-events",state="waiting"} [1-9]', text)
    assert answer.headers["content-type"] == metering.CONTENT_TYPE
    assert 'sojourn_messages_waiting{door="hl7v2",direction="in",state="review"} 1' in text
    for line in ("sojourn_database_up 1", 'sojourn_channel_up{channel="sms"} 0', 'sojourn_requests_total{route="/patients",status="3xx"} 1', 'sojourn_requests_total{route="/fhir",status="4xx"} 1', 'sojourn_request_seconds_count{route="other"} 1'):
        assert line in text, line
    assert re.search(r'sojourn_database_connections{state="open"} [1-9]', text)
    assert made not in text
    assert "cedar" not in text.lower()
    labels = set(re.findall(r'(\w+)="', text))
    assert labels == {"door", "direction", "state", "queue", "route", "status", "le", "channel"}
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+({(\w+=\"[^\"\n]*\",?)+})? [0-9.e+-]+", line), line
    buckets = [int(n) for n in re.findall(r'sojourn_request_seconds_bucket{route="/fhir",le="[^"]+"} (\d+)', text)]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 1


def test_a_token_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    assert operating.token(None) == ""
    with pytest.raises(BadSetting):
        operating.token(file)
    file.write_text("short")
    with pytest.raises(BadSetting):
        operating.token(file)
    file.write_text(TOKEN + "\n")
    assert operating.token(file) == TOKEN
