"""Files of messages in two worlds: names, sizes, counts, manifest and bytes are the same whatever is hidden from a partner."""

from __future__ import annotations

import json
from collections.abc import Callable

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.orders.ordering import NUMBER
from sojourn.record.database import Dsn
from tests import people
from tests.doors.hl7v2.counterpart import agreed
from tests.doors.hl7v2.lab import MRN
from tests.doors.hl7v2.test_batches_out import boxes, later, names, put_out, session
from tests.doors.hl7v2.test_orders_out import order
from tests.doors.sftp.test_out import taken
from tests.leaks.drawn import bytes_without
from tests.people import START, Clinic, consent, encounter, patient


async def told(clinic: Clinic) -> list[object]:
    """What the partner finds, without what is drawn by lot: the files, what the manifest says, and their bytes."""
    async with session(clinic) as client:
        there = await names(client)
        said = [(f["name"], f["size"], f["kind"], f["created"]) for f in json.loads(await taken(client, "manifest.json"))["files"]]
        content = [bytes_without("what is drawn in a batch", await taken(client, name)) for name in there]
    return [there, said, content]


async def a_world(clinic: Clinic, *, hidden: bool) -> list[object]:
    """Three times of a rhythm. hidden: Part 2 orders of the same client and of somebody else, one of them permitted until it is out."""
    place = "Organization/" + (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Cedar Ridge Laboratory"})).id
    partner = await agreed(clinic, None, place, "ORM^O01", authorities={"RIVER": MRN}, batch=24)
    await boxes(clinic)
    client = (await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-mh", encounter(client))
    given: dict[str, object] = {}
    if hidden:
        other = (await clinic.make("sys-sud", patient("Quillfeather", identifier=[{"system": MRN, "value": "R7"}]))).id
        for who in (other, client):
            await clinic.make("sys-sud", encounter(who))
        given = (await clinic.make("sys-sud", consent(other, place.removeprefix("Organization/")))).json()
        await clinic.make("sys-sud", order(other, place, identifier=[{"system": NUMBER, "value": "H1"}]))
        await clinic.make("sys-sud", order(client, place, identifier=[{"system": NUMBER, "value": "H2"}]))
    found: list[object] = []
    await put_out(clinic, partner)
    if hidden:  # it was out for a moment, and nobody looked
        assert await clinic.owner.fetchval("SELECT count(*) FROM record.exchange_batch") == 1
        assert (await clinic.put("sys-sud", {**given, "status": "inactive"})).status == 200
    found.append(await told(clinic))
    await clinic.make("sys-mh", order(client, place, identifier=[{"system": NUMBER, "value": "N1"}]))
    for number in ("N2", "N3"):
        later()
        await put_out(clinic, partner)
        found.append(await told(clinic))
        await clinic.make("sys-mh", order(client, place, identifier=[{"system": NUMBER, "value": number}]))
    return found


async def test_what_is_hidden_changes_no_file_no_name_and_no_count(databases: Callable[[], Dsn]) -> None:
    worlds = []
    for hidden in (True, False):
        with clock.using(FakeClock(START)):
            clinic = await people.open_clinic(databases())
            worlds.append(await a_world(clinic, hidden=hidden))
            await people.close_clinic(clinic)
    assert worlds[0] == worlds[1]
    assert [len(w[0]) for w in worlds[0]] == [0, 1, 1], "nothing, and then one of each time"  # type: ignore[index]
