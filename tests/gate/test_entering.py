"""A consent comes into force by being signed here, or from a system that says where its original is; never by being posted."""

from __future__ import annotations

from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate.consenting import ending, signing, terms
from sojourn.gate.consenting.entering import NO_ORIGINAL, RELEASED, UNSIGNED, has_original
from tests.gate.test_signing import SPECIFIC, access_of, by_patient, draft, sees, signed, treated, words
from tests.people import Clinic, consent, patient

PEOPLE = ("sud-clinician", "both-clinician")


def restriction(p: str, to: str) -> dict[str, Any]:
    made = consent(p, to, kind="patient_directive_deny")
    made["provision"] = {**made["provision"], "type": "deny", "securityLabel": [], "purpose": made["provision"]["purpose"]}
    del made["provision"]["securityLabel"]
    return made


@pytest.mark.parametrize("who", PEOPLE)
async def test_a_consent_that_staff_post_opens_nothing_and_one_that_is_signed_does(clinic: Clinic, who: str) -> None:
    p, sud, _ = await treated(clinic)
    refused = await clinic.ask(who, "POST", "Consent", consent(p, "tpo"))
    assert (refused.status, UNSIGNED in refused.body.decode()) == (422, True)
    for status in ("draft", "proposed"):
        assert (await clinic.ask(who, "POST", "Consent", consent(p, "tpo", status=status))).status == 201
    assert sud not in await sees(clinic, "tpo", p)
    await signed(clinic, who, p, SPECIFIC)
    assert sud in await sees(clinic, "tpo", p)


async def test_a_draft_does_not_become_active_by_being_put(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    kept = (await clinic.ask("sud-clinician", "POST", "Consent", consent(p, "tpo", status="draft"))).json()
    digest = terms.extension(terms.DIGEST, valueString="0" * 64)
    for changed in ({**kept, "status": "active"}, {**kept, "status": "active", "extension": [*kept["extension"], digest]}):
        assert (await clinic.put("sud-clinician", changed)).status == 422
    patch = [{"op": "replace", "path": "/status", "value": "active"}]
    reply = await clinic.ask("sud-clinician", "PATCH", f"Consent/{kept['id']}", patch, (("content-type", "application/json-patch+json"),))
    assert reply.status == 422
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": consent(p, "tpo"), "request": {"method": "POST", "url": "Consent"}}]}
    assert (await clinic.ask("sud-clinician", "POST", "", bundle)).status == 422
    assert sud not in await sees(clinic, "tpo", p)


async def test_a_request_that_was_posted_and_not_signed_is_not_opened_by_deciding_it(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    posted = await clinic.ask("sud-clinician", "POST", "Consent", consent(p, "tpo", status="proposed"))
    access = await access_of(clinic, "sud-clinician")
    with pytest.raises(errors.Invalid, match="nobody signed it here"):
        await ending.decide(access, posted.json(), agreed=True, reason="yes", version=posted.version)
    assert sud not in await sees(clinic, "tpo", p)


async def test_a_consent_in_force_is_not_widened_by_staff_and_may_be_told_apart_by_its_text(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    made = await clinic.make("sys-sud", consent(p, "specific", kind="part2_specific", purposes=["TREAT"]))
    kept = made.json()
    wider = {**kept, "provision": {**kept["provision"], "purpose": [*kept["provision"]["purpose"], {"system": terms.ACT_REASON, "code": "HPAYMT"}]}}
    assert (await clinic.put("sud-clinician", wider)).status == 422
    longer = {**kept, "dateTime": "2025-01-01T10:00:00Z", "provision": {**kept["provision"], "period": {"start": "2025-01-01"}}}
    assert (await clinic.put("sud-clinician", longer)).status == 422
    assert (await clinic.put("sud-clinician", {**kept, "language": "en"})).status == 200
    assert sud in await sees(clinic, "specific", p)
    assert (await clinic.put("sud-clinician", {**kept, "status": "inactive"})).status == 200
    assert sud not in await sees(clinic, "specific", p)


async def test_a_consent_that_was_deleted_is_not_brought_back_by_staff(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    kept = (await clinic.make("sys-sud", consent(p, "specific", kind="part2_specific", purposes=["TREAT"]))).json()
    assert sud in await sees(clinic, "specific", p)
    assert (await clinic.ask("sys-sud", "DELETE", f"Consent/{kept['id']}")).status in (200, 204)
    assert sud not in await sees(clinic, "specific", p)
    assert (await clinic.put("sud-clinician", kept)).status == 422
    assert sud not in await sees(clinic, "specific", p)


async def test_a_consent_does_not_last_longer_by_an_edit(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    until = {"start": "2026-01-01", "end": "2098-12-31"}
    kept = (await clinic.make("sys-sud", consent(p, "specific", kind="part2_specific", purposes=["TREAT"], provision={"period": until}))).json()
    for period in ({"start": "2026-01-01", "end": "2099-12-31"}, {"start": "2026-01-01"}):
        assert (await clinic.put("sud-clinician", {**kept, "provision": {**kept["provision"], "period": period}})).status == 422
    shorter = {**kept, "provision": {**kept["provision"], "period": {"start": "2026-01-01", "end": "2097-12-31"}}}
    assert (await clinic.put("sud-clinician", shorter)).status == 200


async def test_what_a_patient_forbade_is_not_made_shorter_or_turned_on_somebody_else(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    await clinic.make("sys-sud", consent(p, "tpo"))
    kept = (await clinic.ask("sud-clinician", "POST", "Consent", restriction(p, "tpo"))).json()
    other = consent(p, "specific")["provision"]["actor"]
    for part in ({"period": {"start": "2026-01-01", "end": "2099-12-31"}}, {"period": {"start": "2099-01-01"}}, {"actor": other}):
        refused = await clinic.put("sud-clinician", {**kept, "provision": {**kept["provision"], **part}})
        assert (refused.status, RELEASED in refused.body.decode()) == (422, True), part
    assert sud not in await sees(clinic, "tpo", p)


async def test_what_a_patient_forbade_is_not_lifted_by_an_edit_or_a_deletion(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    await clinic.make("sys-sud", consent(p, "tpo"))
    kept = (await clinic.ask("sud-clinician", "POST", "Consent", restriction(p, "tpo"))).json()
    assert kept["resourceType"] == "Consent", "staff may write a wish down"
    assert sud not in await sees(clinic, "tpo", p)
    for status in ("entered-in-error", "inactive", "draft"):
        refused = await clinic.put("sud-clinician", {**kept, "status": status})
        assert (refused.status, RELEASED in refused.body.decode()) == (422, True)
    assert (await clinic.ask("sud-clinician", "DELETE", f"Consent/{kept['id']}")).status == 422
    assert sud not in await sees(clinic, "tpo", p)
    told = (await clinic.put("sud-clinician", {**kept, "language": "en"})).json()
    assert told["language"] == "en", "what changes nothing of it is an edit like any other"
    assert sud not in await sees(clinic, "tpo", p)
    access = await access_of(clinic, "sud-clinician")
    await ending.revoke(access, (await access.read("Consent", kept["id"])).resource, how="written", version=told["meta"]["versionId"])
    assert sud in await sees(clinic, "tpo", p)


async def test_what_a_patient_forbade_for_a_while_may_be_tidied_up_once_that_is_over(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    wish = restriction(p, "tpo")
    wish["provision"] |= {"period": {"start": "2026-01-01", "end": "2026-01-31"}}
    kept = await clinic.ask("sud-clinician", "POST", "Consent", wish)
    assert (await clinic.ask("sud-clinician", "DELETE", f"Consent/{kept.json()['id']}")).status == 204
    later = restriction(p, "tpo")
    later["provision"] |= {"period": {"start": "2999-01-01"}}
    kept = await clinic.ask("sud-clinician", "POST", "Consent", later)
    assert (await clinic.ask("sud-clinician", "DELETE", f"Consent/{kept.json()['id']}")).status == 204, "it forbids nothing yet"


async def test_a_system_brings_what_a_patient_forbids_without_any_original(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    await clinic.make("sys-sud", consent(p, "tpo"))
    wish = {k: v for k, v in restriction(p, "tpo").items() if k != "verification"}
    assert (await clinic.ask("sys-sud", "POST", "Consent", wish)).status == 201
    assert sud not in await sees(clinic, "tpo", p)


@pytest.mark.parametrize(
    ("said", "enough"),
    [
        ({"sourceReference": {"reference": "DocumentReference/form"}}, True), ({"sourceAttachment": {"title": "form"}}, True), ({"verification": [{"verified": True}]}, True),
        ({"extension": [terms.extension(terms.DIGEST, valueString="0" * 64)]}, True), ({"verification": [{"verified": False}]}, False), ({}, False),
    ],
)  # fmt: skip
def test_an_original_is_where_the_form_is_or_who_saw_it(said: dict[str, Any], enough: bool) -> None:
    assert has_original(said) is enough


async def test_a_system_brings_a_consent_that_says_where_its_original_is(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    bare = {k: v for k, v in consent(p, "tpo").items() if k != "verification"}
    refused = await clinic.ask("sys-sud", "POST", "Consent", bare)
    assert (refused.status, NO_ORIGINAL in refused.body.decode()) == (422, True)
    unseen = {**bare, "verification": [{"verified": False}]}
    assert (await clinic.ask("sys-sud", "POST", "Consent", unseen)).status == 422
    assert sud not in await sees(clinic, "tpo", p)
    for how in ({"verification": [{"verified": True}]}, {"sourceAttachment": {"title": "signed form", "url": "https://example.org/form.pdf"}}):
        assert (await clinic.ask("sys-sud", "POST", "Consent", {**bare, **how})).status == 201
    assert sud in await sees(clinic, "tpo", p)


async def test_a_consent_is_signed_only_from_its_draft(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    access = await access_of(clinic, "sud-clinician")
    form, version = await draft(clinic, access, p, SPECIFIC)
    with pytest.raises(errors.Invalid):
        await signing.sign(access, {**form, "status": "proposed"}, by_patient(form), words(form), patient(), version=version)
    assert sud not in await sees(clinic, "tpo", p)
