"""Merging in two worlds: whoever may see one of two records sees what they saw before it was merged, while it is, and after it was taken apart.

The clock stands still. Nothing is taken out before comparing but the the token of the session and the ids of the requests.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bench.walking import counted
from sojourn.base import clock
from sojourn.care.admissions import merging
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests import people
from tests.care.test_admissions import at, clinic  # noqa: F401 - a fixture
from tests.care.test_merging import twice
from tests.exports import make_exports
from tests.leaks.drawn import Drawn
from tests.people import Clinic, consent, encounter, patient
from tests.web.real import HASH, Visitor, furnish

SESSION = Drawn("csrf", "tab", "key")
ROOMS = ("", "/problems", "/medications", "/allergies", "/encounters", "/care-team", "/coverage", "/all", "/records", "/appointments", "/consents", "/forms", "/moves", "/papers")
FHIR = ("Patient?family=Rivera", "Patient?birthdate=1988-03-04&_total=accurate", "Linkage", "Linkage?_summary=count", "Condition?_total=accurate", "Patient?_has:Linkage:item:active=true", "Patient?_revinclude=Linkage:item")
ONE = ("Patient/{id}", "Patient/{id}/_history", "Condition?patient={id}", "Linkage?item=Patient/{id}", "Patient?_id={id}", "Patient/{id}/$everything")


@pytest.fixture
async def mia(clinic: Clinic, database: Dsn) -> Visitor:  # noqa: F811 - the fixture
    """Admissions staff who work in the mental health program alone, at a browser: what the Part 2 program wrote is hidden from them."""
    await furnish(clinic)
    await clinic.owner.execute("UPDATE record.account SET password = $1 WHERE tenant = 1 AND account = 'mia'", HASH)
    visitor = Visitor(clinic)
    await visitor.sign_in("mia")
    return visitor


async def look(clinic: Clinic, visitor: Visitor, who: str, mine: str, other: str) -> list[Any]:  # noqa: F811 - the fixture
    """Everything that tells of a person, by browser and by API; and how many statements a chart and a Patient take."""
    found: list[Any] = []
    paths = ["/patients", "/today", "/admissions", "/admissions/double", *(f"/patients/{mine}{room}" for room in ROOMS), f"/patients/{other}", f"/patients/{other}/records", f"/patients/{mine}/records?with={other}"]
    for path in paths:
        answer = await visitor.get(path)
        found.append((path, answer.status_code, answer.headers.get("location"), SESSION.out(answer.text)))
    for path, form in (("/patients", {"q": "rivera"}), ("/patients", {"q": "MH-1001"}), ("/patients", {"q": "SUD-2002"}), ("/palette", {"q": "rivera"}), (f"/patients/{mine}/records", {"do": "find", "q": "rivera"}),
                       (f"/patients/{mine}/records", {"do": "merge", "keep": mine, "other": other, "why": "The same."})):  # fmt: skip
        answer = await visitor.post(path, form)
        found.append((path, form, answer.status_code, answer.headers.get("location"), SESSION.out(answer.text)))
    for url in (*FHIR, *(u.format(id=id_) for u in ONE for id_ in (mine, other))):
        reply = await clinic.get(who, url)
        found.append((url, reply.status, reply.header("etag"), reply.header("last-modified"), reply.body))
    for what, ask in (("chart", lambda: visitor.get(f"/patients/{mine}")), ("list", lambda: visitor.get("/patients")), ("Patient", lambda: clinic.get(who, f"Patient/{mine}"))):
        found.append((what, min([await statements(ask) for _ in range(4)])))
    return found


async def statements(ask: Callable[[], Awaitable[Any]]) -> int:
    """How many an answer takes; a line of the trail may come late and be counted with the next one, so that the least of some tries counts."""
    with counted() as asked:
        await ask()
    return len(asked)


@pytest.mark.parametrize("forward", [True, False])
async def test_who_sees_one_of_two_records_sees_what_they_saw(clinic: Clinic, mia: Visitor, forward: bool) -> None:  # noqa: F811 - the fixture
    ours, theirs = await twice(clinic)
    await look(clinic, mia, "mia", ours, theirs)  # what a process asks once is known
    before = await look(clinic, mia, "mia", ours, theirs)
    linkage = await merging.merge(await at(clinic), *((ours, theirs) if forward else (theirs, ours)), "Same card.")
    assert (await merging.of(await at(clinic), ours)).merged
    assert differing(await look(clinic, mia, "mia", ours, theirs), before) == []
    await merging.unmerge(await at(clinic), linkage, "Two people.")
    assert differing(await look(clinic, mia, "mia", ours, theirs), before) == []


def differing(now: list[Any], before: list[Any]) -> list[Any]:
    """Where an answer is not what it was: what was asked, and each part of the answer before and after."""
    return [(a[0], x, y) for a, b in zip(now, before, strict=True) for x, y in zip(a[1:], b[1:], strict=True) if x != y]


async def test_a_merge_that_is_hidden_answers_as_one_that_is_not_there(clinic: Clinic, mia: Visitor) -> None:  # noqa: F811 - the fixture
    ours, theirs = await twice(clinic)
    linkage = await merging.merge(await at(clinic), ours, theirs, "Same card.")
    answers = []
    for named in (linkage, "A" * len(linkage)):
        await mia.get(f"/patients/{ours}/records")
        answer = await mia.post(f"/patients/{ours}/records", {"do": "unmerge", "linkage": named, "why": "No."})
        answers.append((answer.status_code, SESSION.out(answer.text).replace(named, "")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert (await merging.of(await at(clinic), ours)).merged


async def test_a_record_that_is_merely_out_of_reach_hides_the_merge_as_well(clinic: Clinic, mia: Visitor) -> None:  # noqa: F811 - the fixture
    """Nothing here is under Part 2: of two records one is a patient of another program, whom a clinician does not reach."""
    mine, away = (await clinic.make("sys-mh", patient("Reach"))).id, (await clinic.make("sys-far", patient("Reach"))).id
    await clinic.make("sys-mh", encounter(mine))
    await clinic.make("sys-far", encounter(away))
    sides = {"mh-clinician": (Visitor(clinic), mine, away), "far-clinician": (Visitor(clinic), away, mine)}
    for who, (visitor, one, _) in sides.items():
        await visitor.sign_in(who)
        assert (await clinic.get(who, "Patient?family=Reach")).ids == [one]

    async def seen() -> list[Any]:
        return [found for who, (visitor, one, other) in sides.items() for found in await look(clinic, visitor, who, one, other)]

    await seen()
    before = await seen()
    linkage = await merging.merge(await at(clinic), mine, away, "Same card.")
    assert (await merging.of(await at(clinic), mine)).merged
    assert differing(await seen(), before) == []
    for who in sides:
        assert (await clinic.get(who, f"Linkage/{linkage}")).status == 404
        assert (await clinic.get(who, f"Linkage/{linkage}/_history")).status == 404


SYSTEM = ("_history?_count=50", "Linkage/_history", "Patient/_history", "Linkage?_lastUpdated=gt2020-01-01", "Patient?_summary=count", "Patient?_elements=link", "Patient?_sort=-_lastUpdated", "List?_revinclude=*", "Patient?link:missing=true")


async def test_services_partners_and_clients_of_one_record(clinic: Clinic) -> None:  # noqa: F811 - the fixture
    """Who comes by the API: a service of one program, whom one record has a consent for, and the client of one record; also in bulk, in a batch and by asking who somebody is."""
    ours, theirs = await twice(clinic)
    await clinic.make("sys-mh", encounter(ours))
    await clinic.make("sys-mh", consent(ours, "tpo"))
    await organization.account(clinic.owner, 1, organization.AccountRow("ana", "patient", "ana", "Ana", HASH, f"Patient/{ours}", "patient", [], None, []), clock.now())
    person = {"resourceType": "Patient", "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04"}
    asked = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": person}]}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": url}} for url in (f"Patient/{ours}", f"Patient/{theirs}", "Linkage", "Patient")]}

    async def seen() -> list[Any]:
        found: list[Any] = []
        for who in ("mh-service", "tpo", "ana", "mh-clinician", "biller", "technician", "mh-officer"):
            for url in (*FHIR, *SYSTEM, *(u.format(id=id_) for u in ONE for id_ in (ours, theirs))):
                reply = await clinic.get(who, url)
                found.append((f"{who} {url}", reply.status, reply.header("etag"), reply.body.replace(reply.header("x-request-id").encode(), b"")))
            for method, url, body in (("POST", "Patient/$match", asked), ("POST", "", batch), ("GET", "Patient/$ihe-pix?sourceIdentifier=|MH-1001", None)):
                reply = await clinic.ask(who, method, url, body)
                found.append((f"{who} {url}", reply.status, reply.body.replace(reply.header("x-request-id").encode(), b"")))
        for who, kinds in (("mh-service", "Patient,Linkage,Condition"), ("tpo", "Patient,Condition")):
            begun = await clinic.ask(who, "GET", f"$export?_type={kinds}", None, (("prefer", "respond-async"),))
            place = begun.header("content-location").removeprefix(people.BASE + "/")
            await make_exports(clinic)
            assert begun.status == 202, begun.body
            for file in (await clinic.get(who, place)).json()["output"]:
                found.append((f"{who} export", file["type"], (await clinic.get(who, file["url"].removeprefix(people.BASE + "/"))).body))
        return found

    await seen()
    before = await seen()
    for keep, other in ((ours, theirs), (theirs, ours)):
        linkage = await merging.merge(await at(clinic), keep, other, "Same card.")
        assert (await clinic.get("both-clinician", f"Patient/{ours}")).json()["link"]
        assert differing(await seen(), before) == []
        await merging.unmerge(await at(clinic), linkage, "Two people.")
        assert differing(await seen(), before) == []
