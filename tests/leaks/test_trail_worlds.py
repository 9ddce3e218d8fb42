"""The pages about the trail tell an officer who works outside the Part 2 program the same in both worlds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sojourn.gate import emergency
from sojourn.gate.emergency import Sought
from sojourn.gate.trail.lines import Wish, page
from sojourn.record import disclosures
from sojourn.record.database import Dsn
from tests.leaks.story import Story, Teller
from tests.leaks.two import VIEWERS, World, looked_around, observable, stored, world
from tests.people import close_clinic
from tests.web.test_gate import screen

WHO = "mh-officer"


def forms(story: Story, a: World, names: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """What is asked of the pages: everything, by patient, by person, by act; also whom only world A has."""
    yield "/desk/trail", {}
    for person in ("both-clinician", "sud-clinician", "sys-sud", "mh-clinician", "nobody"):
        yield "/desk/trail", {"person": person}
    for did in ("looked at", "added to", "changed"):
        yield "/desk/trail", {"did": did}
    for outcome in ("done", "denied", "absent"):
        yield "/desk/trail", {"outcome": outcome}
    for name in names:
        yield "/desk/trail", {"patient": name}
        yield "/desk/reports", {"patient": name}
    for format_ in ("csv", "ndjson"):
        yield "/desk/trail/export", {"format": format_}
    for key, id_ in a.told.ids.items():
        if story.things[key].fact.type == "Patient":
            yield "/desk/trail/export", {"format": "csv", "patient_id": id_, "patient": "x", "patient_said": "x"}
            for rest in ("", "?all", "/hipaa", "/part2", "/intermediary"):
                yield f"/desk/reports/{id_}{rest}", {}


async def happened(at: World, a: World, story: Story) -> None:
    """What the desk lists: things that an outside organization read and searched, and emergencies about everybody in world A, all attested."""
    people = {r["id"]: r for r in await stored(a) if r["resourceType"] == "Patient"}  # not asked for: that would stand in the trail of A alone
    with at.current():
        for key in a.told.ids:
            at.source.step(f"tpo reads {key}")
            at.clock.advance(timedelta(seconds=1))
            type_, id_ = story.things[key].fact.type, at.told.ids.get(key)
            if id_ is not None:
                await at.clinic.get("tpo", f"{type_}/{id_}")
                if type_ == "Patient":
                    await at.clinic.get("tpo", f"Condition?patient={id_}")
        for key, person in people.items():
            at.source.step(f"emergency about {key}")
            at.clock.advance(timedelta(seconds=1))
            name = (person.get("name") or [{}])[0]
            sought = Sought(name.get("family", "Nobody"), (name.get("given") or ["Ana"])[0], person.get("birthDate", "1988-03-04"))
            access = await at.clinic.gate.access(at.clinic.tokens["mh-clinician"])
            assert access is not None
            await emergency.declare(access, sought, reason="medical-emergency", because="Found unresponsive.", attested=True)


def questions(story: Story, a: World) -> Iterator[str]:
    """What is asked by the API: events by every parameter, and the reports about everybody, also whom only world A has."""
    yield "AuditEvent?_count=500"
    for rest in ("outcome=0", "outcome=4", "action=R", "action=E", "action=C", "subtype=read", "subtype=transaction", "subtype=disclose", "subtype=110127", "agent=Organization/tpo",
                 "agent=Practitioner/mh-clinician", "altid=mh-clinician", "date=ge2026-03-01"):  # fmt: skip
        yield f"AuditEvent?{rest}&_count=500"
    for key, id_ in a.told.ids.items():
        type_ = story.things[key].fact.type
        yield f"AuditEvent?entity={type_}/{id_}&_count=200"
        if type_ == "Patient":
            yield f"AuditEvent?patient={id_}&_count=200"
            yield f"Patient/{id_}/$access-report"
            for rule in ("hipaa", "part2", "intermediary"):
                yield f"Patient/{id_}/$accounting?rule={rule}"


async def api(at: World, story: Story, a: World) -> list[tuple[str, Any]]:
    """Everything that the API answers, and what the gate finds by type, for which no door has a filter yet."""
    out: list[tuple[str, Any]] = []
    with at.current():
        for n, question in enumerate(questions(story, a)):
            at.source.step(f"question {n}")
            at.clock.advance(timedelta(seconds=1))
            out.append((question, observable(await at.clinic.get(WHO, question))))
        access = await at.clinic.gate.access(at.clinic.tokens[WHO])
        assert access is not None
        out.append(("emergencies without a review", tuple(await disclosures.emergencies_left(at.clinic.gate.house.db, access.head, access.now))))
        for type_ in ("Task", "Communication", "Condition", "Patient", "Bundle", "Observation"):
            at.source.step(f"of {type_}")
            access = await at.clinic.gate.access(at.clinic.tokens[WHO])
            assert access is not None
            found = (await page(access, Wish(type=type_), count=500)).lines
            out.append((f"lines of {type_}", [(line.recorded, line.request, line.account, line.action, line.type, line.outcome, line.patients, line.entities) for line in found]))
    return out


async def listed(a: World) -> list[str]:
    """Pages of the desk, and each disclosure and emergency that there is in world A."""
    left = [r["disclosure"] for r in await a.clinic.owner.fetch("SELECT disclosure FROM record.disclosure ORDER BY made")]
    declared = [r["emergency"] for r in await a.clinic.owner.fetch("SELECT emergency FROM record.emergency ORDER BY declared")]
    assert left, "something left"
    assert await a.clinic.owner.fetchval("SELECT count(*) FROM record.emergency WHERE patient IS NOT NULL AND programs <> '{}'") > 0, "something was opened"
    one = [path for id_ in left[:40] for path in (f"/desk/disclosures/{id_}", f"/releases/{id_}", f"/releases/{id_}/bundle")]
    return ["/desk", "/desk/disclosures", "/desk/unusual", "/desk/emergencies", *one, *(f"/desk/emergencies/{id_}" for id_ in declared)]


Whole = tuple[int, tuple[tuple[str, str], ...], str]


def whole(answer: httpx.Response) -> Whole:
    """An answer as it came, every header and every byte: what a page draws by lot is drawn alike in both worlds, and a cursor tells its length and no more (two.IdealKey)."""
    return answer.status_code, tuple(sorted((k, v) for k, v in answer.headers.items() if k != "date")), answer.text


def differ(left: object, right: object) -> str:
    """The first lines in which two answers differ, for a person."""
    one, two = (re.split(r"\n|(?<=>)(?=<)|(?<=\},)", str(answer).replace("\\n", "\n")) for answer in (left, right))
    return "\n".join([line[:200] for line in difflib.unified_diff(one, two, "A", "B", n=2, lineterm="")][:40])


async def desk(at: World, story: Story, a: World, pages: list[str]) -> list[tuple[str, Whole]]:
    """What the desk lists of disclosures and emergencies."""
    out = []
    with at.current():
        at.source.step("sign in again")
        browser = await screen(at.clinic, WHO)
        token = re.findall(r'name="csrf" value="([^"]+)"', (await browser.get("/desk/trail")).text)[0]
        for n, path in enumerate(pages):
            at.source.step(f"listed {n}")
            at.clock.advance(timedelta(seconds=1))
            out.append((path, whole(await browser.get(path))))
        for key, id_ in a.told.ids.items():
            if story.things[key].fact.type == "Patient":
                at.source.step(f"left of {key}")
                out.append((f"disclosures about {key}", whole(await browser.post("/desk/disclosures", data={"csrf": token, "patient_id": id_}))))
        for wish in ({"way": "fhir"}, {"purpose": "TREAT"}, {"to": "Harbor Clinic"}, {"since": "2026-01-01"}, {}):
            for path in ("/desk/disclosures", "/desk/disclosures/export"):
                at.source.step(f"{path} {wish}")
                out.append((f"{path} {wish}", whole(await browser.post(path, data={"csrf": token, **wish}))))
    return out


async def told(at: World, story: Story, a: World, names: list[str]) -> list[tuple[str, Whole]]:
    """Everything that the pages answer."""
    out = []
    with at.current():
        at.source.step("sign in")
        browser = await screen(at.clinic, WHO)
        at.source.step("token")
        token = re.findall(r'name="csrf" value="([^"]+)"', (await browser.get("/desk/trail")).text)[0]
        for n, (path, form) in enumerate(forms(story, a, names)):
            at.source.step(f"page {n}")
            at.clock.advance(timedelta(seconds=1))
            get = path.startswith("/desk/reports/")
            answer = await browser.get(path) if get else await browser.post(path, data={"csrf": token, "since": "2026-03-01", "until": "2026-03-02", **form})
            out.append((f"{path} {form}", whole(answer)))
    return out


@pytest.mark.parametrize("seed", ["fixed", "t1", "t2"])
async def test_the_pages_say_the_same_whether_or_not_there_is_something_hidden(databases: Callable[[], Dsn], seed: str) -> None:
    story = Teller(seed, 40, apart=True).tell()
    a = await world("A", databases(), story, None)
    b = await world("B", databases(), story, VIEWERS[WHO])
    try:
        for each in (a, b):
            await looked_around(each, a, story)
            await happened(each, a, story)
        rows = await a.clinic.owner.fetch("SELECT DISTINCT folded FROM record.string WHERE tenant = 1 AND folded ~ '^[a-z]{3,}$' ORDER BY 1 LIMIT 12")
        names = [r["folded"] for r in rows]
        one, two = await told(a, story, a, names), await told(b, story, a, names)
        for (what, left), (_, right) in zip(one, two, strict=True):
            assert left == right, f"{what}\n{differ(left, right)}"
        for (what, left), (_, right) in zip(await api(a, story, a), await api(b, story, a), strict=True):
            assert left == right, f"{what}\n{differ(left, right)}"
        pages = await listed(a)
        for (what, left), (_, right) in zip(await desk(a, story, a, pages), await desk(b, story, a, pages), strict=True):
            assert left == right, f"{what}\n{differ(left, right)}"
        assert sum(status == 200 and "both-clinician" in text for _, (status, _, text) in one) > 5, "what is permitted did not arrive"
    finally:
        await close_clinic(a.clinic)
        await close_clinic(b.clinic)
