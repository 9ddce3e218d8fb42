"""Tests that are done here: from the order to a result that somebody looks at, once; presumptive, failed, corrected, taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.care import tasks
from sojourn.care.orders import catalog, components, findings, ordering, reading
from sojourn.care.orders.components import NUMBER, SIGN, Component
from sojourn.care.orders.findings import Found, Reading, Site
from sojourn.care.orders.ordering import Order, Wish
from sojourn.care.results import acting, entering, review
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.care.labs import follow, reviews
from tests.care.risky import DAY, Ward, ward
from tests.people import MH, SUD, A

TODAY = DAY.date()
SITE = Site("05D1234567", "Downtown")


async def nurse(made: Ward) -> None:
    """A nurse of both programs."""
    id_ = (await made.clinic.make("sys-mh", {"resourceType": "Practitioner", "name": [{"family": "Nurse"}]})).id
    made.refs["nurse"] = f"Practitioner/{id_}"
    row = organization.AccountRow("nurse", "staff", "nurse", "Nurse", None, f"Practitioner/{id_}", "nurse", [SUD, MH], MH, [])
    await organization.account(made.clinic.owner, A, row, made.clock.now())
    made.clinic.tokens["nurse"] = await made.clinic.gate.token(made.clinic.gate.house.tenants[A], "nurse")


async def done_here(made: Ward, key: str = "uds", **more: Any) -> None:
    """A test of the catalog is done here from now on."""
    access = await made.access("boss")
    panel = next(p for p in await catalog.panels(access) if p.key == key)
    await catalog.change(access, panel._replace(here=True, **more))


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        await nurse(made)
        await done_here(made)
        yield made


async def ordered(made: Ward, panel: str = "uds", **more: Any) -> str:
    return await ordering.order(await made.access("therapist"), made.client, Wish(panel, TODAY, why="Return from leave", key="k1", **more))


async def one(made: Ward, id_: str, who: str = "nurse") -> Order:
    return await reading.one(await made.access(who), made.client, id_)


async def read(made: Ward, key: str = "form", panel: str = "uds", *, rest: str = "negative", **said: str) -> Reading:
    panels = await catalog.panels(await made.access("nurse"))
    found = next(p for p in panels if p.key == panel).components
    return Reading(
        key,
        clock.now(),
        clock.now(),
        tuple(Found(c, said.get(c.key, rest)) for c in found),
        "Twelve-panel cup",
        "L42",
        TODAY + timedelta(days=30),
        site=SITE,
    )


async def held(made: Ward, type_: str, who: str = "") -> list[dict[str, Any]]:
    return list((await made.clinic.get(who or made.system, f"{type_}?patient={made.client}")).entries)


async def test_a_screen_is_collected_tested_and_entered_in_one_step_and_waits_for_who_ordered_it(day: Ward) -> None:
    id_ = await ordered(day)
    waiting = await one(day, id_)
    assert (waiting.here, waiting.step, [o.id for o in await reading.mine(await day.access("nurse"))]) == (True, "ordered", [id_])
    report_id = await entering.enter(await day.access("nurse"), waiting, await read(day, cocaine="positive"))
    done = await one(day, id_)
    assert (done.step, done.report, await reading.mine(await day.access("nurse"))) == ("answered", f"DiagnosticReport/{report_id}", [])
    (report,), values, (specimen,) = await held(day, "DiagnosticReport"), await held(day, "Observation"), await held(day, "Specimen")
    assert (report["status"], report["basedOn"][0]["reference"], len(report["result"]), "resultsInterpreter" in report) == (
        "final",
        f"ServiceRequest/{id_}",
        12,
        False,
    )
    assert ([p["reference"] for p in report["performer"]], findings.site(report), findings.kit(values)) == ([day.refs["nurse"]], SITE, findings.Kit("Twelve-panel cup", "L42", "2026-04-03"))
    cocaine = next(v for v in values if v["code"]["text"] == "Cocaine")
    assert cocaine["valueCodeableConcept"]["text"] == "Positive"
    assert [c["code"] for i in cocaine["interpretation"] for c in i["coding"]] == ["POS"]
    assert (cocaine["category"][0]["coding"][0]["code"], cocaine["specimen"]["reference"], cocaine["method"]["text"]) == (
        "laboratory",
        f"Specimen/{specimen['id']}",
        "Twelve-panel cup",
    )
    await follow(day)
    (asked,) = await reviews(day)
    assert (asked.owner, asked.priority, asked.focus) == (day.refs["therapist"], "urgent", f"DiagnosticReport/{report_id}"), (
        "positive is flagged by the rules of results"
    )
    request = (await day.clinic.get(day.system, f"ServiceRequest/{id_}")).json()
    assert request["status"] == "completed"


async def test_a_double_click_enters_once_and_another_form_later_enters_nothing(day: Ward) -> None:
    id_ = await ordered(day)
    waiting, form = await one(day, id_), await read(day)
    first = await entering.enter(await day.access("nurse"), waiting, form)
    assert await entering.enter(await day.access("nurse"), waiting, form) == first, "it came at the same moment"
    assert await entering.enter(await day.access("nurse"), await one(day, id_), form) == first, "it came later"
    with pytest.raises(errors.Conflict):
        await entering.enter(await day.access("nurse"), await one(day, id_), await read(day, "another form"))
    with pytest.raises((errors.Conflict, errors.VersionConflict)):
        await entering.enter(await day.access("therapist"), waiting, await read(day, "a colleague's form"))
    assert (len(await held(day, "DiagnosticReport")), len(await held(day, "Observation"))) == (1, 12)


async def test_what_was_collected_before_keeps_its_time_and_who_may_not_enter_does_not(day: Ward) -> None:
    id_ = await ordered(day)
    await ordering.collect(await day.access("nurse"), await one(day, id_), day.clock.now(), "36 C")
    collected = day.clock.now()
    day.later(minutes=40)
    with pytest.raises(errors.Forbidden):
        await entering.enter(await day.access("boss"), await one(day, id_), await read(day))
    await entering.enter(await day.access("nurse"), await one(day, id_), await read(day))
    (report,) = await held(day, "DiagnosticReport")
    assert (report["effectiveDateTime"][:16], report["issued"][:16]) == (
        collected.strftime("%Y-%m-%dT%H:%M"),
        day.clock.now().strftime("%Y-%m-%dT%H:%M"),
    )
    assert len(await held(day, "Specimen")) == 1


async def test_what_cannot_have_been_so_is_refused_and_a_failed_test_leaves_the_order_waiting(day: Ward) -> None:
    id_ = await ordered(day)
    good = await read(day)
    for bad in (
        replace(good, expiry=TODAY - timedelta(days=1)), replace(good, tested=day.clock.now() + timedelta(hours=1)), replace(good, collected=day.clock.now() + timedelta(minutes=3)),
        replace(good, found=()), replace(good, found=(Found(good.found[0].component, "purple"),)),
    ):  # fmt: skip
        with pytest.raises(errors.Malformed):
            await entering.enter(await day.access("nurse"), await one(day, id_), bad)
    with pytest.raises(errors.Malformed):
        await entering.failed(await day.access("nurse"), await one(day, id_), good)
    empty = replace(good, found=())
    for _ in range(2):
        await entering.failed(await day.access("nurse"), await one(day, id_), empty)
    still = await one(day, id_)
    assert (still.step, [text for _, text in still.notes]) == (
        "ordered",
        ["The control line was not valid (Twelve-panel cup, lot L42, good until 3 Apr 2026): no result, to be tested again."],
    )
    assert (await held(day, "DiagnosticReport"), await held(day, "Observation")) == ([], [])


async def test_a_presumptive_finding_is_preliminary_until_somebody_makes_it_final(day: Ward) -> None:
    id_ = await ordered(day)
    await entering.enter(await day.access("nurse"), await one(day, id_), await read(day, fentanyl="presumptive"))
    waits = await one(day, id_)
    assert (waits.step, waits.owner, waits.waits) == ("tested", day.refs["therapist"], True)
    assert {v["code"]["text"]: v["status"] for v in await held(day, "Observation")}["Fentanyl"] == "preliminary"
    await follow(day)
    assert (await one(day, id_)).step == "tested", "what is preliminary answers nothing"
    assert await reading.mine(await day.access("therapist")) == [], "it is not late yet"
    day.later(days=8)
    assert [o.id for o in await reading.mine(await day.access("therapist"))] == [id_]
    access = await day.access("nurse")
    before = await entering.entered(access, waits := await one(day, id_))
    assert before is not None
    await entering.change(access, waits, before, await read(day, "later", fentanyl="positive"), "")
    (report,) = await held(day, "DiagnosticReport")
    assert (report["status"], {v["status"] for v in await held(day, "Observation")}, (await one(day, id_)).step) == (
        "final",
        {"final"},
        "answered",
    )


async def test_a_correction_keeps_what_was_and_is_asked_about_again(day: Ward) -> None:
    id_ = await ordered(day)
    await entering.enter(await day.access("nurse"), await one(day, id_), await read(day, cocaine="positive"))
    await follow(day)
    (asked,) = await reviews(day)
    await acting.acknowledge(await day.access("therapist"), asked, "called", "Talked it over.")
    access, order = await day.access("nurse"), await one(day, id_)
    before = await entering.entered(access, order)
    assert before is not None
    right = await read(day, "second", benzodiazepines="positive")
    with pytest.raises(errors.Malformed):
        await entering.change(access, order, before, right, " ")
    with pytest.raises(errors.Malformed):
        await entering.change(access, order, before, await read(day, "third", cocaine="positive"), "Nothing, really")
    with pytest.raises(errors.Malformed):
        await entering.change(access, order, before, await read(day, "open", cocaine="presumptive"), "Not sure any more")
    await entering.change(access, order, before, right, "Two cups were mixed up.")
    await follow(day)
    values = {v["code"]["text"]: v for v in await held(day, "Observation")}
    assert {name: v["status"] for name, v in values.items() if v["status"] != "final"} == {
        "Cocaine": "corrected",
        "Benzodiazepines": "corrected",
    }
    assert values["Cocaine"]["note"][0]["text"] == "Two cups were mixed up."
    versions = (await day.clinic.get(day.system, f"Observation/{values['Cocaine']['id']}/_history")).entries
    assert [v["valueCodeableConcept"]["text"] for v in versions] == ["Negative", "Positive"]
    (again,) = await reviews(day)
    assert (again.corrected, again.owner) == (True, day.refs["therapist"])
    assert await told(day, "therapist") == [], "who is asked again is not told twice"
    with pytest.raises(errors.VersionConflict):
        await entering.change(access, order, before, await read(day, "fourth"), "From an old page")


async def told(made: Ward, who: str) -> list[str]:
    access = await made.access(who)
    return [w.text for w in await tasks.mine(access) if w.kind == review.CHANGED]


async def test_whoever_looked_at_what_is_corrected_is_told_where_somebody_else_is_asked(day: Ward) -> None:
    id_ = await ordered(day)
    await entering.enter(await day.access("nurse"), await one(day, id_), await read(day, cocaine="positive"))
    await follow(day)
    (asked,) = await reviews(day)
    await acting.acknowledge(await day.access("boss"), asked, "called", "Talked it over while the therapist was away.")
    access, order = await day.access("nurse"), await one(day, id_)
    before = await entering.entered(access, order)
    assert before is not None
    await entering.change(access, order, before, await read(day, "second"), "Two cups were mixed up.")
    for _ in range(2):
        await follow(day)
    assert (await told(day, "boss"), await told(day, "therapist")) == (["A result that you looked at was corrected"], [])


async def test_a_result_of_another_client_is_taken_back_and_the_order_waits_again(day: Ward) -> None:
    id_ = await ordered(day)
    await entering.enter(await day.access("nurse"), await one(day, id_), await read(day, cocaine="positive"))
    await follow(day)
    access, order = await day.access("nurse"), await one(day, id_)
    before = await entering.entered(access, order)
    assert before is not None
    await entering.withdraw(access, order, before, "It was another client's cup.")
    await follow(day)
    assert ({v["status"] for v in await held(day, "Observation")}, (await one(day, id_)).step) == ({"entered-in-error"}, "collected")
    assert await entering.entered(access, await one(day, id_)) is None
    assert (await day.clinic.get(day.system, f"ServiceRequest/{id_}")).json()["status"] == "active"
    await entering.enter(await day.access("nurse"), await one(day, id_), await read(day, "new"))
    assert sorted(r["status"] for r in await held(day, "DiagnosticReport")) == ["entered-in-error", "final"]


def test_a_number_is_compared_with_its_usual_range() -> None:
    glucose = Component("g", "Glucose", NUMBER, unit="mg/dL", low="70", high="99")
    flags = {
        said: [c["code"] for i in findings.value(Found(glucose, said)).get("interpretation", ()) for c in i["coding"]]
        for said in ("70", "69.9", "100", "<70", "<=70", "≤ 80", ">99", ">=99", ">400")
    }
    assert flags == {
        "70": ["N"],
        "69.9": ["L"],
        "100": ["H"],
        "<70": ["L"],
        "<=70": [],
        "≤ 80": [],
        ">99": ["H"],
        ">=99": [],
        ">400": ["H"],
    }
    made = findings.value(Found(glucose, ">400"))
    assert made["valueQuantity"] == {
        "value": 400,
        "comparator": ">",
        "unit": "mg/dL",
        "system": "http://unitsofmeasure.org",
        "code": "mg/dL",
    }
    assert "interpretation" not in findings.value(Found(glucose._replace(low="", high=""), "5"))
    for wrong in ("", "abc", "1,5", "1e5", "--1"):
        with pytest.raises(errors.Malformed):
            findings.value(Found(glucose, wrong))


def test_what_was_entered_can_be_read_back_as_it_was_typed() -> None:
    about = findings.About({"id": "x", "subject": {"reference": "Patient/p"}, "code": {"text": "T"}}, "Practitioner/n", "")
    test = Reading("k", DAY, DAY, ())
    for one_, said in (
        (Component("g", "Glucose", NUMBER, unit="mg/dL", low="70", high="99"), "<70"),
        (Component("c", "Cocaine", SIGN), "presumptive"),
        (Component("n", "Colour", "words"), "Amber"),
    ):
        made = findings.observation(about, test, Found(one_, said), "o", "final")
        assert (findings.component(made), findings.said(made)) == (one_, said)
    assert findings.component({"code": {"text": "From a laboratory"}}) is None


async def test_the_catalog_says_what_is_done_here_and_what_its_result_says(day: Ward) -> None:
    boss = await day.access("boss")
    listed = {p.key: p for p in await catalog.panels(boss)}
    assert (listed["uds"].here, listed["cbc"].here, [c.title for c in listed["glucose"].components]) == (True, False, ["Glucose"])
    with pytest.raises(errors.Malformed):
        await catalog.change(boss, listed["lithium"]._replace(here=True))
    ranged = components.made("Glucose", NUMBER, unit="mg/dL", low="70", high="99", key="glucose")
    await catalog.change(boss, listed["glucose"]._replace(here=True, kit="Meter 3", components=(ranged,)))
    again = {p.key: p for p in await catalog.panels(await day.access("nurse"))}["glucose"]
    assert (again.here, again.kit, again.components) == (True, "Meter 3", (ranged,))
    await catalog.change(boss, again._replace(here=False))
    assert not {p.key: p for p in await catalog.panels(boss)}["glucose"].here
    for bad in (
        ("", SIGN, {}),
        ("X", "guess", {}),
        ("X", SIGN, {"unit": "mg"}),
        ("X", NUMBER, {"low": "9", "high": "1"}),
        ("X", NUMBER, {"low": "nan"}),
        ("X", SIGN, {"code": "718-7"}),
        ("X", SIGN, {"code": "718-8", "source": "List"}),
    ):
        with pytest.raises(errors.Malformed):
            components.made(bad[0], bad[1], **bad[2])


async def test_what_a_supervisor_of_a_part_2_program_says_of_a_test_is_said_to_everybody(database: Dsn) -> None:
    async with ward(database, at=DAY, program=SUD) as made:
        await done_here(made, "glucose", kit="Meter 3")
        listed = {p.key: p for p in await catalog.panels(await made.access("mh-clinician"))}
        assert (listed["glucose"].here, listed["glucose"].kit) == (True, "Meter 3")


def test_every_shipped_component_has_a_source_for_its_number() -> None:
    found = [c for p in catalog.shipped(date(2026, 6, 1)) for c in p.components]
    assert len(found) > 20
    assert all(components.fits(c.code) and c.source for c in found if c.code)
    assert not any(c.low or c.high for c in found), "usual ranges are those of the maker of a kit"


def test_a_site_has_a_number_and_a_name() -> None:
    assert findings.sites(["05D1234567 Downtown clinic", " ", "11D7654321"]) == [
        Site("05D1234567", "Downtown clinic"),
        Site("11D7654321", "11D7654321"),
    ]
