"""Results, orders and authorizations in two worlds: those of a Part 2 program change nothing for whoever may not see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sojourn.care.authorizations import keeping, model, watching
from sojourn.care.orders import ordering, reading, standing
from sojourn.care.orders.ordering import Wish
from sojourn.doors.staff.results import inbox
from sojourn.gate import origin
from sojourn.gate.clockwork import Clockwork
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care import test_authorizations as authorizing
from tests.care.labs import follow, found, report, reviews, value
from tests.care.risky import DAY, ward
from tests.leaks.drawn import same
from tests.people import MH, SUD, A, encounter
from tests.web.real import Visitor, furnish
from tests.web.test_risk import visitor


async def second_part(away: Visitor) -> str:
    """What comes after the first of everybody's list."""
    await away.get("/results?all=1")
    return same((await away.post("/results", {"all": "1", "cursor": away.hidden("cursor")})).text)


async def test_a_hidden_result_is_nowhere(database: Dsn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PART", 1)
    async with ward(database, at=DAY, program=SUD) as sud:
        await furnish(sud.clinic)
        await sud.clinic.make("sys-mh", encounter(sud.client))
        for number in (4.0, 4.1):
            await report(sud, value(sud.client, number), who="sys-mh")
            await follow(sud)
        away = await visitor(sud, "mh-clinician")
        paths = ("/today", "/results", "/results?all=1", f"/patients/{sud.client}/results", f"/patients/{sud.client}", "/patients/nobody/results")
        before, rest = [(r.status_code, same(r.text)) for r in [await away.get(path) for path in paths]], await second_part(away)
        assert before[3][1].count("Metabolic panel") == 4, "what is open to them is there: it waits, and it is a report"
        assert rest.count("Metabolic panel") == 1
        _, (part, _) = await report(sud, value(sud.client, 7.2, "HH"), found(sud.client, "Opiates", "Positive", "A"))
        await follow(sud)
        (hidden,) = [r for r in await reviews(sud, who="therapist") if r.critical]
        old = (await sud.clinic.get("sys-sud", f"Observation/{part}")).json()
        assert (await sud.clinic.put("sys-sud", {**old, "status": "corrected", "valueQuantity": {**old["valueQuantity"], "value": 7.4}})).status == 200
        await follow(sud)
        away = await visitor(sud, "mh-clinician")
        assert [(r.status_code, same(r.text)) for r in [await away.get(path) for path in paths]] == before
        assert await second_part(away) == rest
        gone, none = [await away.get(f"/patients/{sud.client}/results/{one}") for one in (hidden.id, "A" * len(hidden.id))]
        assert (gone.status_code, same(gone.text)) == (none.status_code, same(none.text)) == (404, same(none.text))
        gone, none = [await away.post(f"/patients/{sud.client}/results/{one}", {"outcome": "reviewed", "text": "x"}) for one in (hidden.id, "A" * len(hidden.id))]
        assert (gone.status_code, same(gone.text)) == (none.status_code, same(none.text)) == (404, same(none.text))
        assert len((await sud.clinic.get("mh-clinician", f"Task?patient={sud.client}")).entries) == 2
        seen = await (await visitor(sud, "therapist")).get("/results")
        assert "Potassium 7.4 mmol/L" in seen.text


async def test_hidden_orders_and_authorizations_are_nowhere(database: Dsn) -> None:
    async with ward(database, at=DAY, program=SUD) as sud:
        await furnish(sud.clinic)
        await authorizing.reviewer(sud)
        await sud.clinic.make("sys-mh", encounter(sud.client))
        away = await visitor(sud, "mh-clinician")
        chart = f"/patients/{sud.client}"
        paths = ("/today", "/authorizations", "/authorizations?all=1", f"{chart}/authorizations", f"{chart}/results", f"{chart}/coverage", "/patients/nobody/authorizations", "/orders/catalog")
        before = [(r.status_code, same(r.text)) for r in [await away.get(path) for path in paths]]
        once = await ordering.order(await sud.access("therapist"), sud.client, Wish("cbc", DAY.date(), why="Before treatment", key="one"))
        again = await ordering.order(await sud.access("therapist"), sud.client, Wish("uds", DAY.date(), why="Agreed", rhythm="weekly", key="two"))
        await standing.run(await Clockwork(sud.clinic.gate).access(A))
        authorization = await authorizing.entered(sud)
        await authorizing.signed(sud)
        await authorizing.follow(sud)
        assert (await authorizing.watch(sud)).used == 1
        away = await visitor(sud, "mh-clinician")
        assert [(r.status_code, same(r.text)) for r in [await away.get(path) for path in paths]] == before
        for path in (f"{chart}/orders/{once}", f"{chart}/orders/{again}", f"{chart}/orders/{once}/print", f"{chart}/authorizations/{authorization}"):
            gone, none = await away.get(path), await away.get(path.replace(once, "A" * 32).replace(again, "A" * 32).replace(authorization, "A" * 22))
            assert (gone.status_code, same(gone.text)) == (none.status_code, same(none.text)) == (404, same(none.text)), path
        gone, none = [await away.post(f"{chart}/orders/{one}", {"do": "cancel", "note": "x"}) for one in (once, "A" * 32)]
        assert (gone.status_code, same(gone.text)) == (none.status_code, same(none.text)) == (404, same(none.text))
        for type_ in ("Task", "ServiceRequest", "ClaimResponse", "Specimen"):
            assert (await sud.clinic.get("mh-clinician", f"{type_}?patient={sud.client}")).entries == []
        seen = await visitor(sud, "therapist")
        assert "Complete blood count" in (await seen.get(f"{chart}/results")).text
        assert "A-4711" in (await seen.get(f"{chart}/authorizations")).text


async def test_a_hidden_result_answers_no_order_of_another_program_and_a_hidden_order_takes_none(database: Dsn) -> None:
    async with ward(database, at=DAY) as mh:
        wish = Wish("cbc", DAY.date(), why="Fatigue", collector="lab", key="one")
        ours = await ordering.order(await mh.access("therapist"), mh.client, wish)
        await mh.clinic.make("sys-sud", encounter(mh.client))
        seen = (await mh.clinic.get("mh-clinician", f"Task?patient={mh.client}")).entries
        number = (await reading.one(await mh.access("therapist"), mh.client, ours)).number
        for more in ({}, {"identifier": [{"value": number}]}, {"basedOn": [{"reference": f"ServiceRequest/{ours}"}]}):
            await report(mh, value(mh.client), who="sys-sud", title="Complete blood count", **more)
            await follow(mh)
            assert (await mh.clinic.get("mh-clinician", f"Task?patient={mh.client}")).entries == seen, "a result of a Part 2 program would tell of itself"
        them = (await mh.clinic.make("sys-sud", {"resourceType": "Practitioner", "name": [{"family": "Sander"}]})).id
        await organization.account(mh.clinic.owner, A, organization.AccountRow("sander", "staff", "sander", "Sander", None, f"Practitioner/{them}", "clinician", [SUD], SUD, []), mh.clock.now())
        mh.clinic.tokens["sander"] = await mh.clinic.gate.token(mh.clinic.gate.house.tenants[A], "sander")
        theirs = await ordering.order(await mh.access("sander"), mh.client, wish)
        ids = {await origin.made_by(await mh.access("sys-sud"), "ServiceRequest", one) for one in (ours, theirs)}
        assert ids == {MH, SUD}
        await report(mh, value(mh.client), title="Complete blood count")
        await follow(mh)
        assert (await reading.one(await mh.access("therapist"), mh.client, ours)).step == "answered", "a hidden order would tell of itself"
        assert (await reading.one(await mh.access("sander"), mh.client, theirs)).step == "sent"


async def test_a_hidden_authorization_takes_no_service_of_another_program(database: Dsn) -> None:
    async with ward(database, at=DAY) as mh:
        await authorizing.reviewer(mh)
        await mh.clinic.make("sys-sud", encounter(mh.client))
        await authorizing.entered(mh)
        hidden = model.resource(replace(keeping.typed(mh.client, {**authorizing.FORM, "end": "2026-03-10"}), created="2026-03-04"))
        await mh.clinic.make("sys-sud", hidden)
        await authorizing.signed(mh)
        await authorizing.follow(mh)
        used = {w.authorization.end.day: (w.used, w.uncovered) for w in await watching.watched(await mh.access("reviewer"))}
        assert used == {31: (1, 0), 10: (0, 0)}
