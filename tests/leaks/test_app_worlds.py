"""Apps in two worlds: what is hidden from a person or an organization changes nothing that their apps get, and no page on the way to them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.record.database import Dsn
from tests.doors.smart.office import Key, Office, office, pkce
from tests.doors.smart.people import Person, be, through, wish
from tests.people import START, consent, encounter, labelled, observation, patient
from tests.web.real import ADMIN, Visitor

CHANGING = re.compile(r'(name="(?:csrf|request)" value="|nonce="|"X-CSRF-Token": ")[^"]+|request=[\w%-]+')
QUESTIONS = (
    "Patient", "Patient?_summary=count", "Patient?name=rivera", "Observation", "Observation?_total=accurate", "Observation?_sort=-date&_count=1", "Observation?_sort=-_lastUpdated", "Encounter",
    "Condition", "Patient/{p}", "Patient/{p}/$everything", "Patient/{p}/_history", "Observation?patient={p}&_include=*", "Patient?_id={p}&_revinclude=Observation:patient",
    "Patient?_has:Observation:patient:value-quantity=55", "Observation?encounter.status=finished", "Patient/nobody", "_history?_count=5", "Observation/nobody",
)  # fmt: skip


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
    related = (await clinic.make("sys-mh", {"resourceType": "RelatedPerson", "patient": {"reference": f"Patient/{p}"}, "relationship": [guardian], "active": True})).id
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
            found.append((path, page.status_code, CHANGING.sub("", page.text)))
        await dana.go(wish(staff_app, pkce()[1]))
        await dana.send("/oauth/patient", q="riv")
        found.append(("picker", CHANGING.sub("", dana.last.text)))
        for nobody in ("nobody", hidden):
            await dana.send("/oauth/patient", patient=nobody)
            found.append(("picked", CHANGING.sub("", dana.last.text)))
        admin = Visitor(clinic)
        await admin.sign_in(ADMIN)
        found.append(("register", CHANGING.sub("", (await admin.get("/apps/new")).text)))
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
