"""Tests that are done here, and orders that a partner places with us, in two worlds: those of a Part 2 program are nowhere for whoever may not see them."""

from __future__ import annotations

from sojourn.care.orders import ordering, reading
from sojourn.care.orders.ordering import Wish
from sojourn.care.results import entering
from sojourn.record.database import Dsn
from tests.care.labs import follow
from tests.care.risky import DAY, Ward, ward
from tests.care.test_placed_orders import arrive, place
from tests.care.test_tests_here import done_here, nurse, read
from tests.leaks.drawn import Drawn, same
from tests.people import SUD, encounter
from tests.web.real import Visitor, furnish
from tests.web.test_risk import visitor

KEY = Drawn("key")


async def alike(away: Visitor, path: str, id_: str, form: dict[str, str] | None = None) -> None:
    """What one may not see is answered as what is not there."""
    gone, none = [await (away.post(p, form) if form else away.get(p)) for p in (path, path.replace(id_, "A" * len(id_)))]
    assert (gone.status_code, same(gone.text)) == (none.status_code, same(none.text)) == (404, same(none.text)), path


async def entered(made: Ward, id_: str, key: str = "form", **found: str) -> str:
    access = await made.access("nurse")
    return await entering.enter(access, await reading.one(access, made.client, id_), await read(made, key, **found))


async def test_a_test_of_a_hidden_order_is_nowhere(database: Dsn) -> None:
    async with ward(database, at=DAY, program=SUD) as sud:
        await nurse(sud)
        await done_here(sud)
        await done_here(sud, "cbc")
        await furnish(sud.clinic)
        await sud.clinic.make("sys-mh", encounter(sud.client))
        away = await visitor(sud, "mh-clinician")
        chart = f"/patients/{sud.client}"
        paths = ("/today", "/results", "/results?all=1", f"{chart}/results", chart, "/orders/catalog")
        before = [(r.status_code, same(r.text)) for r in [await away.get(path) for path in paths]]
        waits = await ordering.order(await sud.access("therapist"), sud.client, Wish("uds", DAY.date(), why="Return from leave", key="one"))
        final, open_ = [await ordering.order(await sud.access("therapist"), sud.client, Wish("uds", DAY.date(), why="Again", key=key)) for key in ("two", "three")]
        await entered(sud, final, cocaine="positive")
        await entered(sud, open_, fentanyl="presumptive")
        asked, _ = await place(sud, performer="Organization/sud")
        await arrive(sud)
        await follow(sud)
        access = await sud.access("nurse")
        held = await entering.entered(access, one := await reading.one(access, sud.client, final))
        assert held is not None
        await entering.change(access, one, held, await read(sud, "second"), "Two cups were mixed up.")
        await follow(sud)
        assert {o.id for o in await reading.mine(access)} == {asked, waits}
        away = await visitor(sud, "mh-clinician")
        assert [(r.status_code, same(r.text)) for r in [await away.get(path) for path in paths]] == before
        for id_ in (waits, final, open_, asked):
            await alike(away, f"{chart}/orders/{id_}", id_)
            await alike(away, f"{chart}/orders/{id_}/result", id_)
            for form in ({"do": "save", "key": "x", "version": "1"}, {"do": "withdraw", "reason": "x"}, {"do": "negative"}):
                await alike(away, f"{chart}/orders/{id_}/result", id_, form)
            await alike(away, f"{chart}/orders/{id_}", id_, {"do": "confirm"})
        for type_ in ("Task", "ServiceRequest", "Specimen", "DiagnosticReport", "Observation"):
            assert (await sud.clinic.get("mh-clinician", f"{type_}?patient={sud.client}")).entries == []
        theirs = await visitor(sud, "nurse")
        assert (await theirs.get("/today")).text.count("A test to do here") == 2
        assert "Urine drug screen" in (await theirs.get(f"{chart}/results")).text


async def test_a_test_of_another_program_changes_nothing_about_an_order_that_is_seen(database: Dsn) -> None:
    """A nurse who works in both programs finishes a hidden order; whoever sees the other finds it as it was."""
    async with ward(database, at=DAY) as mh:
        await nurse(mh)
        await done_here(mh)
        await furnish(mh.clinic)
        ours = await ordering.order(await mh.access("therapist"), mh.client, Wish("uds", DAY.date(), why="Agreed", key="one"))
        await mh.clinic.make("sys-sud", encounter(mh.client))
        away = await visitor(mh, "mh-clinician")
        chart = f"/patients/{mh.client}"
        paths = ("/today", f"{chart}/results", f"{chart}/orders/{ours}", f"{chart}/orders/{ours}/result")
        before = [(r.status_code, KEY.out(same(r.text))) for r in [await away.get(path) for path in paths]]
        assert before[-1][0] == 200
        hidden, _ = await place(mh, who="sys-sud", performer="Organization/sud", code={"text": "Urine drug screen"})
        await place(mh, who="sys-mh", asks="sys-sud", performer="Organization/mh")
        await arrive(mh)
        await entered(mh, hidden, cocaine="positive")
        await follow(mh)
        again = await visitor(mh, "mh-clinician")
        assert [(r.status_code, KEY.out(same(r.text))) for r in [await again.get(path) for path in paths]] == before
        specimens = (await mh.clinic.get("mh-clinician", f"Specimen?patient={mh.client}")).entries
        reports = (await mh.clinic.get("mh-clinician", f"DiagnosticReport?patient={mh.client}")).entries
        assert (specimens, reports) == ([], [])
