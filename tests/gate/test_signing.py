"""From a draft to a signature to an end, by staff who are signed in; and what a form would open, before anybody signs it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.gate.access import Access
from sojourn.gate.consenting import drafting, ending, episodes, preview, replacing, signing, terms, wording
from sojourn.gate.consenting.drafting import Answers, Recipient
from sojourn.gate.consenting.signers import Signer
from sojourn.gate.signinrules import starting_rule
from tests.people import BY_NAME, Clinic, encounter, observation, patient
from tests.web.test_consents import directory

TPO_ORG = Recipient("Organization/tpo", kind="covered_entity_provider")
SPECIFIC = Answers("part2_specific", disclosers=["Organization/sud"], recipients=[TPO_ORG], purposes=["TREAT"], expiry="date", until="2099-01-01")

WISH = Answers("patient_directive_deny", disclosers=["Organization/sud"], recipients=[TPO_ORG], purposes=["TREAT"], expiry="none", grounds="requested")


async def access_of(clinic: Clinic, who: str) -> Access:
    """The Access of somebody who has just proved who they are."""
    tenant = clinic.gate.house.tenants[BY_NAME[who].tenant]
    begun = await clinic.gate.identity.begin(tenant, who, starting_rule("staff", clock.now().date()), door="staff", methods=["password"])
    assert begun is not None
    access = await clinic.gate.session(begun.token)
    assert access is not None
    return access


async def treated(clinic: Clinic) -> tuple[str, str, str]:
    await directory(clinic)
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    return p, (await clinic.make("sys-sud", observation(p, 61))).id, (await clinic.make("sys-mh", observation(p, 62))).id


async def sees(clinic: Clinic, who: str, p: str) -> set[str]:
    return set((await clinic.get(who, f"Observation?patient={p}")).ids)


async def draft(clinic: Clinic, access: Access, p: str, answers: Answers) -> tuple[dict[str, Any], str]:
    """A form kept in the record, as it is read back, and its version."""
    id_, version = await signing.save(access, drafting.drafted(f"Patient/{p}", answers), program=signing.program_for(access, drafting.drafted(f"Patient/{p}", answers))[0])
    return (await access.read("Consent", id_)).resource, version


def words(form: dict[str, Any]) -> wording.Wording:
    return wording.worded(form, {"Organization/sud": "Recovery program", "Organization/tpo": "Lakeside"}, patient="Ana Rivera", born="4 March 1988", organization="A")


def by_patient(form: dict[str, Any], **more: Any) -> signing.Signing:
    signer = Signer("patient", terms.literal(form["patient"]))
    return replace(signing.Signing(signer, "electronic", words(form).digest, name="Ana Rivera", identity="photo-id", copy="given"), **more)


async def signed(clinic: Clinic, who: str, p: str, answers: Answers) -> dict[str, Any]:
    access = await access_of(clinic, who)
    form, version = await draft(clinic, access, p, answers)
    await signing.sign(access, form, by_patient(form), words(form), patient(), version=version)
    return (await (await access_of(clinic, who)).read("Consent", form["id"])).resource


async def test_a_draft_permits_nothing_and_its_signature_acts_at_once(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    access = await access_of(clinic, "sud-clinician")
    form, version = await draft(clinic, access, p, SPECIFIC)
    assert sud not in await sees(clinic, "tpo", p)
    await signing.sign(access, form, by_patient(form), words(form), patient(), version=version)
    assert sud in await sees(clinic, "tpo", p)
    kept = (await clinic.get("sud-clinician", f"Consent/{form['id']}")).json()
    assert kept["status"] == "active"
    assert terms.value(kept, terms.DIGEST) == words(form).digest
    document = (await clinic.get("sud-clinician", kept["sourceReference"]["reference"])).json()
    assert document["content"][0]["attachment"]["title"] == words(form).heading
    proof = (await clinic.get("sud-clinician", f"Provenance?target=Consent/{form['id']}")).entries
    assert proof[0]["signature"][0]["who"] == {"reference": f"Patient/{p}"}


async def test_a_wish_that_names_an_organization_of_ours_is_not_signed_because_it_keeps_nobody_out_who_works_here(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    access = await access_of(clinic, "both-clinician")
    for ours in ("Organization/mh", "Organization/sud"):
        form, version = await draft(clinic, access, p, replace(WISH, recipients=[TPO_ORG, Recipient(ours, kind="covered_entity_provider")]))
        with pytest.raises(errors.Invalid, match="Name the people themselves"):
            await signing.sign(access, form, by_patient(form), words(form), patient(), version=version)
    form, version = await draft(clinic, access, p, replace(SPECIFIC, recipients=[TPO_ORG, Recipient("Organization/mh", kind="covered_entity_provider")]))
    assert await signing.sign(access, form, by_patient(form), words(form), patient(), version=version), "a permission that names ours, too, is one for the others"


async def test_the_form_is_kept_under_the_law_of_the_program_it_is_about(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    made = await signed(clinic, "both-clinician", p, SPECIFIC)
    for url in (f"Consent/{made['id']}", made["sourceReference"]["reference"]):
        assert (await clinic.get("mh-clinician", url)).status == 404
        assert (await clinic.get("sud-clinician", url)).status == 200
    assert (await clinic.get("mh-clinician", f"Provenance?target=Consent/{made['id']}")).entries == []


@pytest.mark.parametrize(
    ("lacking", "cite"),
    [
        ({"disclosers": []}, "2.31(a)(2)"), ({"everything": False}, "2.31(a)(3)"), ({"recipients": []}, "2.31(a)(4)(i)"), ({"purposes": []}, "2.31(a)(5)"),
        ({"expiry": ""}, "2.31(a)(7)"), ({"expiry": "none", "purposes": ["PATRQT"]}, "2.31(a)(7)"),
        ({"recipients": [Recipient("Organization/net", through="Organization/net")]}, "2.31(a)(4)(ii)"),
    ],
)  # fmt: skip
async def test_what_is_missing_is_named_with_its_section_and_nothing_is_signed(clinic: Clinic, lacking: dict[str, Any], cite: str) -> None:
    p, sud, _ = await treated(clinic)
    access = await access_of(clinic, "sud-clinician")
    form, version = await draft(clinic, access, p, replace(SPECIFIC, **lacking))
    with pytest.raises(errors.Invalid, match=cite.replace("(", r"\(").replace(")", r"\)")):
        await signing.sign(access, form, by_patient(form), words(form), patient(), version=version)
    assert (await clinic.get("sud-clinician", f"Consent/{form['id']}")).json()["status"] == "draft"
    assert sud not in await sees(clinic, "tpo", p)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"identity": ""}, "how you know who signs"), ({"identity": "account"}, "how you know who signs"), ({"name": "Ana"}, "first and last name"), ({"shown": "0" * 64}, "changed after it was shown"),
        ({"method": "paper"}, r"2\.31\(a\)\(9\)"), ({"method": ""}, "on this screen or was signed on paper"),
        ({"signer": Signer("guardian", name="Rosa Rivera")}, r"2\.15\(a\)\(1\)"), ({"signer": Signer("minor", evidence="state rule")}, "of age"),
        ({"signer": Signer("personal_representative", name="Rosa Rivera", evidence="will of 2020")}, "who died"),
    ],
)  # fmt: skip
async def test_who_signed_and_how_that_is_known_is_asked_for(clinic: Clinic, change: dict[str, Any], said: str) -> None:
    p, _, _ = await treated(clinic)
    access = await access_of(clinic, "sud-clinician")
    form, version = await draft(clinic, access, p, SPECIFIC)
    with pytest.raises(errors.Invalid, match=said):
        await signing.sign(access, form, by_patient(form, **change), words(form), patient(), version=version)


async def test_a_minor_signs_alone_where_the_state_says_so_and_else_with_a_parent(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    access = await access_of(clinic, "sud-clinician")
    form, version = await draft(clinic, access, p, SPECIFIC)
    young = {**patient(), "birthDate": f"{clock.now().year - 15}-01-01"}
    with pytest.raises(errors.Invalid, match=r"42 CFR 2\.14"):
        await signing.sign(access, form, by_patient(form), words(form), young, version=version)
    with pytest.raises(errors.Invalid, match=r"42 CFR 2\.14\(c\)"):
        await signing.sign(access, form, by_patient(form, signer=Signer("minor_and_parent", f"Patient/{p}")), words(form), young, version=version)
    alone = Signer("minor", f"Patient/{p}", evidence="State rule on care for substance use from 14, section 22.11")
    await signing.sign(access, form, by_patient(form, signer=alone), words(form), young, version=version)


async def test_a_paper_form_keeps_its_scan_and_the_day_that_stands_on_it(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    access = await access_of(clinic, "sud-clinician")
    form, version = await draft(clinic, access, p, SPECIFIC)
    day = clock.now().date() - timedelta(days=3)
    paper = by_patient(form, method="paper", signed_on=day, scan=b"%PDF-1.7 ...", scan_type="application/pdf")
    with pytest.raises(errors.Invalid, match="PDF, a JPEG or a PNG"):
        await signing.sign(access, form, replace(paper, scan=b"MZ"), words(form), patient(), version=version)
    await signing.sign(access, form, paper, words(form), patient(), version=version)
    kept = (await clinic.get("sud-clinician", f"Consent/{form['id']}")).json()
    assert kept["dateTime"] == day.isoformat()
    assert (await clinic.get("sud-clinician", kept["sourceReference"]["reference"])).json()["content"][1]["attachment"]["contentType"] == "application/pdf"


async def test_whoever_takes_the_signature_must_have_proved_who_they_are_lately(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    access = await access_of(clinic, "sud-clinician")
    form, version = await draft(clinic, access, p, SPECIFIC)
    token = await clinic.gate.access(clinic.tokens["sud-clinician"])
    assert token is not None
    with pytest.raises(errors.ProofNeeded):
        await signing.sign(token, form, by_patient(form), words(form), patient(), version=version)


async def test_a_signed_consent_is_not_edited_and_its_end_is_not_taken_back(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    made = await signed(clinic, "sud-clinician", p, SPECIFIC)
    wider = {**made, "provision": {**made["provision"], "actor": [{**made["provision"]["actor"][0], "reference": {"reference": "Organization/stranger"}}]}}
    assert (await clinic.put("sys-sud", wider)).status == 422
    longer = {**made, "provision": {**made["provision"], "period": {"start": made["provision"]["period"]["start"]}}}
    assert (await clinic.put("sys-sud", longer)).status == 422
    assert (await clinic.put("sys-sud", terms.with_values(made, {terms.DIGEST: None}))).status == 422
    assert (await clinic.put("sys-sud", replacing.ended(made, clock.now().isoformat(timespec="milliseconds"), "revoked"))).status == 200
    assert (await clinic.put("sys-sud", made)).status == 422


async def test_a_revocation_between_two_questions_stops_the_second_and_leaves_the_first(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    made = await signed(clinic, "sud-clinician", p, SPECIFIC)
    before = await sees(clinic, "tpo", p)
    access = await access_of(clinic, "sud-clinician")
    with pytest.raises(errors.Invalid, match=r"2\.31\(a\)\(6\)"):
        await ending.revoke(access, made, how="", version=made["meta"]["versionId"])
    await ending.revoke(access, made, how="written", version=made["meta"]["versionId"])
    assert sud in before
    assert await sees(clinic, "tpo", p) == set()
    kept = (await clinic.get("sud-clinician", f"Consent/{made['id']}")).json()
    assert (kept["status"], terms.value(kept, terms.ENDED_HOW)) == ("inactive", "revoked")


async def test_an_irrevocable_consent_is_taken_back_after_its_event_only(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    answers = Answers("part2_criminal_justice", disclosers=["Organization/sud"], recipients=[Recipient("Organization/court")], expiry="event", event="end-of-case", irrevocable=True)
    made = await signed(clinic, "sud-clinician", p, answers)
    access = await access_of(clinic, "sud-clinician")
    with pytest.raises(errors.Invalid, match=r"2\.35"):
        await ending.revoke(access, made, how="written", version=made["meta"]["versionId"])
    with pytest.raises(errors.Invalid, match="on the day on which it came"):
        await ending.occurred(access, made, on=access.now + timedelta(minutes=1), version=made["meta"]["versionId"])
    await ending.occurred(access, made, on=access.now, version=made["meta"]["versionId"])
    over = (await access.read("Consent", made["id"])).resource
    await ending.revoke(access, over, how="written", version=over["meta"]["versionId"])
    with pytest.raises(errors.Invalid, match="not in force"):
        await ending.revoke(access, (await access.read("Consent", made["id"])).resource, how="written", version=over["meta"]["versionId"])


async def test_only_an_event_that_is_waited_for_comes_or_is_put_off_and_a_revocation_wants_a_proof(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    made = await signed(clinic, "sud-clinician", p, SPECIFIC)
    access, version = await access_of(clinic, "sud-clinician"), made["meta"]["versionId"]
    with pytest.raises(errors.Invalid, match="waits for"):
        await ending.occurred(access, made, on=access.now, version=version)
    with pytest.raises(errors.Invalid, match="waits for no event"):
        await ending.not_yet(access, made, version=version)
    with pytest.raises(errors.Invalid, match="decided already"):
        await ending.decide(access, made, agreed=False, reason="We would rather not", version=version)
    token = await clinic.gate.access(clinic.tokens["sud-clinician"])
    assert token is not None
    with pytest.raises(errors.ProofNeeded):
        await ending.revoke(token, made, how="written", version=version)
    assert sud in await sees(clinic, "tpo", p)


async def test_an_event_is_put_off_by_a_persons_word_unless_the_episode_is_over(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    episode = {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "period": {"start": "2026-01-01"}}
    stay = (await clinic.make("sys-sud", episode)).json()
    made = await signed(clinic, "sud-clinician", p, replace(SPECIFIC, expiry="event", until="", event="end-of-treatment", episode=f"EpisodeOfCare/{stay['id']}"))
    with clock.using(FakeClock(clock.now() + timedelta(days=91))):
        assert sud not in await sees(clinic, "tpo", p)
        await ending.not_yet(await access_of(clinic, "sud-clinician"), made, version=made["meta"]["versionId"])
        assert sud in await sees(clinic, "tpo", p)
        made = (await clinic.get("sud-clinician", f"Consent/{made['id']}")).json()
        await clinic.put("sys-sud", {**stay, "status": "finished", "period": {"start": "2026-01-01", "end": "2026-02-01"}})
        with pytest.raises(errors.Invalid, match="over"):
            await ending.not_yet(await access_of(clinic, "sud-clinician"), made, version=made["meta"]["versionId"])


async def test_staff_from_whom_something_may_be_withheld_sign_and_keep_everything_that_is_on_the_form(clinic: Clinic) -> None:
    await directory(clinic)
    p, _, mh = await treated(clinic)
    answers = Answers("hipaa_authorization", disclosers=["Organization/mh"], recipients=[Recipient(of_class="treating-provider"), TPO_ORG], purposes=["TREAT"], expiry="date", until="2099-01-01")
    made = await signed(clinic, "mh-clinician", p, answers)
    stored = (await clinic.get("sys-mh", f"Consent/{made['id']}")).json()
    first, second = stored["provision"]["actor"]
    assert terms.value(first, terms.RECIPIENT_CLASS) == "treating-provider"
    assert first["reference"]["display"] == "Providers who treat me, now and later"
    assert second["reference"] == {"reference": "Organization/tpo"}
    assert await sees(clinic, "tpo", p) == {mh}
    await ending.revoke(await access_of(clinic, "mh-clinician"), made, how="written", version=made["meta"]["versionId"])
    assert await sees(clinic, "tpo", p) == set()


# --- requests to restrict ----------------------------------------------------------------------------------------------------


async def test_a_request_binds_once_it_is_agreed_to(clinic: Clinic) -> None:
    p, sud, mh = await treated(clinic)
    await signed(clinic, "sud-clinician", p, SPECIFIC)
    wish = await signed(clinic, "sud-clinician", p, Answers("patient_directive_deny", disclosers=["Organization/sud"], recipients=[TPO_ORG], purposes=["TREAT"], expiry="none", grounds="requested"))
    assert wish["status"] == "proposed"
    assert await sees(clinic, "tpo", p) == {sud, mh}
    access = await access_of(clinic, "sud-clinician")
    with pytest.raises(errors.Invalid, match="Say why"):
        await ending.decide(access, wish, agreed=False, reason="", version=wish["meta"]["versionId"])
    await ending.decide(access, wish, agreed=True, reason="", version=wish["meta"]["versionId"])
    assert await sees(clinic, "tpo", p) == set()


async def test_a_request_about_what_was_paid_for_in_full_cannot_be_refused(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    answers = Answers("patient_directive_deny", disclosers=["Organization/sud"], recipients=[Recipient("Organization/plan", kind="health_plan")], purposes=["HPAYMT", "HOPERAT"], expiry="none", grounds="self_pay")
    wish = await signed(clinic, "sud-clinician", p, answers)
    assert ending.mandatory(wish)
    access = await access_of(clinic, "sud-clinician")
    with pytest.raises(errors.Invalid, match=r"164\.522\(a\)\(1\)\(vi\)"):
        await ending.decide(access, wish, agreed=False, reason="We would rather not", version=wish["meta"]["versionId"])


async def test_a_later_permission_that_names_the_same_ends_an_earlier_wish_and_a_narrower_one_does_not(clinic: Clinic) -> None:
    p, sud, mh = await treated(clinic)
    wish = await signed(clinic, "sud-clinician", p, Answers("patient_directive_deny", disclosers=["Organization/sud"], recipients=[TPO_ORG], purposes=["TREAT"], expiry="none", grounds="requested"))
    await ending.decide(await access_of(clinic, "sud-clinician"), wish, agreed=True, reason="", version=wish["meta"]["versionId"])
    await signed(clinic, "sud-clinician", p, replace(SPECIFIC, everything=False, categories=["diagnoses"]))
    assert await sees(clinic, "tpo", p) == set()
    permit = await signed(clinic, "sud-clinician", p, SPECIFIC)
    assert await sees(clinic, "tpo", p) == {sud, mh}
    kept = (await clinic.get("sud-clinician", f"Consent/{wish['id']}")).json()
    assert terms.value(kept, terms.ENDED_BY) == {"reference": f"Consent/{permit['id']}"}


async def test_a_paper_that_was_signed_before_the_wish_does_not_end_it_when_it_is_captured_later(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    wish = await signed(clinic, "sud-clinician", p, WISH)
    await ending.decide(await access_of(clinic, "sud-clinician"), wish, agreed=True, reason="", version=wish["meta"]["versionId"])
    access = await access_of(clinic, "sud-clinician")
    form, version = await draft(clinic, access, p, SPECIFIC)
    paper = by_patient(form, method="paper", signed_on=access.today - timedelta(days=30), scan=b"%PDF-1.7 ...", scan_type="application/pdf")
    await signing.sign(access, form, paper, words(form), patient(), version=version)
    assert await sees(clinic, "tpo", p) == set()


@pytest.mark.parametrize("agreed", [True, False])
async def test_a_restriction_stands_until_the_request_that_is_to_take_its_place_is_agreed_to(clinic: Clinic, agreed: bool) -> None:
    """At first it ended when the new request was signed: while that waited, and for good where it was refused, nothing was kept back."""
    p, _, mh = await treated(clinic)
    await signed(clinic, "sud-clinician", p, SPECIFIC)
    old = await signed(clinic, "sud-clinician", p, WISH)
    await ending.decide(await access_of(clinic, "sud-clinician"), old, agreed=True, reason="", version=old["meta"]["versionId"])
    assert mh not in await sees(clinic, "tpo", p)
    new = await signed(clinic, "sud-clinician", p, replace(WISH, recipients=[Recipient("Organization/specific")], replaces=f"Consent/{old['id']}"))
    assert mh not in await sees(clinic, "tpo", p)
    await ending.decide(await access_of(clinic, "sud-clinician"), new, agreed=agreed, reason="We cannot keep to it", version=new["meta"]["versionId"])
    assert (mh in await sees(clinic, "tpo", p)) is agreed
    kept = (await clinic.get("sud-clinician", f"Consent/{old['id']}")).json()
    assert (kept["status"], terms.value(kept, terms.ENDED_HOW)) == (("inactive", "replaced") if agreed else ("active", None))


async def test_a_new_form_takes_the_place_of_the_one_it_amends(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    old = await signed(clinic, "sud-clinician", p, SPECIFIC)
    await signed(clinic, "sud-clinician", p, replace(SPECIFIC, recipients=[Recipient("Organization/specific")], replaces=f"Consent/{old['id']}"))
    assert sud not in await sees(clinic, "tpo", p)
    assert sud in await sees(clinic, "specific", p)


# --- previews ----------------------------------------------------------------------------------------------------------------


async def test_a_preview_says_what_the_gate_then_does_and_leaves_nothing_behind(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    access = await access_of(clinic, "sud-clinician")
    form, version = await draft(clinic, access, p, replace(SPECIFIC, everything=False, categories=["results"]))
    rows = await clinic.owner.fetchval("SELECT count(*) FROM record.consent_grant")
    effect = (await preview.of_form(access, form))[0]
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.consent_grant") == rows
    kinds = {k.type: (k.total, k.before, k.after) for k in effect.kinds}
    assert kinds["Observation"] == (2, 0, 2)
    assert kinds["Encounter"] == (2, 0, 1)  # the visit to the program for mental health, which no special law keeps from a provider
    await signing.sign(access, form, by_patient(form), words(form), patient(), version=version)
    assert len(await sees(clinic, "tpo", p)) == 2
    assert len((await clinic.get("tpo", f"Encounter?patient={p}")).ids) == 1
    made = (await clinic.get("sud-clinician", f"Consent/{form['id']}")).json()
    lost = (await preview.of_revoking(await access_of(clinic, "sud-clinician"), made))[0]
    assert {k.type: (k.before, k.after) for k in lost.kinds if k.before} == {"Observation": (2, 0), "Encounter": (1, 0), "Patient": (1, 0)}


async def test_a_preview_tells_nothing_that_its_reader_may_not_see(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    access = await access_of(clinic, "mh-clinician")
    form = drafting.drafted(f"Patient/{p}", Answers("hipaa_authorization", disclosers=["Organization/mh"], recipients=[TPO_ORG], purposes=["TREAT"], expiry="date", until="2099-01-01"))
    before = await preview.of_form(access, form)
    await signed(clinic, "sud-clinician", p, SPECIFIC)
    await clinic.make("sys-sud", observation(p, 77))
    assert await preview.of_form(await access_of(clinic, "mh-clinician"), form) == before


@pytest.mark.parametrize("kind", [k for k, v in terms.forms()["kinds"].items() if not v.get("hidden")])
def test_answers_survive_the_consent_that_is_made_of_them(kind: str) -> None:
    form = terms.kind(kind)
    answers = Answers(
        kind, disclosers=["Organization/sud"], recipients=[TPO_ORG, Recipient(of_class="tpo"), Recipient("Organization/a", through="Organization/net"), Recipient("Organization/net", through="Organization/net", treating=True)],
        everything=False, categories=["medications", "results"], protected=["hiv"], data_from="2026-01-01", purposes=list(form.get("purpose_choices", ())), expiry="event",
        event="other", event_text="my wedding", episode="EpisodeOfCare/1", grounds="requested", replaces="Consent/1",
    )  # fmt: skip
    back = drafting.answered(drafting.drafted("Patient/p", answers))
    same = drafting.drafted("Patient/p", back)
    assert same == drafting.drafted("Patient/p", answers)


async def test_the_end_of_an_episode_ends_the_consents_that_last_until_then(clinic: Clinic) -> None:
    clinic.gate.house.consequences = (episodes.CONSEQUENCE,)
    p, sud, _ = await treated(clinic)
    stay = {"resourceType": "EpisodeOfCare", "status": "active", "patient": {"reference": f"Patient/{p}"}, "period": {"start": "2026-01-01"}}
    first, second = [(await clinic.make("sys-sud", stay)).json() for _ in range(2)]
    until = replace(SPECIFIC, expiry="event", event="end-of-treatment", until="", episode=f"EpisodeOfCare/{first['id']}")
    made = await signed(clinic, "sud-clinician", p, until)
    assert terms.literal(terms.value(made, terms.EXPIRY_EPISODE)) == f"EpisodeOfCare/{first['id']}"
    for still in ({**second, "status": "finished"}, {**first, "period": {"start": "2026-01-01", "end": "2099-01-01"}}):
        assert (await clinic.put("sud-clinician", still)).status == 200
        assert sud in await sees(clinic, "tpo", p), "another episode, or a day to come"
    assert (await clinic.put("sud-clinician", {**first, "status": "finished"})).status == 200
    assert sud not in await sees(clinic, "tpo", p)
    kept = (await clinic.get("sud-clinician", f"Consent/{made['id']}")).json()
    assert (kept["status"], bool(terms.value(kept, terms.EVENT_OCCURRED))) == ("active", True)
    assert (await clinic.put("sud-clinician", {**first, "status": "active"})).status == 200
    assert sud not in await sees(clinic, "tpo", p), "what came, came"
