"""Patients, and who acts for them by law, sign and take back consents on their own account, and read who looked and what left."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sojourn.base import clock, crypto
from sojourn.gate import ownproof
from sojourn.gate.consenting import drafting, terms
from sojourn.gate.consenting.drafting import Answers, Recipient
from sojourn.record import organization
from tests.gate.test_proxies import related, young
from tests.people import A, Clinic, Reply, encounter, labelled, observation, patient
from tests.web.test_consents import directory

PASSWORD = "a river runs through it 7"
SPECIFIC = Answers("part2_specific", disclosers=["Organization/sud"], recipients=[Recipient("Organization/tpo", kind="covered_entity_provider")], purposes=["TREAT"], expiry="date", until="2099-01-01")


async def stands(clinic: Clinic, account: str, agent: str, kind: str) -> None:
    """The account acts as this person, and has a password."""
    hashed = crypto.hash_password(PASSWORD)
    await organization.account(clinic.owner, A, organization.AccountRow(account, kind, account, account, hashed, agent, kind, [], None, []), clock.now())


async def treated(clinic: Clinic, **about: Any) -> tuple[str, str]:
    """A patient of both programs and a Part 2 record; the account `ana` is theirs."""
    await directory(clinic)
    p = (await clinic.make("sys-mh", {**patient(), **about})).id
    await clinic.make("sys-mh", encounter(p))
    await clinic.make("sys-sud", encounter(p))
    await stands(clinic, "ana", f"Patient/{p}", "patient")
    return p, (await clinic.make("sys-sud", observation(p))).id


async def drafted(clinic: Clinic, p: str, answers: Answers = SPECIFIC) -> str:
    """A form that staff prepared."""
    return (await clinic.make("sys-sud", drafting.drafted(f"Patient/{p}", answers))).id


async def does(clinic: Clinic, who: str, act: str, id_: str, **said: str) -> Reply:
    body = {"resourceType": "Parameters", "parameter": [{"name": k, "valueString": v} for k, v in said.items()]}
    return await clinic.ask(who, "POST", f"Consent/{id_}/${act}", body)


async def digest(clinic: Clinic, who: str, id_: str) -> str:
    parameters = (await clinic.get(who, f"Consent/{id_}/$words")).json()["parameter"]
    return next(str(p["valueString"]) for p in parameters if p["name"] == "digest")


async def test_a_patient_reads_the_words_signs_them_and_takes_the_consent_back(clinic: Clinic) -> None:
    p, sud = await treated(clinic)
    id_ = await drafted(clinic, p)
    said = (await clinic.get("ana", f"Consent/{id_}/$words")).json()["parameter"]
    assert "Whose records" in next(x["valueString"] for x in said if x["name"] == "text")
    shown = await digest(clinic, "ana", id_)
    assert (await clinic.get("tpo", f"Observation/{sud}")).status == 404
    done = await does(clinic, "ana", "sign", id_, digest=shown, name="Ana Rivera", password=PASSWORD)
    assert done.status == 200, done.body
    signed = done.json()
    assert (signed["status"], signed["performer"][0]["reference"], terms.value(signed, terms.IDENTITY)) == ("active", f"Patient/{p}", "account")
    assert (await clinic.get("tpo", f"Observation/{sud}")).status == 200
    proof = (await clinic.get("sud-clinician", f"Provenance?target=Consent/{id_}")).entries[0]
    assert {a["who"]["reference"] for a in proof["agent"]} == {f"Patient/{p}"}
    assert (await clinic.get("mh-clinician", f"Provenance?target=Consent/{id_}")).ids == []
    line = await clinic.owner.fetchrow("SELECT account, role, purpose FROM record.audit WHERE action = 'sign'")
    assert line is not None
    assert tuple(line) == ("ana", "patient", "PATRQT")
    assert (await does(clinic, "ana", "revoke", id_, statement="", password=PASSWORD)).status == 422
    gone = await does(clinic, "ana", "revoke", id_, statement="I take this back.", password=PASSWORD)
    assert (gone.status, gone.json()["status"]) == (200, "inactive")
    assert (await clinic.get("tpo", f"Observation/{sud}")).status == 404


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"password": "wrong"}, 403), ({}, 403), ({"totp": "000000"}, 403), ({"password": PASSWORD, "digest": "0" * 64}, 422), ({"password": PASSWORD, "name": "Ana"}, 422),
    ],
)  # fmt: skip
async def test_without_the_proof_the_words_or_the_name_nothing_is_signed(clinic: Clinic, said: dict[str, str], status: int) -> None:
    p, sud = await treated(clinic)
    id_ = await drafted(clinic, p)
    given = {"digest": await digest(clinic, "ana", id_), "name": "Ana Rivera", **said}
    assert (await does(clinic, "ana", "sign", id_, **given)).status == status
    assert (await clinic.get("ana", f"Consent/{id_}")).json()["status"] == "draft"
    assert (await clinic.get("tpo", f"Observation/{sud}")).status == 404


async def test_nobody_signs_for_another_and_an_app_only_with_the_scope_to_change_consents(clinic: Clinic) -> None:
    p, _ = await treated(clinic)
    q = (await clinic.make("sys-mh", patient("Okafor"))).id
    await clinic.make("sys-sud", encounter(q))
    id_ = await drafted(clinic, q)
    for who in ("ana", "parent"):
        refused, absent = await does(clinic, who, "sign", id_, password="x"), await does(clinic, who, "sign", "A" * 22, password="x")
        assert refused.status == absent.status == 403
    right = {"digest": "0" * 64, "name": "Ana Rivera", "password": PASSWORD}
    assert (await does(clinic, "ana", "sign", id_, **right)).status == 404
    for who in ("sud-clinician", "officer", "tpo", "sys-sud"):
        assert (await does(clinic, who, "sign", id_, **right)).status == 403
    mine, tenant = await drafted(clinic, p), clinic.gate.house.tenants[A]
    for scopes, status in (("patient/Consent.rs patient/Organization.rs", 403), ("patient/Consent.rus patient/Organization.rs", 200)):
        app = await clinic.gate.token(tenant, "ana", purpose="PATRQT", scopes=scopes)
        shown = await digest(clinic, app, mine)
        assert (await does(clinic, app, "sign", mine, digest=shown, name="Ana Rivera", password=PASSWORD)).status == status


async def test_a_parent_signs_an_authorization_for_a_child_and_no_part_2_form(clinic: Clinic) -> None:
    p, _ = await treated(clinic, birthDate=young(8))
    person = (await clinic.make("sys-mh", related(p, "MTH"))).id
    await stands(clinic, "parent", f"RelatedPerson/{person}", "proxy")
    part2 = await drafted(clinic, p)
    assert (await clinic.get("parent", f"Consent/{part2}/$words")).status == 404
    plain = drafting.drafted(f"Patient/{p}", Answers("hipaa_authorization", disclosers=["Organization/mh"], recipients=[Recipient("Organization/tpo")], purposes=["HRESCH"], expiry="date", until="2099-01-01"))
    id_ = (await clinic.make("sys-mh", plain)).id
    done = await does(clinic, "parent", "sign", id_, digest=await digest(clinic, "parent", id_), name="Maria Rivera", password=PASSWORD)
    assert (done.status, done.json().get("status")) == (200, "active"), done.body
    assert terms.value(done.json(), terms.AUTHORITY) == "representative"
    assert (await clinic.get("tpo-research", f"Patient/{p}")).status == 200
    gone = await does(clinic, "parent", "revoke", id_, statement="We take this back.", password=PASSWORD)
    assert gone.json()["status"] == "inactive"
    proofs = (await clinic.get("mh-clinician", f"Provenance?target=Consent/{id_}")).entries
    back = next(e for e in proofs if e["activity"]["text"].startswith("Consent revoked"))
    assert back["activity"]["text"].endswith("somebody who may sign for the patient")
    assert {a["who"]["reference"] for a in back["agent"]} == {back["signature"][0]["who"]["reference"]} == {f"RelatedPerson/{person}"}


async def test_the_words_say_no_more_of_a_consent_than_its_reader_sees(clinic: Clinic) -> None:
    """At first they were those of the whole consent, whoever asked: also what was withheld of it from them."""
    p, _ = await treated(clinic)
    made = drafting.drafted(f"Patient/{p}", Answers("hipaa_authorization", disclosers=["Organization/mh"], recipients=[Recipient("Organization/tpo"), Recipient("Organization/specific")], purposes=["TREAT"], expiry="date", until="2099-01-01"))
    made["provision"]["actor"][1] = labelled(made["provision"]["actor"][1], "PSYTHPN")
    id_ = (await clinic.make("mh-clinician", made)).id
    kept = json.loads(bytes(await clinic.owner.fetchval("SELECT body FROM record.resource WHERE type = 'Consent' AND id = $1", id_)))
    assert len(kept["provision"]["actor"]) == 2
    for who in ("mh-clinician", "officer"):
        seen = (await clinic.get(who, f"Consent/{id_}")).json()
        text = next(x["valueString"] for x in (await clinic.get(who, f"Consent/{id_}/$words")).json()["parameter"] if x["name"] == "text")
        named = text.partition("With whom\n")[2].partition("\nWhy")[0].strip().splitlines()
        assert (len(seen["provision"]["actor"]), len(named)) == (1, 1), who


async def test_who_tries_codes_over_the_api_shuts_nobody_else_out(clinic: Clinic) -> None:
    """Their address is not known there: counted under none, all who sign with an app would share one count."""
    p, _ = await treated(clinic)
    access = await clinic.gate.access(clinic.tokens["sud-clinician"])
    assert access is not None
    for n in range(130):
        access.caller = replace(access.caller, account=f"stranger-{n}")
        assert not await ownproof.proves(access, "totp", "000000")
    id_ = await drafted(clinic, p)
    assert (await does(clinic, "ana", "sign", id_, digest=await digest(clinic, "ana", id_), name="Ana Rivera", password=PASSWORD)).status == 200


async def test_a_patient_reads_who_looked_and_what_left_and_nobody_elses(clinic: Clinic) -> None:
    p, sud = await treated(clinic)
    id_ = await drafted(clinic, p)
    await does(clinic, "ana", "sign", id_, digest=await digest(clinic, "ana", id_), name="Ana Rivera", password=PASSWORD)
    await clinic.get("sud-clinician", f"Observation/{sud}")
    await clinic.get("tpo", f"Observation/{sud}")
    report = (await clinic.get("ana", f"Patient/{p}/$access-report")).json()["parameter"]
    visits = [{x["name"]: next(v for k, v in x.items() if k.startswith("value")) for x in r["part"] if "part" not in x} for r in report if r["name"] == "visit"]
    assert {v["who"] for v in visits if v["outside"]} == {"tpo"}
    assert "sud-clinician" in {v["who"] for v in visits}
    left = (await clinic.get("ana", f"Patient/{p}/$accounting?rule=part2")).json()["parameter"]
    assert [x["valueString"] for d in left if d["name"] == "disclosure" for x in d["part"] if x["name"] == "recipient"]
    q = (await clinic.make("sys-mh", patient("Okafor"))).id
    for other in (q, "A" * 22):
        assert [(await clinic.get("ana", f"Patient/{other}/{op}")).status for op in ("$access-report", "$accounting")] == [403, 403]
    assert (await clinic.get("ana", f"Patient/{p}/$access-report?since=yesterday")).status == 400
    assert (await clinic.get("officer", f"Patient/{p}/$access-report")).status == 200
