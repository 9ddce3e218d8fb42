"""CDS services of partners, asked beside a chart and an order: what leaves, what is shown, what is told, and one that does not answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest

from sojourn.base import clock
from sojourn.gate.apps import keys
from sojourn.record import exchangebench, organization
from sojourn.record.database import Dsn
from sojourn.web.outbound import Outbound
from sojourn.wire import cdshooks
from tests.care.reported import house, visitor
from tests.people import BASE, MH, SUD, A, Clinic, consent, encounter, observation, patient
from tests.web.cdsservice import CARD, Advice
from tests.web.real import HASH, Visitor

AGREED = {"data": "Advice", "purpose": "TREAT", "gives": "consent", "answers": "", "kind": "", "where": "", "begins": "", "ends": "", "tested": "", "result": "", "every": "", "unit": "hours", "weekdays": ""}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    async with house(database) as made:
        row = organization.AccountRow("ivy", "staff", "ivy", "Ivy", HASH, "Practitioner/ivy", "integration-manager", [SUD, MH, 3], MH, [])
        await organization.account(made.owner, A, row, clock.now())
        yield made


@pytest.fixture
async def advice() -> AsyncIterator[Advice]:
    async with Advice().open() as made:
        yield made


async def at(clinic: Clinic, who: str) -> Visitor:
    """Somebody at a browser of a server that may ask our own small service."""
    found = await visitor(clinic, who)
    found.app.state.outbound = Outbound(["127.0.0.1"])
    return found


async def registered(clinic: Clinic, advice: Advice, *services: str, tested: bool = True) -> str:
    """The partner, registered at the pages; the id of their Organization. tested: whether they are asked about real people, as if they always had been."""
    place = (await clinic.make("sys-none", {"resourceType": "Organization", "name": "Advice Ltd"})).id
    ivy = await at(clinic, "ivy")
    await ivy.get("/exchange/partners/new")
    form = {"name": "Advice Ltd", "door": "cds", "organization": f"Organization/{place}", "basis": "treatment", "timezone": "America/New_York", "acknowledgement": "auto", "strangers": "wait"}
    assert (await ivy.post("/exchange/partners/new", form)).status_code == 303, ivy.last.text
    path = ivy.last.headers["location"]
    calling = {"discovery": advice.address, "issuer": "", "purpose": "TREAT", "seconds": "5"}
    assert (await ivy.post(path + "/cds", {**calling, "discovery": "ftp://x/cds-services"})).status_code == 422
    assert (await ivy.post(path + "/cds", {**calling, "discovery": "http://localhost:1/cds-services"})).status_code == 422, "not on the list of our own network"
    assert (await ivy.post(path + "/cds", calling)).status_code == 303, ivy.last.text
    page = (await ivy.get(path + "/cds")).text
    assert page.count("Heart advice") == 2, "of the hooks at which we ask"
    assert page.count("not offered") == 4, "what is not about the client alone"
    assert (await ivy.post(path + "/cds", {**calling, "services": "patient-view-1"})).status_code == 422, "without a basis nothing goes to them"
    assert (await ivy.post(path + "/agreed", AGREED)).status_code == 303
    assert (await ivy.post(path + "/cds", {**calling, "services": list(services)})).status_code == 303  # type: ignore[dict-item]
    if tested:
        await exchangebench.before(clinic.gate.house.db, A, path.rpartition("/")[2], "For a test.", clock.now())
    return place


async def known(clinic: Clinic, place: str, who: str = "sys-mh", **more: Any) -> str:
    """A client whose records the partner may have."""
    p = (await clinic.make(who, patient(**more))).id
    await clinic.make(who, encounter(p))
    await clinic.make(who, observation(p))
    await clinic.make(who, consent(p, place))
    return p


async def test_where_nobody_is_asked_the_chart_asks_for_no_cards(clinic: Clinic) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    dana = await at(clinic, "mh-clinician")
    assert f"/patients/{p}/cards" not in (await dana.get(f"/patients/{p}")).text
    assert f"/patients/{p}/cards" not in (await dana.get(f"/patients/{p}/orders/new")).text


async def test_cards_come_beside_a_chart_and_are_told_of(clinic: Clinic, advice: Advice) -> None:
    place = await registered(clinic, advice, "patient-view-1")
    p = await known(clinic, place)
    stranger = (await clinic.make("sys-mh", patient("Nobody"))).id
    await clinic.make("sys-mh", encounter(stranger))
    dana = await at(clinic, "mh-clinician")
    assert f'hx-get="/patients/{p}/cards"' in (await dana.get(f"/patients/{p}")).text
    assert advice.got == [], "the page itself asks nobody"
    page = (await dana.get(f"/patients/{p}/cards")).text
    assert "Look at the heart" in page
    assert "<b>fast</b>" in page
    assert "<script>alert" not in page
    assert "javascript:" not in page.replace("(javascript:alert(1)", "")
    assert re.findall(r'href="([^"]+)"', page) == ["https://advice.example/x", "https://advice.example/guide"]
    ((where, headers, call),) = advice.got
    kid = jwt.get_unverified_header(headers["authorization"].removeprefix("Bearer "))["kid"]
    signed = jwt.PyJWK(next(k for k in await keys.offered(clinic.gate.house, clinic.gate.house.tenants[A]) if k["kid"] == kid))
    claims = jwt.decode(headers["authorization"].removeprefix("Bearer "), signed, algorithms=["RS384"], audience=advice.address + "/patient-view-1", options={"verify_exp": False, "verify_iat": False})
    assert (where, claims["iss"]) == ("/cds-services/patient-view-1", BASE)
    assert (call["hook"], call["context"]["patientId"], set(call["prefetch"]), "fhirAuthorization" in call) == ("patient-view", p, {"patient", "conditions", "vitals"}, False)
    assert call["prefetch"]["patient"]["id"] == p
    assert [e["resource"]["resourceType"] for e in call["prefetch"]["vitals"]["entry"]] == ["Observation"]
    (row,) = await clinic.owner.fetch("SELECT * FROM record.disclosure")
    assert (row["channel"], row["recipient"], row["account"]) == ("cds-hooks", f"Organization/{place}", "mh-clinician")
    assert await clinic.owner.fetchval("SELECT array_agg(patient) FROM record.disclosure_patient") == [p]
    assert {w.partition("/")[0] for w in row["what"]} == {"Patient", "Observation"}
    await told(clinic, advice, dana, p)
    assert (await dana.get(f"/patients/{stranger}/cards")).text.strip() == "", "whom they may not know of they are not asked about"
    assert (await dana.get("/patients/nobody/cards")).status_code == 404
    biller = await at(clinic, "biller")
    assert (await biller.get(f"/patients/{p}/cards")).text.strip() == "", "another purpose"
    assert len(advice.calls()) == 1


async def told(clinic: Clinic, advice: Advice, dana: Visitor, p: str) -> None:
    """What somebody does about a card is told, and nothing of it is written."""
    page = dana.last.text
    token, take = re.findall(r'name="token" value="([^"]+)"', page)[0], re.findall(r'name="take" value="([^"]+)"', page)[0]
    before = await clinic.owner.fetchval("SELECT count(*) FROM record.version")
    answer = await dana.post(f"/patients/{p}/cards/told", {"token": token, "take": take})
    assert f'href="/patients/{p}/orders/new"' in answer.text
    await dana.post(f"/patients/{p}/cards/told", {"token": token, "reason": "known"}, token=re.findall(r'name="csrf" value="([^"]+)"', page)[0])
    first, second = [body["feedback"][0] for path, _, body in advice.got if path.endswith("/feedback")]
    assert (first["card"], first["outcome"], first["acceptedSuggestions"]) == (CARD["uuid"], "accepted", [{"id": take}])
    assert (second["outcome"], second["overrideReason"]["reason"]["code"]) == ("overridden", "known")
    csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]
    for wrong in ({"token": token[:-2] + "AA"}, {"token": ""}):
        assert (await dana.post(f"/patients/{p}/cards/told", wrong, token=csrf)).status_code == 404
    other = await at(clinic, "both-clinician")
    assert (await other.post(f"/patients/{p}/cards/told", {"token": token})).status_code == 404, "who was not shown it"
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.version") == before, "nothing is done by itself"


async def test_part_2_leaves_with_its_consent_alone_and_an_order_is_decided_as_if_it_were_written(clinic: Clinic, advice: Advice) -> None:
    place = await registered(clinic, advice, "patient-view-1", "order-sign-1")
    p = (await clinic.make("sys-sud", patient())).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", observation(p))
    lee = await at(clinic, "sud-clinician")
    await lee.get(f"/patients/{p}/orders/new")
    panel = re.findall(r'<option value="([^"]+)">', re.findall(r'name="panel">(.*?)</select>', lee.last.text, re.DOTALL)[0])[0]
    csrf = lee.hidden("csrf")
    assert (await lee.post(f"/patients/{p}/cards/order", {"panel": panel}, token=csrf)).text.strip() == ""
    assert (await lee.get(f"/patients/{p}/cards")).text.strip() == ""
    assert advice.got == []
    given = (await clinic.make("sys-sud", consent(p, place))).id
    orders = await clinic.owner.fetchval("SELECT count(*) FROM record.version WHERE type = 'ServiceRequest'")
    assert "Look at the heart" in (await lee.post(f"/patients/{p}/cards/order", {"panel": panel}, token=csrf)).text
    (call,) = advice.calls()
    draft = call["context"]["draftOrders"]["entry"][0]["resource"]
    assert (draft["resourceType"], draft["status"]) == ("ServiceRequest", "draft")
    assert "42CFRPart2" in str(draft["meta"]["security"])
    assert "42 CFR part 2 prohibits" in str(call), "the notice goes with it"
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.version WHERE type = 'ServiceRequest'") == orders, "nothing was written"
    (row,) = await clinic.owner.fetch("SELECT * FROM record.disclosure")
    assert (row["notice"] != "", [c.partition("/_")[0] for c in row["consents"]]) == (True, [f"Consent/{given}"])
    revoked = {**(await clinic.get("sys-sud", f"Consent/{given}")).json(), "status": "inactive"}
    assert (await clinic.put("sys-sud", revoked)).status == 200
    assert (await lee.post(f"/patients/{p}/cards/order", {"panel": panel}, token=csrf)).text.strip() == ""
    assert len(advice.calls()) == 1


async def test_one_that_does_not_answer_is_left_alone_and_delays_nobody(clinic: Clinic, advice: Advice) -> None:
    place = await registered(clinic, advice, "patient-view-1")
    p = await known(clinic, place)
    dana = await at(clinic, "mh-clinician")

    class Never(Outbound):
        asked = 0

        async def fetch(self, method: str, address: str, **more: Any) -> Any:
            Never.asked += 1
            return await super().fetch(method, address, **{**more, "seconds": 0.05})

    dana.app.state.outbound = Never(["127.0.0.1"])
    advice.answer = None
    for _ in range(5):
        answer = await dana.get(f"/patients/{p}/cards")
        assert (answer.status_code, answer.text.strip()) == (200, "")
    assert Never.asked == 3
    dana.app.state.outbound = Outbound()
    dana.app.state.cds_silent = None
    del dana.app.state.cds_silent
    got = len(advice.got)
    assert (await dana.get(f"/patients/{p}/cards")).text.strip() == ""
    assert len(advice.got) == got, "an address of our own network is not asked, whatever it is called"


@pytest.mark.parametrize("odd", [None, [], {}, {"cards": "x"}, {"cards": [1, {}, {"summary": 5}, {"summary": "s", "indicator": "loud", "links": 3, "suggestions": [4], "source": "x", "overrideReasons": {}}]}])
def test_whatever_is_answered_is_read(odd: Any) -> None:
    assert len(cdshooks.cards(odd)) <= 1
    assert cdshooks.services(odd) == []


@pytest.mark.parametrize(
    "template", ["Observation?code=1", "Observation?patient={{context.patientId}}&_include=Observation:subject", "Observation?patient=x", "Patient", "Patient/{{context.userId}}", "Condition?patient={{context.patientId}}&subject:Patient.name=x",
                 "Observation?patient={{context.patientId}}&patient=other", "Observation?_has:Condition:patient:code=1&patient={{context.patientId}}", "https://x.example/Patient/{{context.patientId}}"],
)  # fmt: skip
def test_what_is_not_about_the_patient_alone_is_not_asked_of_the_record(template: str) -> None:
    assert cdshooks.wanted(template, "p") is None


def test_the_most_urgent_come_first_and_there_are_ten_at_most() -> None:
    many = [{**CARD, "indicator": kind} for kind in ("info", "warning", "critical") * 5]
    found = cdshooks.cards({"cards": many})
    assert len(found) == 10
    assert [c.indicator for c in found] == sorted((c.indicator for c in found), key=cdshooks.INDICATORS.index)
