"""Document exchange as a server: who somebody is, which documents there are, what is in them (IHE MHD, PIXm; Patient/$match)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.care import outside
from tests.people import BASE, Clinic, Reply, consent, encounter, patient

MRN = "urn:oid:2.16.840.1.113883.19.5"
PLACE = {"line": ["1 River Road"], "postalCode": "01000"}


def asking(person: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The Parameters of $match."""
    return {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": person}, *({"name": k, f"value{'Boolean' if isinstance(v, bool) else 'Integer'}": v} for k, v in more.items())]}


async def match(clinic: Clinic, who: str, person: dict[str, Any], **more: Any) -> Reply:
    return await clinic.ask(who, "POST", "Patient/$match", asking(person, **more))


def grades(reply: Reply) -> list[tuple[str, str]]:
    assert reply.status == 200, reply.body
    return [(e["resource"]["id"], e["search"]["extension"][0]["valueCode"]) for e in reply.json().get("entry", []) if e["search"]["mode"] == "match"]


@pytest.fixture
async def shared(clinic: Clinic) -> dict[str, str]:
    """A client whose consent names an outside organization, with a letter of the Part 2 program and a document that came."""
    p = (await clinic.make("sys-sud", patient(identifier=[{"system": MRN, "value": "R1"}], gender="female", address=[PLACE]))).id
    await clinic.make("sys-sud", encounter(p))
    await clinic.make("sys-sud", consent(p, "tpo"))
    return {"p": p, "d": (await clinic.make("sys-sud", outside.letter(p))).id}


async def test_somebody_is_certain_by_an_identifier_only_and_likely_by_name_and_birth_date(clinic: Clinic) -> None:
    ana = (await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}], gender="female", address=[PLACE]))).id
    bea = (await clinic.make("sys-mh", {**patient(gender="female"), "name": [{"family": "Rivera", "given": ["Bea"]}]})).id
    number = {"identifier": [{"system": MRN, "value": "R1"}]}
    assert grades(await match(clinic, "sys-mh", {"resourceType": "Patient", **number})) == [(ana, "certain")]
    assert grades(await match(clinic, "sys-mh", {**patient("Otherwise", birthDate="1970-01-01"), **number})) == [(ana, "possible")], "what is said speaks against it"
    assert grades(await match(clinic, "sys-mh", patient(gender="female"))) == [(ana, "probable"), (bea, "possible")]
    assert dict(grades(await match(clinic, "sys-mh", patient(gender="male")))) == {ana: "possible", bea: "possible"}
    assert grades(await match(clinic, "sys-mh", patient(), onlyCertainMatches=True)) == []
    assert len(grades(await match(clinic, "sys-mh", patient(), count=1))) == 1
    for too_little in ({"resourceType": "Patient", "name": [{"family": "Rivera"}]}, {"resourceType": "Patient", "birthDate": "1988-03-04"}, patient(birthDate="1988"), {**patient(), "name": [{"family": "Rivera"}]}):
        assert (await match(clinic, "sys-mh", too_little)).status == 400
    for odd in ({"resourceType": "Patient"}, {"resourceType": "Parameters"}, asking({"resourceType": "Group"}), asking({"resourceType": "Patient", "name": 7, "birthDate": [1]})):
        assert (await clinic.ask("sys-mh", "POST", "Patient/$match", odd)).status == 400


async def test_who_may_not_know_them_is_answered_as_if_they_were_not_here(clinic: Clinic, shared: dict[str, str]) -> None:
    assert grades(await match(clinic, "tpo", patient(identifier=[{"system": MRN, "value": "R1"}]))) == [(shared["p"], "certain")]
    nobody = await match(clinic, "tpo", patient("Nowhere", identifier=[{"system": MRN, "value": "X9"}]))
    for who in ("stranger", "revoked", "expired", "mh-clinician"):
        hidden = await match(clinic, who, patient(identifier=[{"system": MRN, "value": "R1"}]))
        assert (hidden.status, hidden.body) == (200, nobody.body)
        assert (await clinic.get(who, f"Patient/$ihe-pix?sourceIdentifier={MRN}|R1")).body == (await clinic.get(who, f"Patient/$ihe-pix?sourceIdentifier={MRN}|X9")).body
    found = await clinic.get("tpo", f"Patient/$ihe-pix?sourceIdentifier={MRN}|R1")
    assert found.json()["parameter"] == [{"name": "targetId", "valueReference": {"reference": f"{BASE}/Patient/{shared['p']}"}}]
    assert (await clinic.get("tpo", "Patient/$ihe-pix?sourceIdentifier=R1")).status == 400


async def test_a_document_is_found_then_fetched_and_both_are_disclosures(clinic: Clinic, shared: dict[str, str]) -> None:
    async def told() -> int:
        return sum(any(w.startswith(f"DocumentReference/{shared['d']}/") for w in r["what"]) for r in await clinic.owner.fetch("SELECT what FROM record.disclosure"))

    found = await clinic.get("tpo", f"DocumentReference?patient.identifier={MRN}|R1&status=current")
    (entry,) = [r for r in found.entries if r["resourceType"] == "DocumentReference"]
    (content,) = entry["content"]
    assert "data" not in content["attachment"]
    assert content["attachment"]["contentType"] == "text/plain"
    assert content["attachment"]["size"] == len(b"A letter.")
    assert entry["masterIdentifier"]["value"] == f"{BASE}/DocumentReference/{shared['d']}"
    assert entry["securityLabel"][0]["coding"][0]["code"] == "R"
    assert await told() == 1
    got = await clinic.get("tpo", content["attachment"]["url"].removeprefix(f"{BASE}/"))
    assert (got.status, got.body, got.header("content-type")) == (200, b"A letter.", "text/plain")
    assert got.header("x-disclosure-notice") == "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
    assert got.header("x-disclosure-scope")
    assert await told() == 2
    for who in ("stranger", "revoked"):
        assert (await clinic.get(who, f"DocumentReference?patient.identifier={MRN}|R1")).entries == []
        assert (await clinic.get(who, f"DocumentReference/{shared['d']}/$content")).body == (await clinic.get(who, "DocumentReference/AAAAAAAAAAAAAAAAAAAAAA/$content")).body
    inside = (await clinic.get("sys-sud", f"DocumentReference?patient={shared['p']}")).entries[0]
    assert base64.b64decode(inside["content"][0]["attachment"]["data"]) == b"A letter.", "who works here gets what is stored"
    assert (await clinic.get("tpo", f"DocumentReference/{shared['d']}/$content?n=7")).status == 404
    assert (await clinic.get("tpo", f"DocumentReference/{shared['d']}/$content?n=x")).status >= 400


async def test_submission_sets_are_those_of_the_documents_that_the_caller_may_see(clinic: Clinic, shared: dict[str, str]) -> None:
    query = f"List?patient.identifier={MRN}|R1&code=submissionset&status=current"
    (found,) = (await clinic.get("tpo", query)).entries
    assert found["entry"] == [{"item": {"reference": f"DocumentReference/{shared['d']}"}}]
    assert found["subject"] == {"reference": f"Patient/{shared['p']}"}
    assert found["meta"]["security"], "it is as confidential as what it names"
    assert [r["what"] for r in await clinic.owner.fetch("SELECT what FROM record.disclosure") if any(w.startswith(f"DocumentReference/{shared['d']}/") for w in r["what"])], "that there is one is a disclosure"
    nobody = await clinic.get("stranger", "List?patient.identifier=urn:oid:1.2|X&code=submissionset")
    hidden = await clinic.get("stranger", query)
    assert (hidden.status, hidden.entries) == (nobody.status, nobody.entries) == (200, [])
    assert (await clinic.get("tpo", f"List?patient={shared['p']}&code=folder")).entries == []
    for own in ("", "&code=medications", "&code:not=submissionset"):
        refused = await clinic.get("tpo", f"List?patient={shared['p']}{own}")
        assert (refused.status, b"Your role does not include" in refused.body) == (403, True), "lists of the record are not for them"
    assert (await clinic.get("tpo", f"List?patient={shared['p']}&code=submissionset&identifier=1")).status >= 400


@pytest.mark.parametrize("query", ["type:text=Letter", "date=ge2026-02-01", "status=current", "security-label:missing=true", "contenttype=text/plain"])
async def test_documents_are_found_by_what_mhd_asks_with(clinic: Clinic, shared: dict[str, str], query: str) -> None:
    found = await clinic.get("tpo", f"DocumentReference?patient={shared['p']}&{query}", ("prefer", "handling=strict"))
    assert [r["id"] for r in found.entries if r["resourceType"] == "DocumentReference"] == [shared["d"]]
