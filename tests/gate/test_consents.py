"""What a Consent permits once it is compiled: elements, kinds, recipients, ends; asked at the FHIR door as the recipient."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.base.clock import FakeClock
from sojourn.gate.consenting import elements, membership, terms, validity
from sojourn.record import organization
from tests.people import Clinic, consent, encounter, observation, patient

NOTE = {"meta": {"security": [{"system": "https://sojourn.example/fhir/CodeSystem/sensitivity", "code": "SUDCN"}]}}
SUDCN = [{"system": "https://sojourn.example/fhir/CodeSystem/sensitivity", "code": "SUDCN"}]


async def treated(clinic: Clinic) -> tuple[str, str, str]:
    """A patient of both programs; an Observation of each."""
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    return p, (await clinic.make("sys-sud", observation(p, 61))).id, (await clinic.make("sys-mh", observation(p, 62))).id


async def sees(clinic: Clinic, who: str, p: str) -> set[str]:
    return set((await clinic.get(who, f"Observation?patient={p}")).ids)


async def caller(clinic: Clinic, account: str, *, agent: str, purpose: str = "TREAT", keys: tuple[str, ...] = ()) -> str:
    """One more outside account."""
    row = organization.AccountRow(account, "organization", account, account, None, agent, "outside", [], None, list(keys))
    await organization.account(clinic.owner, 1, row, clock.now())
    secret = f"token-{account}".ljust(43, "x")
    await clinic.gate.token(clinic.gate.house.tenants[1], account, purpose=purpose, secret=secret)
    clinic.tokens[account] = secret
    return account


def extended(form: dict[str, Any], **values: Any) -> dict[str, Any]:
    """The form with extensions of these names, or without."""
    return terms.with_values(form, {name.replace("_", "-"): value for name, value in values.items()})


def without(form: dict[str, Any], element: str) -> dict[str, Any]:
    """The form as it is when one element of 42 CFR 2.31 was left out."""
    out = {**form, "provision": dict(form["provision"])}
    statements = {"revocation": "part2-stmt-revocation", "hipaa_redisclosure": "part2-stmt-hipaa-redisclosure", "redisclosure_risk": "part2-stmt-redisclosure-risk", "refusal": "part2-stmt-refusal"}
    if element in statements:
        return terms.with_values(form, {statements[element]: None})
    if element == "expiry":
        return terms.with_values(form, {"part2-expiry-text": None})
    top = {"patient": "patient", "discloser": "organization", "signature": "performer", "date_signed": "dateTime"}
    inner = {"recipient": "actor", "purpose": "purpose", "content": "securityLabel"}
    (out if element in top else out["provision"]).pop({**top, **inner}[element])
    return out


ELEMENTS = ("patient", "discloser", "content", "recipient", "purpose", "expiry", "revocation", "hipaa_redisclosure", "redisclosure_risk", "refusal", "signature", "date_signed")


@pytest.mark.parametrize("element", ELEMENTS)
async def test_a_form_without_one_element_names_it_and_permits_nothing(clinic: Clinic, element: str) -> None:
    p, sud, _ = await treated(clinic)
    whole = consent(p, "tpo")
    assert elements.missing(whole) == []
    lacking = without(whole, element)
    assert [m.key for m in elements.missing(lacking)] == [element]
    assert "2.31(a)(" in elements.missing(lacking)[0].missed
    await clinic.ask("sys-sud", "POST", "Consent", lacking)
    assert sud not in await sees(clinic, "tpo", p)
    await clinic.make("sys-sud", whole)
    assert sud in await sees(clinic, "tpo", p)


async def test_a_tpo_consent_reaches_neither_counseling_notes_nor_a_proceeding(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    note = (await clinic.make("sys-sud", observation(p, 63, **NOTE))).id
    court = await caller(clinic, "court", agent="Organization/tpo", purpose="HLEGAL")
    await clinic.make("sys-sud", consent(p, "tpo", purposes=["TREAT", "HLEGAL"], provision={"period": {"end": "2099-01-01"}, "securityLabel": [{"system": terms.ACT_CODE, "code": "42CFRPart2"}, *SUDCN]}))
    assert sud in await sees(clinic, "tpo", p)
    assert note not in await sees(clinic, "tpo", p)
    assert sud not in await sees(clinic, court, p)


async def test_a_consent_for_counseling_notes_opens_them_and_no_other_part_2_record(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    note = (await clinic.make("sys-sud", observation(p, 63, **NOTE))).id
    form = consent(p, "specific", kind="part2_counseling_notes", purposes=["TREAT"], provision={"securityLabel": SUDCN})
    await clinic.make("sys-sud", form)
    seen = await sees(clinic, "specific", p)
    assert note in seen
    assert sud not in seen


async def test_counseling_notes_joined_with_anything_else_are_void(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    note = (await clinic.make("sys-sud", observation(p, 63, **NOTE))).id
    form = consent(p, "specific", kind="part2_counseling_notes", purposes=["TREAT"], provision={"securityLabel": SUDCN})
    joined = extended(form, part2_combined_with={"valueCode": "part2_specific"})
    wider = consent(p, "specific", kind="part2_counseling_notes", purposes=["TREAT"], provision={"securityLabel": [*SUDCN, {"system": terms.ACT_CODE, "code": "42CFRPart2"}]})
    for bad in (joined, wider):
        assert [m.key for m in elements.missing(bad)] == ["alone"]
        await clinic.make("sys-sud", bad)
        assert note not in await sees(clinic, "specific", p)


async def test_a_consent_for_a_proceeding_shows_the_records_it_names_and_nothing_of_other_programs(clinic: Clinic) -> None:
    p, sud, mh = await treated(clinic)
    other = (await clinic.make("sys-sud", observation(p, 64))).id
    court = await caller(clinic, "court", agent="Organization/court", purpose="HLEGAL")
    named = {"data": [{"meaning": "instance", "reference": {"reference": f"Observation/{sud}"}}], "period": {"start": "2026-01-01", "end": "2099-01-01"}}
    await clinic.make("sys-sud", consent(p, "court", kind="part2_proceedings", purposes=["HLEGAL"], provision=named))
    assert await sees(clinic, court, p) == {sud}
    assert {other, mh}.isdisjoint(await sees(clinic, court, p))


async def test_a_proceeding_may_not_be_joined_with_another_purpose_nor_hidden_in_another_form(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    court = await caller(clinic, "court", agent="Organization/court", purpose="HLEGAL")
    until = {"period": {"start": "2026-01-01", "end": "2099-01-01"}}
    joined = consent(p, "court", kind="part2_proceedings", purposes=["HLEGAL", "TREAT"], provision=until)
    assert [m.key for m in elements.missing(joined)] == ["proceedings_only"]
    await clinic.make("sys-sud", joined)
    await clinic.make("sys-sud", consent(p, "court", kind="part2_specific", purposes=["HLEGAL"], provision=until))
    assert sud not in await sees(clinic, court, p)


async def test_a_consent_for_another_purpose_opens_part_2_records_it_names_and_no_others(clinic: Clinic) -> None:
    p, sud, mh = await treated(clinic)
    friend = await caller(clinic, "friend", agent="Organization/friend", purpose="PATRQT")
    until = {"period": {"start": "2026-01-01", "end": "2099-01-01"}}
    await clinic.make("sys-sud", consent(p, "friend", kind="part2_specific", purposes=["PATRQT"], provision=until))
    assert await sees(clinic, friend, p) == {sud}
    assert mh not in await sees(clinic, friend, p)


async def test_a_hipaa_authorization_opens_no_part_2_record(clinic: Clinic) -> None:
    p, _, mh = await treated(clinic)
    insurer = await caller(clinic, "insurer", agent="Organization/insurer", purpose="PATRQT")
    form = consent(p, "insurer", kind="hipaa_authorization", purposes=["PATRQT"], organization=[{"reference": "Organization/mh"}],
                   provision={"period": {"start": "2026-01-01", "end": "2099-01-01"}, "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]})  # fmt: skip
    del form["provision"]["securityLabel"]
    await clinic.make("sys-mh", form)
    assert await sees(clinic, insurer, p) == {mh}
    assert (await clinic.get(insurer, f"Encounter?patient={p}")).ids == []


async def test_none_is_an_end_for_treatment_only(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    friend = await caller(clinic, "friend", agent="Organization/friend", purpose="PATRQT")
    form = consent(p, "friend", kind="part2_specific", purposes=["PATRQT"])
    assert [m.key for m in elements.missing(form)] == ["expiry"]
    await clinic.make("sys-sud", form)
    assert await sees(clinic, friend, p) == set()


# --- classes and intermediaries ----------------------------------------------------------------------------------------------


async def test_a_class_reaches_its_members_who_treat_the_patient_and_nobody_else(clinic: Clinic) -> None:
    p, sud, mh = await treated(clinic)
    lake = await caller(clinic, "lake", agent="Organization/lake", keys=tuple(membership.answers_to("Organization/lake", ["prov"])))
    shop = await caller(clinic, "shop", agent="Organization/shop", keys=tuple(membership.answers_to("Organization/shop", ["bus"])))
    actor = {"extension": [terms.extension(terms.RECIPIENT_CLASS, valueCode="tpo")], "role": {"text": "recipients"}, "reference": {"display": "my treating providers, and lake"}}
    await clinic.make("sys-sud", consent(p, "x", provision={"actor": [actor]}))
    assert await sees(clinic, lake, p) == set()  # a provider, but not this patient's
    for org in ("lake", "shop"):
        team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": f"Organization/{org}"}}]}
        await clinic.make("sys-mh", team)
    assert await sees(clinic, lake, p) == {sud, mh}
    assert await sees(clinic, shop, p) == {mh}


async def through(clinic: Clinic, name: str) -> str:
    keys = tuple(membership.answers_to(f"Organization/{name}", ["prov"], through=["Organization/net"]))
    return await caller(clinic, f"{name}-by-net", agent=f"Organization/{name}-by-net", keys=keys)


def by_net(p: str, *participants: str, designation: bool = False) -> dict[str, Any]:
    """A consent for an intermediary."""
    net = terms.extension(terms.INTERMEDIARY, valueReference={"reference": "Organization/net"})
    role = {"role": {"text": "information recipient"}}
    actors: list[dict[str, Any]] = [{"extension": [net], **role, "reference": {"reference": f"Organization/{name}"}} for name in participants]
    if designation:
        actors.append({"extension": [net, terms.extension(terms.DESIGNATION, valueCode="treating")], **role, "reference": {"reference": "Organization/net"}})
    if not actors:
        actors.append({"extension": [net], **role, "reference": {"reference": "Organization/net"}})
    return consent(p, "x", kind="part2_specific", purposes=["TREAT"], provision={"actor": actors})


async def test_an_intermediary_passes_on_to_participants_who_treat_the_patient(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    a, b = await through(clinic, "a"), await through(clinic, "b")
    await clinic.make("sys-sud", by_net(p, designation=True))
    assert sud not in await sees(clinic, a, p)
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": "Organization/a-by-net"}}]}
    await clinic.make("sys-mh", team)
    assert sud in await sees(clinic, a, p)
    assert sud not in await sees(clinic, b, p)


async def test_an_intermediary_passes_on_to_the_participants_that_are_named(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    a, b = await through(clinic, "a"), await through(clinic, "b")
    await clinic.make("sys-sud", by_net(p, "a"))
    assert sud in await sees(clinic, a, p)
    assert sud not in await sees(clinic, b, p)
    net = await caller(clinic, "net", agent="Organization/net")
    assert sud in await sees(clinic, net, p)


async def test_an_intermediary_without_participants_is_void(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    form = by_net(p)
    assert [m.key for m in elements.missing(form)] == ["participants"]
    net = await caller(clinic, "net", agent="Organization/net")
    await clinic.make("sys-sud", form)
    assert sud not in await sees(clinic, net, p)


async def test_an_opt_out_closes_the_exchange_and_all_who_come_through_it(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    a = await through(clinic, "a")
    net = await caller(clinic, "net", agent="Organization/net")
    await clinic.make("sys-sud", by_net(p, "a"))
    assert sud in await sees(clinic, a, p)
    out = consent(p, "net", kind="hie_opt_out")
    out["provision"] = {"type": "deny", "actor": out["provision"]["actor"]}
    await clinic.make("sys-sud", out)
    assert await sees(clinic, a, p) == set()
    assert await sees(clinic, net, p) == set()


async def test_a_directive_that_names_nobody_keeps_everyone_outside_out_and_no_staff(clinic: Clinic) -> None:
    p, sud, mh = await treated(clinic)
    await clinic.make("sys-sud", consent(p, "tpo"))
    directive = consent(p, "x", kind="patient_directive_deny")
    directive["provision"] = {"type": "deny"}
    await clinic.make("sys-sud", directive)
    assert await sees(clinic, "tpo", p) == set()
    assert await sees(clinic, "both-clinician", p) == {sud, mh}


# --- ends --------------------------------------------------------------------------------------------------------------------


async def test_a_consent_that_ends_with_an_event_needs_a_person_to_say_that_it_has_not_come(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    form = consent(p, "tpo", kind="part2_specific", purposes=["TREAT"], dateTime=clock.now().isoformat(timespec="seconds"))
    made = (await clinic.make("sys-sud", extended(form, part2_expiry_text={"valueString": "the end of my treatment"}, part2_expiry_event={"valueCode": "end-of-treatment"}))).json()
    assert validity.waits_for_event(made)
    assert sud in await sees(clinic, "tpo", p)
    later = clock.now() + timedelta(days=91)
    with clock.using(FakeClock(later)):
        assert sud not in await sees(clinic, "tpo", p)
        confirmed = extended(made, consent_event_confirmed={"valueDateTime": later.isoformat(timespec="seconds")})
        made = (await clinic.put("sys-sud", confirmed)).json()
        assert sud in await sees(clinic, "tpo", p)
        ended = extended(made, consent_event_occurred={"valueDateTime": later.isoformat(timespec="seconds")})
        assert (await clinic.put("sys-sud", ended)).status == 200
        assert sud not in await sees(clinic, "tpo", p)


async def test_a_revoked_consent_keeps_the_time_in_which_it_acted(clinic: Clinic) -> None:
    p, _, _ = await treated(clinic)
    made = (await clinic.make("sys-sud", consent(p, "tpo"))).json()
    now = clock.now().isoformat(timespec="seconds")
    revoked = extended({**made, "status": "inactive"}, consent_ended_at={"valueDateTime": now}, consent_ended_how={"valueCode": "revoked"})
    assert (await clinic.put("sys-sud", revoked)).status == 200
    rows = await clinic.owner.fetch("SELECT valid_from, valid_to FROM record.consent_grant WHERE consent = $1 AND known_to = 'infinity' AND effect = 'permit'", made["id"])
    assert rows
    assert all(row["valid_to"] <= clock.now() for row in rows)


async def test_an_inactive_consent_never_reaches_past_the_version_that_says_so(clinic: Clinic) -> None:
    p, sud, _ = await treated(clinic)
    made = (await clinic.make("sys-sud", consent(p, "tpo"))).json()
    later = (clock.now() + timedelta(days=900)).isoformat(timespec="seconds")
    assert (await clinic.put("sys-sud", extended({**made, "status": "inactive"}, consent_ended_at={"valueDateTime": later}))).status == 200
    assert sud not in await sees(clinic, "tpo", p)


async def test_self_pay_keeps_everything_that_is_payment_or_operations_from_the_plan(clinic: Clinic) -> None:
    p, sud, mh = await treated(clinic)
    plan = await caller(clinic, "plan", agent="Organization/plan", purpose="ELIGVER")
    await clinic.make("sys-sud", consent(p, "plan"))
    assert sud in await sees(clinic, plan, p)
    form = consent(p, "plan", kind="patient_directive_deny", category=[{"coding": [{"system": terms.ACT_CODE, "code": "HIPAASelfPay"}]}])
    form["provision"] = {"type": "deny", "actor": form["provision"]["actor"], "purpose": form["provision"]["purpose"][1:], "data": [{"meaning": "instance", "reference": {"reference": f"Observation/{sud}"}}]}
    await clinic.make("sys-sud", form)
    assert await sees(clinic, plan, p) == {mh}
