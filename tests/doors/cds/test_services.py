"""CDS Hooks 2.0: discovery, cards of both hooks, who may call, two worlds, feedback. https://cds-hooks.hl7.org/2.0/"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.care.measures import forms
from sojourn.care.measures.model import instruments
from sojourn.doors.cds.routes import routes
from sojourn.gate.apps import registering
from sojourn.gate.apps.registry import App
from sojourn.record.database import Dsn
from tests.care.risky import DAY, cssrs
from tests.conftest import Cluster
from tests.doors.smart.office import BASE, ROOT, Key, Office, office
from tests.people import MH, SUD, A, consent, encounter, patient
from tests.web.real import ADMIN
from tests.web.test_plan import episode

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY = Key("one")
SERVICES = ("patient-view", "order-sign")
ORIGIN = "https://ehr.example"
MRN = "https://mrn.example/id"


@dataclass
class Ehr:
    """A system that calls, in the name of a registered app."""

    here: Office
    app: App
    key: Key = KEY

    async def post(self, path: str, body: Any, *, signed: str | None = None, **claims: Any) -> httpx.Response:
        """One request, signed for its address."""
        service = path.removesuffix("/feedback")
        now = int(clock.now().timestamp())
        token = self.key.assertion(self.app.id, **{"sub": None, "aud": f"{ROOT}/cds-services/{service}", "iat": now, **claims}) if signed is None else signed
        async with self.here.http as http:
            sent = {"content": body} if isinstance(body, bytes) else {"json": body}
            return await http.post(f"/cds-services/{path}", headers={"authorization": f"Bearer {token}"} if token else {}, **sent)  # type: ignore[arg-type]

    async def cards(self, p: str, hook: str = "patient-view", **more: Any) -> list[dict[str, Any]]:
        """The cards of a call."""
        answer = await self.post(hook, asked(p, hook, **more))
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["cards"]
        return found


def asked(p: str, hook: str = "patient-view", **more: Any) -> dict[str, Any]:
    """A call as an EHR sends it."""
    context: dict[str, Any] = {"userId": "Practitioner/them", "patientId": p, **more.pop("context", {})}
    if hook == "order-sign":
        order = {"resourceType": "ServiceRequest", "status": "draft", "intent": "order", "subject": {"reference": f"Patient/{p}"}}
        context = {"draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]}, **context}
    return {"hook": hook, "hookInstance": str(uuid4()), "fhirServer": BASE, "context": context, **more}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(cluster: Cluster, template: str) -> AsyncIterator[Office]:
    """One office for all tests here, on a clock that stands still."""
    name = f"test_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    with clock.using(FakeClock(DAY)):
        async with office(Dsn(app=cluster.app(name), owner=cluster.owner(name))) as made:
            yield made
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ehr(here: Office) -> Ehr:
    """One that works for the mental health program alone."""
    return Ehr(here, await here.service(KEY, programs=(MH,), acting=MH))


async def client(here: Office, who: str = "sys-mh", program: str = "mh", **more: Any) -> str:
    """Somebody new in a program, with a stay that has no plan."""
    p = (await here.clinic.make(who, patient(**more))).id
    await here.clinic.make(who, encounter(p))
    await here.clinic.make(who, episode(p, program, "OP", started="2026-02-01"))
    return p


async def danger(here: Office, who: str, p: str) -> None:
    """A risk episode, a precaution and a consent that ends soon."""
    made = forms.response(instruments()["c-ssrs-screener"], cssrs(q2=1, q4=1), BASE, patient=f"Patient/{p}", authored=clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert (await here.clinic.ask(who, "POST", made["resourceType"], made)).status == 201
    await here.clinic.make(who, {"resourceType": "Flag", "status": "active", "code": {"text": "No glass <b>"}, "subject": {"reference": f"Patient/{p}"}, "period": {"start": "2026-03-01"}})
    await here.clinic.make(who, consent(p, "lakeside", provision={"period": {"start": "2026-01-01", "end": "2026-03-20"}}))
    await here.clinic.make(who, consent(p, "lakeside", provision={"period": {"start": "2026-01-01", "end": "2027-03-20"}}))


async def test_which_services_there_are_is_said_to_everybody(here: Office) -> None:
    async with here.http as http:
        answer = await http.get("/cds-services", headers={"origin": "https://anybody.example"})
    listed = answer.json()["services"]
    assert [(s["id"], s["hook"]) for s in listed] == [(s, s) for s in SERVICES]
    assert all(s["title"] and s["description"] for s in listed)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_cards_say_what_is_open(here: Office, ehr: Ehr) -> None:
    p = await client(here)
    assert [c["source"]["topic"]["code"] for c in await ehr.cards(p)] == ["plan"], "no plan yet, a month after the start"
    await danger(here, "sys-mh", p)
    cards = await ehr.cards(p)
    assert [(c["source"]["topic"]["code"], c["indicator"]) for c in cards] == [("risk", "critical"), ("precautions", "warning"), ("plan", "warning"), ("consent", "info")]
    for card in cards:
        UUID(card["uuid"])
        assert len(card["summary"]) < 140
        assert card["source"]["label"]
        assert "lakeside" not in str(card).lower(), "for whom a consent is, no card says"
        async with here.http as http:
            assert (await http.get(card["links"][0]["url"])).status_code != 404
    assert cards[0]["detail"].startswith("Triage: high. Open since 2026-03-04.")
    assert cards[1]["detail"] == r"- No glass \<b\>"
    assert cards[3]["detail"].count("\n") == 0, "the one that holds for a year needs nobody"
    assert "2026-03-2" in cards[3]["detail"]
    assert [c["source"]["topic"]["code"] for c in await ehr.cards(p, "order-sign")] == ["risk", "precautions", "consent"]
    assert await ehr.cards(p, context={"userId": f"Patient/{p}"}) == [], "cards are for staff"
    line = await here.clinic.owner.fetchrow("SELECT * FROM record.audit WHERE action = 'cds-hook' AND account = $1 ORDER BY n DESC LIMIT 1", ehr.app.account)
    assert "user=Patient/" in line["query"]


async def test_an_answer_does_not_depend_on_what_is_hidden(here: Office, ehr: Ehr) -> None:
    p, stranger = await client(here), "nobody-at-all"
    hidden = await client(here, "sys-sud", "sud", identifier=[{"system": MRN, "value": "hidden"}])
    prefetch = {"patient": {"resourceType": "Patient", "identifier": [{"system": MRN, "value": "hidden"}]}}
    elsewhere = {"fhirServer": "https://other.example/fhir", "prefetch": prefetch}

    async def look() -> list[Any]:
        found = [await ehr.post(hook, asked(one, hook)) for one in (p, hidden, stranger) for hook in SERVICES]
        found.append(await ehr.post("patient-view", asked(stranger, **elsewhere)))
        same = re.compile(r'"uuid":"[^"]+"')
        return [(a.status_code, sorted(k for k in a.headers if k != "x-request-id"), same.sub("", a.text)) for a in found]

    before = await look()
    assert [text for _, _, text in before[2:]] == ['{"cards":[]}'] * 5, "somebody hidden is nobody"
    await here.clinic.make("sys-sud", encounter(p))
    await here.clinic.make("sys-sud", episode(p, "sud", "OP", started="2026-02-01"))
    for one in (p, hidden):
        await danger(here, "sys-sud", one)
    assert await look() == before
    both = Ehr(here, await here.service(KEY, programs=(MH, SUD), acting=MH))
    assert {"risk", "precautions", "consent"} <= {c["source"]["topic"]["code"] for c in await both.cards(p)}
    assert len(await both.cards(hidden, **elsewhere)) > 3


async def test_a_client_of_another_system_is_known_by_an_identifier(here: Office, ehr: Ehr) -> None:
    p = await client(here, identifier=[{"system": MRN, "value": "a|b,1"}])
    prefetch: dict[str, Any] = {"resourceType": "Patient", "id": "x1", "identifier": [{"system": MRN, "value": "a|b,1"}], "birthDate": "1988-03-04"}

    async def number(person: Any, server: str = "https://other.example/fhir", id_: str = "x1") -> int:
        return len(await ehr.cards(id_, fhirServer=server, prefetch={"patient": person}))

    assert await number(prefetch) == 1
    assert await number({**prefetch, "birthDate": "1990-01-01"}) == 0, "another person"
    assert await number({**prefetch, "identifier": [{"value": "a|b,1"}]}) == 0, "whose number it is, nobody says"
    assert await number(None, id_=p) == 0, "an id of theirs that happens to be one of ours"
    await client(here, identifier=[{"system": MRN, "value": "a|b,1"}])
    assert await number(prefetch) == 0, "two of them: not sure"


BAD: dict[str, dict[str, Any]] = {
    "for another service": {"aud": f"{ROOT}/cds-services/order-sign"}, "for the token endpoint": {"aud": f"{ROOT}/oauth/token"}, "too old": {"exp": -90}, "good for too long": {"exp": 600},
    "no jti": {"jti": None}, "no end": {"exp": None}, "no beginning": {"iat": None}, "of nobody": {"iss": "nobody"}, "of somebody else": {"sub": "else"},
    "keys at an address of its own": {"header": {"jku": "https://evil.example/jwks"}},
}  # fmt: skip


@pytest.mark.parametrize("what", list(BAD))
async def test_a_call_that_is_not_signed_for_it_is_refused(here: Office, ehr: Ehr, what: str) -> None:
    now = int(clock.now().timestamp())
    answer = await ehr.post("patient-view", asked("x"), **{k: now + v if k == "exp" and v is not None else v for k, v in BAD[what].items()})
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "cards" not in answer.text


async def test_who_may_call(here: Office, ehr: Ehr) -> None:
    once = KEY.assertion(ehr.app.id, sub=None, aud=f"{ROOT}/cds-services/patient-view", iat=int(clock.now().timestamp()))
    assert [(await ehr.post("patient-view", asked("x"), signed=once)).status_code for _ in range(2)] == [200, 401], "a JWT counts once"
    assert (await Ehr(here, ehr.app, Key("one")).post("patient-view", asked("x"))).status_code == 401, "another key of that name"
    assert (await ehr.post("patient-view", asked("x"), signed="")).status_code == 401
    waits = Ehr(here, await here.service(KEY, programs=(MH,), approve=False))
    assert (await waits.post("patient-view", asked("x"))).status_code == 401, "not approved yet"
    outside = Ehr(here, await here.service(KEY, whose="outside", organization="Organization/lakeside"))
    p = await client(here)
    answers = [await outside.post("patient-view", asked(one)) for one in (p, "nobody")]
    assert [(a.status_code, a.text) for a in answers] == [(403, answers[0].text)] * 2, "whomever it asks about"
    narrow = Ehr(here, await here.service(KEY, programs=(MH,), scopes="system/Patient.rs system/Flag.rs"))
    await danger(here, "sys-mh", p)
    assert [c["source"]["topic"]["code"] for c in await narrow.cards(p)] == ["precautions"], "as far as its scopes go"
    await registering.stop(await here.acting(ADMIN), narrow.app.id, "a test")
    assert (await narrow.post("patient-view", asked(p))).status_code == 401, "stopped"


async def test_odd_calls_are_refused_in_words(here: Office, ehr: Ehr) -> None:
    good = asked("x", "order-sign")
    other = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "MedicationRequest", "subject": {"reference": "Patient/y"}}}]}
    for bad in (
        b"", b"[]", b"\xff", b"[" * 5000, b"{}", {**good, "hook": "patient-view"}, {**good, "hookInstance": "1"}, {**good, "context": []}, {**good, "fhirServer": 1}, asked("", "order-sign"),
        asked("x,y", "order-sign"), asked("x", "order-sign", context={"userId": "Robin"}), asked("x", "order-sign", context={"draftOrders": None}), asked("x", "order-sign", context={"draftOrders": other}),
    ):  # fmt: skip
        answer = await ehr.post("order-sign", bad)
        assert answer.status_code == 400, bad
        assert answer.json()["error"]
    assert (await ehr.post("order-sign", b" " * (1024 * 1024 + 1))).status_code == 413
    assert (await ehr.post("nothing", asked("x"))).status_code == 404
    odd = {"patient": {"resourceType": "Patient", "identifier": [1, {"system": 5, "value": "\\"}, {"system": "a\\|$", "value": "\x00"}, {"system": ",", "value": "é" * 200}]}}
    for prefetch in (odd, [], {"patient": []}, {"patient": {"resourceType": "Patient", "identifier": 5}}):
        assert await ehr.cards("x", fhirServer="https://other.example", prefetch=prefetch) == []


async def test_what_became_of_a_card_is_kept_in_the_trail(here: Office, ehr: Ehr) -> None:
    p = await client(here)
    (card,) = await ehr.cards(p)
    said = {"card": card["uuid"], "outcome": "overridden", "overrideReason": {"reason": {"code": card["overrideReasons"][0]["code"]}, "userComment": "Ana said so"}, "outcomeTimestamp": "2026-03-04T15:00:00Z"}
    unknown = {"card": str(uuid4()), "outcome": "accepted", "acceptedSuggestions": []}
    assert (await ehr.post("patient-view/feedback", {"feedback": [said, unknown]})).status_code == 200
    assert (await ehr.post("patient-view/feedback", {"feedback": [said]}, aud=f"{ROOT}/cds-services/patient-view/feedback")).status_code == 200
    lines = [r["query"] for r in await here.clinic.owner.fetch("SELECT query FROM record.audit WHERE action = 'cds-feedback' ORDER BY n")]
    assert lines[0] == lines[2] == f"hook=patient-view&card={card['uuid']}&outcome=overridden&reason=known"
    assert lines[1] == f"hook=patient-view&card={unknown['card']}&outcome=accepted"
    assert "Ana" not in str(lines), "what somebody wrote in their own words is not kept"
    for bad in ({}, {"feedback": []}, {"feedback": [said] * 101}, {"feedback": ["x"]}, {"feedback": [{**said, "outcome": "liked"}]}, {"feedback": [{**said, "card": "1"}]}):
        assert (await ehr.post("patient-view/feedback", bad)).status_code == 400, bad


async def test_what_strangers_and_scripts_get_at_every_address(here: Office) -> None:
    await here.service(KEY, programs=(MH,), origins=(ORIGIN,))
    here.clinic.gate.house.apps.forget(here.clinic.gate.house.tenants[A])
    async with here.http as http:
        for each in routes():
            path = each.path.replace("{service}", "patient-view")  # type: ignore[attr-defined]
            posted = path != "/cds-services"
            for method in ("GET", "POST", "PUT", "DELETE"):
                answer = await http.request(method, path, json={})
                if posted and method == "POST":
                    assert answer.status_code == 401, f"{method} {path}"
                elif not posted and method == "GET":
                    assert answer.status_code == 200, f"{method} {path}"
                else:
                    assert answer.status_code in (403, 404, 405), f"{method} {path}: there is no such thing"
                assert answer.headers["x-content-type-options"] == "nosniff", f"{method} {path}"
            for origin, status in ((ORIGIN, 204), ("https://elsewhere.example", 403 if posted else 204)):
                asks = {"origin": origin, "access-control-request-method": "POST" if posted else "GET", "access-control-request-headers": "authorization,content-type"}
                answer = await http.options(path, headers=asks)
                assert answer.status_code == status, f"{origin} {path}"
                assert (answer.headers.get("access-control-allow-origin") in (origin, "*")) == (status == 204)
