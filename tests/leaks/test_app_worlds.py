"""Apps in two worlds: what is hidden from a person or an organization changes nothing that their apps get, and no page on the way to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.exchange import appbench, partners, trying
from sojourn.gate.exchange.partners import Partner
from sojourn.record import organization
from sojourn.record.database import Dsn
from tests.doors.smart.office import Key, Office, office, pkce
from tests.doors.smart.people import Person, be, through, wish
from tests.leaks.drawn import Drawn, without
from tests.people import MH, START, SUD, A, consent, encounter, labelled, observation, patient
from tests.web.real import ADMIN, HASH, Visitor

CHANGING = Drawn("csrf")
QUESTIONS = (
    "Patient", "Patient?_summary=count", "Patient?name=rivera", "Observation", "Observation?_total=accurate", "Observation?_sort=-date&_count=1", "Observation?_sort=-_lastUpdated", "Encounter",
    "Condition", "Patient/{p}", "Patient/{p}/$everything", "Patient/{p}/_history", "Observation?patient={p}&_include=*", "Patient?_id={p}&_revinclude=Observation:patient",
    "Patient?_has:Observation:patient:value-quantity=55", "Observation?encounter.status=finished", "Patient/nobody", "_history?_count=5", "Observation/nobody",
)  # fmt: skip

BENCH = (
    "DocumentReference?patient={p}&status=current", "List?patient={p}&code=submissionset&status=current", "Patient/$ihe-pix?sourceIdentifier=|MH-1", "Linkage?item=Patient/{p}", "Binary/{p}", "Group/{p}/$export",
    "Consent?patient={p}", "Patient/{p}/$export", "Patient/{p}/Observation", "Observation/_history?_count=5",
)  # fmt: skip
"""What a service on the test bench asks besides."""


@pytest.fixture
async def here(database: Dsn) -> AsyncIterator[Office]:
    """On a clock that stands still."""
    with clock.using(FakeClock(START)):
        async with office(database) as made:
            yield made


async def test_apps_of_a_clinician_a_guardian_and_an_outside_organization(here: Office) -> None:
    clinic, key = here.clinic, Key("one")
    p = (await clinic.make("sys-mh", patient())).id
    for who in ("sys-mh", "sys-sud"):
        await clinic.make(who, encounter(p))
    await clinic.make("sys-mh", observation(p))
    await clinic.make("sys-sud", consent(p, "lakeside", provision={"period": {"start": "2026-01-01", "end": "2026-02-01"}}))
    guardian = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}]}
    related = (await clinic.make("sys-mh", {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{p}"}, "relationship": [guardian], "active": True, "period": {"start": "2020-01-01"}})).id
    await be(here, "parent", f"RelatedPerson/{related}")
    staff_app, _ = await here.person_app(uses=("staff",), launch="https://app.example/launch")
    own_app, _ = await here.person_app(uses=("patient",), whose="chosen")
    outside = await here.service(key, whose="outside", organization="Organization/lakeside")
    dana, parent = Person(here, "mh-clinician", "staff"), Person(here, "parent")
    tokens = [
        (await through(dana, staff_app, scope="openid user/*.rs"))["access_token"],
        (await _picked(parent, p, own_app.id, here))["access_token"],
        (await here.for_service(outside, key)).json()["access_token"],
    ]

    async def look() -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for token in tokens:
            for question in QUESTIONS:
                answer = await here.fhir(token, question.replace("{p}", p))
                found.append((question, answer.status_code, {k: v for k, v in answer.headers.items() if k not in ("x-request-id", "date")}, answer.content))
        visitor = Visitor(clinic)
        await visitor.sign_in("mh-clinician")
        for path in (f"/patients/{p}/apps", "/apps", "/apps/mine"):
            page = await visitor.get(path)
            found.append((path, page.status_code, without("what an app asks for", CHANGING.out(page.text))))
        await dana.go(wish(staff_app, pkce()[1]))
        await dana.send("/oauth/patient", q="riv")
        found.append(("picker", without("what an app asks for", CHANGING.out(dana.last.text))))
        for nobody in ("nobody", hidden):
            await dana.send("/oauth/patient", patient=nobody)
            found.append(("picked", without("what an app asks for", CHANGING.out(dana.last.text))))
        admin = Visitor(clinic)
        await admin.sign_in(ADMIN)
        found.append(("register", without("what an app asks for", CHANGING.out((await admin.get("/apps/new")).text))))
        return found

    hidden = "not-there-yet"
    before = await look()
    hidden = (await clinic.make("sys-sud", patient("Rivers"))).id
    await clinic.make("sys-sud", encounter(hidden))
    secret = (await clinic.make("sys-sud", encounter(p))).id
    for value in (55, 56):
        await clinic.make("sys-sud", observation(p, value, encounter={"reference": f"Encounter/{secret}"}))
        await clinic.make("sys-sud", observation(hidden, value))
    await clinic.make("sys-sud", consent(p, "elsewhere"))
    await clinic.make("sys-sud", {**observation(p), "note": [labelled({"text": "craving"}, "SUD")]})
    after = await look()
    for one, other in zip(before, after, strict=True):
        assert one == other


async def _picked(person: Person, patient_: str, client: str, here: Office) -> dict[str, str]:
    verifier, challenge = pkce()
    apps = await here.clinic.gate.house.apps.apps(here.clinic.gate.house.tenants[1])
    await person.go(wish(apps[client], challenge))
    await person.sign_in()
    await person.send("/oauth/patient", patient=patient_)
    await person.decide()
    given = await here.token(grant_type="authorization_code", code=person.answer["code"], redirect_uri=apps[client].redirects[0], code_verifier=verifier, client_id=client)
    found: dict[str, str] = given.json()
    return found


async def test_the_time_of_a_token_is_what_it_says(here: Office) -> None:
    """An app learns nothing more once its token is over, whether or not something is there."""
    p = (await here.clinic.make("sys-mh", patient())).id
    app, _ = await here.person_app(uses=("staff",))
    given = await through(Person(here, "mh-clinician", "staff"), app, scope="user/*.rs")
    assert (await here.fhir(given["access_token"], f"Patient/{p}")).status_code == 200
    now = clock._clock
    assert isinstance(now, FakeClock)
    now.advance(timedelta(seconds=3601))
    answers = [await here.fhir(given["access_token"], path) for path in (f"Patient/{p}", "Patient/nobody", "Nothing/x")]
    assert {a.status_code for a in answers} == {401}
    assert len({a.content for a in answers}) == 1


async def test_who_is_tested_learns_nothing_of_anybody_real(here: Office) -> None:
    """By the token of a service that was not passed yet, and on the pages of its partner: all of our record is what is hidden."""
    clinic, key = here.clinic, Key("one")
    row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH], MH, [])
    await organization.account(clinic.owner, A, row, clock.now())
    p = (await clinic.make("sys-mh", patient())).id
    tenant = clinic.gate.house.tenants[A]
    services = [await here.service(key, whose="outside", organization="Organization/lakeside", live=False), await here.service(key, programs=(SUD, MH), scopes="system/*.cruds")]
    bearers = []
    for n, app in enumerate(services):
        partner = Partner(f"partner-{n}", "Lakeside", door="fhir", client=app.id, organization=app.organization)
        await clinic.gate.house.db.call("SELECT gate.exchange_put_partner($1, $2, $3, 'active', NULL, 'test', '', $4)", A, partner.id, partners.facts(partner), clock.now())
        await appbench.opened(clinic.gate, tenant, partner)
        access = await here.acting("ivy")
        await trying.begin(access, await partners.one(access, partner.id), await appbench.planned(access, partner))
        bearers.append((await here.for_service(app, key, app.scopes)).json()["access_token"])

    asked = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": {**patient(), "identifier": [{"value": "MH-1"}]}}]}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": url.replace("{p}", p)}} for url in ("Patient", "Patient/{p}", "Observation?patient={p}", "Patient/{p}/_history")]}

    async def look() -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for bearer in bearers:
            for question in (*QUESTIONS, *BENCH, "Patient/zztest-0001/$everything", "$export?_type=Patient"):
                answer = await here.fhir(bearer, question.replace("{p}", p))
                found.append((question, answer.status_code, answer.content))
        async with here.http as http:  # what they write stays among the made-up people
            for bearer in bearers:
                for path, body in (("Patient/$match", asked), ("", batch)):
                    answer = await http.post(f"/fhir/{path}", json=body, headers={"authorization": f"Bearer {bearer}"})
                    found.append((path, answer.status_code, answer.content.replace(answer.headers["x-request-id"].encode(), b"")))
            for id_ in (p, "nobody"):
                made = await http.put(f"/fhir/Patient/{id_}", json={**patient("Nobody"), "id": id_}, headers={"authorization": f"Bearer {bearers[1]}"})
                found.append((made.status_code,))
        ivy = Visitor(clinic)
        await ivy.sign_in("ivy")
        for path in ("/exchange", "/exchange/partners/partner-0", "/exchange/partners/partner-0/bench", "/exchange/partners/partner-1/bench"):
            found.append((path, without("what an app asks for", CHANGING.out((await ivy.get(path)).text))))
        return found

    before = await look()
    for who in ("sys-mh", "sys-sud"):
        await clinic.make(who, encounter(p))
        await clinic.make(who, observation(p, 55))
    await clinic.make("sys-sud", consent(p, "lakeside"))
    await clinic.make("sys-sud", patient("Rivers"))
    after = await look()
    for one, other in zip(before, after, strict=True):
        assert one == other
    assert any(b"Zztest" in one[2] for one in before if len(one) == 3 and isinstance(one[2], bytes)), "it is no test of nothing"
    assert not any(b"Rivera" in one[2] for one in before if len(one) == 3 and isinstance(one[2], bytes))
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.resource WHERE tenant = 1 AND body::text LIKE '%Nobody%'") == 0
