"""Consent pages over the real gate: captured, previewed, signed, taken back; and what they tell to whom."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from sojourn.base import clock
from sojourn.doors.staff.routes import routes
from sojourn.gate.consenting import terms
from sojourn.gate.signinrules import starting_rule
from sojourn.record.database import Dsn
from sojourn.web.about import About
from tests import people
from tests.people import BY_NAME, Clinic, consent, encounter, observation, patient
from tests.web.browser import FRAGMENT
from tests.web.test_frame import normal


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    made = await people.open_clinic(database, connections=8)
    yield made
    await people.close_clinic(made)


async def screen(clinic: Clinic, who: str) -> httpx.AsyncClient:
    """A browser in which this person has just signed in."""
    tenant = clinic.gate.house.tenants[BY_NAME[who].tenant]
    begun = await clinic.gate.identity.begin(tenant, who, starting_rule("staff", clock.now().date()), door="staff", methods=["password"])
    assert begun is not None
    app = Starlette(routes=routes())
    app.state.gate, app.state.about = clinic.gate, About()
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a.test", cookies={"sojourn": begun.token})


async def directory(clinic: Clinic) -> dict[str, str]:
    """Organizations under ids that the cast's consents name, brought in as an import would."""
    names = {"tpo": "Lakeside Primary Care", "sud": "Recovery program", "mh": "Counseling program", "specific": "Mercy Hospital", **dict.fromkeys(("stranger", "net", "plan", "court", "a"), "Elsewhere")}
    for id_, name in names.items():
        kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "prov"}]}
        access = await clinic.gate.access(clinic.tokens["sys-mh"])
        assert access is not None
        from sojourn.gate.changes import Change

        await access.write([Change("update", "Organization", id_, {"resourceType": "Organization", "id": id_, "name": name, "type": [kind]}, upsert=True)])
    return names


async def treated(clinic: Clinic) -> str:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    for n in range(3):
        await clinic.make("sys-sud", observation(p, 60 + n))
        await clinic.make("sys-mh", observation(p, 70 + n))
    return p


class Desk:
    """Someone at the front desk."""

    def __init__(self, browser: httpx.AsyncClient) -> None:
        self.browser = browser

    async def get(self, path: str, status: int = 200, **more: Any) -> str:
        answer = await self.browser.get(path, **more)
        assert answer.status_code == status, (answer.status_code, answer.text[:2000])
        return answer.text

    async def post(self, page: str, to: str, form: dict[str, Any], status: int = 303, **more: Any) -> httpx.Response:
        """Send a form with what its page had in hidden fields."""
        hidden = dict(re.findall(r'<input type="hidden" name="(csrf|version|shown|signer)" value="([^"]*)"', await self.get(page)))
        answer = await self.browser.post(to, data={**hidden, **form}, **more)
        assert answer.status_code == status, (answer.status_code, re.sub(r"<[^>]+>", " ", answer.text)[:3000])
        return answer

    async def begin(self, p: str, kind: str, program: str = "Organization/sud") -> str:
        """A new form; its address."""
        new = f"/patients/{p}/consents/new"
        answer = await self.post(new, new, {"kind": kind, f"program:{kind}": program})
        return str((await self.browser.get(answer.headers["location"])).headers["location"]).removesuffix("/form")


ANSWERS = {"discloser": "Organization/sud", "to": "Organization/tpo", "kind:Organization/tpo": "covered_entity_provider", "what": "some", "category": ["results"], "purpose": ["TREAT"], "expiry": "date", "until": "2099-01-01"}
SIGNED = {"authority": "patient", "name": "Ana Rivera", "identity": "photo-id", "method": "electronic", "copy": "given"}


async def captured(clinic: Clinic, desk: Desk, p: str) -> str:
    at = await desk.begin(p, "part2_specific")
    answer = await desk.post(f"{at}/form", f"{at}/form", {**ANSWERS, "do": "read"})
    assert answer.headers["location"] == f"{at}/sign"
    assert (await desk.post(f"{at}/sign", f"{at}/sign", SIGNED)).headers["location"] == at
    return at


async def test_a_consent_is_captured_with_its_effect_in_view_and_signed(clinic: Clinic) -> None:
    await directory(clinic)
    p = await treated(clinic)
    desk = Desk(await screen(clinic, "both-clinician"))
    at = await desk.begin(p, "part2_specific")
    page = await desk.get(f"{at}/form")
    assert "Still to be said" in page
    assert p in await clinic.named(await desk.browser.get(f"{at}/form"))
    assert "2.31(a)(4)(i)" in page
    found = (await desk.post(f"{at}/form", f"{at}/form", {**{k: v for k, v in ANSWERS.items() if k != "to"}, "find": "lakeside", "do": "find"}, 200)).text
    assert 'value="Organization/tpo|covered_entity_provider"' in found
    live = (await desk.post(f"{at}/form", f"{at}/form", {**ANSWERS, "do": "effect"}, 200, headers=FRAGMENT)).text
    assert "With this, Lakeside Primary Care will see" in live
    assert "6 test results and measures" in live
    assert "<html" not in live
    assert (await clinic.get("tpo", f"Observation?patient={p}")).ids == []
    assert (await desk.post(f"{at}/form", f"{at}/form", {**ANSWERS, "do": "read"})).headers["location"] == f"{at}/sign"
    words = await desk.get(f"{at}/sign")
    assert "I can take this consent back at any time, in writing" in words
    assert p in await clinic.named(await desk.browser.get(f"{at}/sign"))
    assert (await desk.post(f"{at}/sign", f"{at}/sign", SIGNED)).headers["location"] == at
    assert len((await clinic.get("tpo", f"Observation?patient={p}")).ids) == 6
    one = await desk.get(at)
    for said in ("In force", "Ana Rivera", "A photo identification", "42 CFR 2.31(a)(7)", "Lakeside Primary Care"):
        assert said in one
    assert "Lakeside Primary Care" in await desk.get(f"/patients/{p}/consents")
    assert "Signature" in await desk.get(f"{at}/copy")


async def test_who_witnessed_a_signature_is_kept_in_the_consent_and_said_on_its_page(clinic: Clinic) -> None:
    await directory(clinic)
    p = await treated(clinic)
    desk = Desk(await screen(clinic, "both-clinician"))
    pages, kept = [], []
    for said in ("  Bo Witnessing ", ""):
        at = await desk.begin(p, "part2_specific")
        await desk.post(f"{at}/form", f"{at}/form", {**ANSWERS, "do": "read"})
        assert (await desk.post(f"{at}/sign", f"{at}/sign", {**SIGNED, "witness": said})).headers["location"] == at
        pages.append(await desk.get(at))
        kept.append(terms.value((await clinic.get("both-clinician", f"Consent/{at.rpartition('/')[2]}")).json(), terms.WITNESS))
    assert kept == ["Bo Witnessing", None]
    assert ["Witness" in page for page in pages] == [True, False]
    assert "Bo Witnessing" in pages[0]


async def test_what_is_missing_at_signing_is_said_and_nothing_is_signed(clinic: Clinic) -> None:
    await directory(clinic)
    p = await treated(clinic)
    desk = Desk(await screen(clinic, "sud-clinician"))
    at = await desk.begin(p, "part2_specific")
    refused = await desk.post(f"{at}/sign", f"{at}/sign", {"authority": "patient", "method": "electronic"}, 422)
    for cite in ("42 CFR 2.31(a)(3)", "42 CFR 2.31(a)(4)(i)", "42 CFR 2.31(a)(5)", "42 CFR 2.31(a)(7)", "42 CFR 2.31(a)(8)"):
        assert cite in refused.text
    assert "/form" in (await desk.browser.get(at)).headers["location"]


async def test_a_form_that_was_changed_after_it_was_shown_is_read_again(clinic: Clinic) -> None:
    await directory(clinic)
    p = await treated(clinic)
    desk = Desk(await screen(clinic, "sud-clinician"))
    at = await desk.begin(p, "part2_specific")
    await desk.post(f"{at}/form", f"{at}/form", {**ANSWERS, "do": "read"})
    shown = dict(re.findall(r'name="(shown|version)" value="([^"]*)"', await desk.get(f"{at}/sign")))
    await desk.post(f"{at}/form", f"{at}/form", {**ANSWERS, "what": "all", "do": "save"})
    refused = await desk.post(f"{at}/sign", f"{at}/sign", {**SIGNED, **shown}, 422)
    assert "changed after it was shown" in refused.text


async def test_revoking_shows_what_it_stops_and_stops_it(clinic: Clinic) -> None:
    await directory(clinic)
    p = await treated(clinic)
    desk = Desk(await screen(clinic, "both-clinician"))
    at = await captured(clinic, desk, p)
    page = await desk.get(f"{at}/revoke")
    assert "Lakeside Primary Care will see 0 of the" in page
    assert "Lakeside Primary Care: may receive records for Treatment" in page
    assert "2.31(a)(6)" in (await desk.post(f"{at}/revoke", f"{at}/revoke", {"how": ""}, 422)).text
    await desk.post(f"{at}/revoke", f"{at}/revoke", {"how": "written"})
    assert (await clinic.get("tpo", f"Observation?patient={p}")).ids == []
    assert "Taken back" in await desk.get(at)
    await desk.get(f"{at}/revoke", 404)


async def test_a_request_about_what_was_paid_for_has_no_way_to_refuse(clinic: Clinic) -> None:
    await directory(clinic)
    p = await treated(clinic)
    desk = Desk(await screen(clinic, "both-clinician"))
    at = await desk.begin(p, "patient_directive_deny", "Organization/mh")
    form = {"to": "Organization/tpo", "kind:Organization/tpo": "health_plan", "what": "all", "purpose": ["HPAYMT", "HOPERAT"], "grounds": "self_pay"}
    await desk.post(f"{at}/form", f"{at}/form", {**form, "do": "read"})
    await desk.post(f"{at}/sign", f"{at}/sign", SIGNED)
    page = await desk.get(at)
    assert "This must be agreed to" in page
    assert 'value="refuse"' not in page
    assert "164.522(a)(1)(vi)" in (await desk.post(at, f"{at}/after", {"do": "refuse", "reason": "We would rather not"}, 422)).text
    await desk.post(at, f"{at}/after", {"do": "agree"})
    assert "Restriction in force" in await desk.get(at)


async def test_the_queue_holds_what_needs_somebody(clinic: Clinic) -> None:
    await directory(clinic)
    p = await treated(clinic)
    desk = Desk(await screen(clinic, "sud-clinician"))
    await desk.begin(p, "part2_specific")
    form = consent(p, "specific")
    form["extension"] = [e for e in form["extension"] if not e["url"].endswith("part2-stmt-refusal")]
    await clinic.make("sys-sud", form)
    stay = {"resourceType": "EpisodeOfCare", "status": "finished", "patient": {"reference": f"Patient/{p}"}, "period": {"start": "2026-01-01", "end": "2026-02-01"}}
    ending = consent(p, "specific", dateTime=clock.now().isoformat(timespec="seconds"))
    episode = (await clinic.make("sys-sud", stay)).id
    ending["extension"] += [terms.extension(terms.EXPIRY_EVENT, valueCode="end-of-treatment"), terms.extension(terms.EXPIRY_EPISODE, valueReference={"reference": f"EpisodeOfCare/{episode}"})]
    await clinic.make("sys-sud", ending)
    officer = Desk(await screen(clinic, "officer"))
    page = await officer.get("/desk/consents")
    assert "Not signed yet" in page
    assert "Their event has come" in page
    assert "what follows from not signing (42 CFR 2.31(a)(10)(ii))" in page
    assert "consents need somebody" in await officer.get("/desk")


# --- two worlds --------------------------------------------------------------------------------------------------------------


async def world(clinic: Clinic, *, secret: bool) -> tuple[str, str, str]:
    """A patient with a wish that everybody sees; in the other world also with Part 2 records and consents for the same recipient."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-mh", observation(p, 71))
    wish = consent(p, "tpo", kind="hipaa_authorization", purposes=["TREAT"], organization=[{"reference": "Organization/mh"}])
    wish["provision"].pop("securityLabel")
    shown = (await clinic.make("sys-mh", wish)).id
    hidden = "z" * len(shown)
    if secret:
        await clinic.make("sys-sud", encounter(p))
        await clinic.make("sys-sud", observation(p, 61))
        hidden = (await clinic.make("sys-sud", consent(p, "specific"))).id
        team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": "Organization/specific"}}]}
        await clinic.make("sys-sud", team)
        deny = consent(p, "tpo", kind="patient_directive_deny")
        deny["provision"] = {"type": "deny", "actor": deny["provision"]["actor"]}
        await clinic.make("sys-sud", deny)
    return p, shown, hidden


async def test_no_consent_page_tells_someone_outside_the_program_of_its_consents(clinic: Clinic) -> None:
    """Everything that the pages can be asked, by somebody of another program, in two worlds that differ in what is hidden from them."""
    await directory(clinic)
    told = []
    for secret in (False, True):
        p, shown, hidden = await world(clinic, secret=secret)
        desk = Desk(await screen(clinic, "mh-clinician"))
        at = await desk.begin(p, "hipaa_authorization", "Organization/mh")
        answers = []
        for path in (f"/patients/{p}/consents", f"/patients/{p}/consents/new", f"/patients/{p}/consents/{shown}", f"/patients/{p}/consents/{shown}/revoke", f"/patients/{p}/consents/{shown}/copy",
                     *(f"/patients/{p}/consents/{hidden}{rest}" for rest in ("", "/form", "/sign", "/revoke", "/copy")), f"{at}/form", f"{at}/sign"):  # fmt: skip
            answer = await desk.browser.get(path)
            answers.append((answer.status_code, answer.text))
        for to in ("tpo", "specific"):
            form = {"discloser": "Organization/mh", "to": f"Organization/{to}", f"kind:Organization/{to}": "covered_entity_provider", "what": "all", "purpose": ["TREAT"], "expiry": "date", "until": "2099-01-01", "do": "effect"}
            answers.append((200, (await desk.post(f"{at}/form", f"{at}/form", form, 200, headers=FRAGMENT)).text))
        ids = {p: "P", shown: "SHOWN", hidden: "HIDDEN", at.rpartition("/")[2]: "DRAFT"}
        told.append([(status, replaced(text, ids)) for status, text in answers])
    for one, other in zip(*told, strict=True):
        assert one == other


def replaced(text: str, ids: dict[str, str]) -> str:
    text = re.sub(r'name="version" value="[^"]*"', "", normal(text))
    for id_, name in ids.items():
        text = text.replace(id_, name)
    return text
