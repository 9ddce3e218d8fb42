"""What patients and privacy officers read about the trail: access reports, accountings of disclosures, unusual looking."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate.trail import accounting, outliers
from sojourn.gate.trail.accesses import report
from sojourn.record import disclosures
from tests.gate.test_purposes import authorization, shared
from tests.gate.test_trail_read import access, story
from tests.people import Clinic, consent, encounter, observation, patient

FAR = datetime(2020, 1, 1, tzinfo=UTC)


async def test_a_patient_reads_who_looked_when_and_why_in_words(clinic: Clinic) -> None:
    p, hidden = await story(clinic)
    me = await access(clinic, "mh-clinician", kind="patient", agent=f"Patient/{p}", role="patient", programs=())
    found = await report(me, p, FAR, me.now)
    mine = next(v for v in found.visits if v.who == "both-clinician")
    assert (mine.role, mine.why, mine.outside) == ("Director", ["treatment"], False)
    assert "looked at" in mine.did
    assert mine.times == 3
    assert found.complete
    assert "sud-clinician" in {v.who for v in found.visits}, "one's own report is whole"
    assert not any(hidden in repr(v) for v in found.visits)
    part = await access(clinic, "officer", programs=(2,))
    assert "sud-clinician" not in {v.who for v in (await report(part, p, FAR, part.now)).visits}
    with pytest.raises(errors.Forbidden):
        await report(await access(clinic, "mh-clinician"), p, FAR, me.now)


async def disclose(clinic: Clinic, p: str, purpose: str, recipient: str, *, what: str, consents: list[str], ago: timedelta = timedelta()) -> None:
    """A line of the log of disclosures, as if it had been made some time ago."""
    officer = await access(clinic, "officer")
    head = (*officer.head[:3], officer.now - ago)
    row = (f"d{purpose}{recipient[-3:]}{ago.days}{len(consents)}", "release", "officer", "r", recipient, purpose, [p], [what], consents, "", "", "application/pdf", "0" * 64, 1, "b", False)
    await disclosures.disclosed(officer.house.db, head, *row)


async def chart(clinic: Clinic) -> tuple[str, str, str]:
    """A patient, what may be sent, and a consent to send it."""
    p = (await clinic.make("sys-sud", patient())).id
    made = await clinic.make("sys-sud", observation(p))
    agreed = await clinic.make("sys-sud", consent(p, "tpo"))
    return p, f"Observation/{made.id}/_history/{made.version}", f"Consent/{agreed.id}/_history/{agreed.version}"


async def test_the_hipaa_accounting_leaves_out_tpo_the_patient_and_what_was_authorized_and_goes_back_six_years(clinic: Clinic) -> None:
    p, what, agreed = await chart(clinic)
    await disclose(clinic, p, "TREAT", "Organization/tpo", what=what, consents=[])
    await disclose(clinic, p, "HPAYMT", "Organization/payer", what=what, consents=[agreed])
    await disclose(clinic, p, "PATRQT", f"Patient/{p}", what=what, consents=[])
    await disclose(clinic, p, "HRESCH", "Organization/lab", what=what, consents=[agreed])
    await disclose(clinic, p, "HLEGAL", "Organization/court", what=what, consents=[])
    await disclose(clinic, p, "PUBHLTH", "Organization/state", what=what, consents=[], ago=timedelta(days=5 * 365))
    await disclose(clinic, p, "PUBHLTH", "Organization/state", what=what, consents=[], ago=timedelta(days=4 * 365))
    await disclose(clinic, p, "PUBHLTH", "Organization/old", what=what, consents=[], ago=timedelta(days=7 * 365))
    officer = await access(clinic, "officer")
    found = await accounting.accounting(officer, p, "hipaa", {"Organization/court": "County Court"})
    assert [(e.recipient, e.purpose, e.times) for e in found.entries] == [("County Court", "legal reasons", 1), ("Organization/state", "public health", 2)]
    assert found.entries[0].what == "measurements and results"
    assert found.entries[1].first < found.entries[1].last
    assert (found.rule.years, found.rule.answer_days) == (6, 60)


async def test_the_part_2_accounting_lists_what_was_disclosed_with_consent_for_three_years_and_says_that_the_rule_is_open(clinic: Clinic) -> None:
    p, what, agreed = await chart(clinic)
    await disclose(clinic, p, "TREAT", "Organization/tpo", what=what, consents=[agreed])
    await disclose(clinic, p, "HLEGAL", "Organization/court", what=what, consents=[])
    await disclose(clinic, p, "TREAT", "Organization/old", what=what, consents=[agreed], ago=timedelta(days=4 * 365))
    found = await accounting.accounting(await access(clinic, "officer"), p, "part2")
    assert [e.recipient for e in found.entries] == ["Organization/tpo"]
    assert found.rule.uncertain
    assert "tolled" in found.rule.note


async def test_an_intermediary_lists_those_who_received_under_a_general_designation(clinic: Clinic) -> None:
    p, what, agreed = await chart(clinic)
    general = consent(p, "tpo", kind="part2_intermediary")
    general["extension"].append({"url": "https://ehr.example.org/fhir/StructureDefinition/part2-intermediary", "valueReference": {"reference": "Organization/tpo"}})
    made = await clinic.make("sys-sud", general)
    await disclose(clinic, p, "TREAT", "Organization/member", what=what, consents=[f"Consent/{made.id}/_history/{made.version}"])
    await disclose(clinic, p, "TREAT", "Organization/tpo", what=what, consents=[agreed])
    found = await accounting.accounting(await access(clinic, "officer"), p, "intermediary")
    assert [e.recipient for e in found.entries] == ["Organization/member"]


async def test_an_officer_outside_the_part_2_program_gets_no_accounting_of_its_disclosures(clinic: Clinic) -> None:
    p, what, agreed = await chart(clinic)
    await disclose(clinic, p, "HLEGAL", "Organization/court", what=what, consents=[agreed])
    await disclose(clinic, p, "HLEGAL", "Organization/court", what=what, consents=[])
    officer = await access(clinic, "officer", programs=(2,))
    for rule in ("hipaa", "part2", "intermediary"):
        assert (await accounting.accounting(officer, p, rule)).entries == []


async def test_what_the_log_has_is_not_listed_once_more_from_the_trail_and_what_it_has_not_is(clinic: Clinic) -> None:
    p, o = await shared(clinic)
    await clinic.make("sys-mh", authorization(p, "tpo"))
    assert (await clinic.get("tpo-research", f"Observation/{o}")).status == 200
    await clinic.get("mh-clinician", f"Observation/{o}")
    assert await clinic.owner.fetchval("SELECT count(*) FROM record.disclosure") == 1

    async def listed(rule: str, **changed: Any) -> list[tuple[str, str, int, str]]:
        found = await accounting.accounting(await access(clinic, "officer", **changed), p, rule)
        return [(e.recipient, e.purpose, e.times, e.what) for e in found.entries]

    for changed in ({}, {"programs": (2,)}):
        assert await listed("hipaa", **changed) == [], "it was authorized"
        assert await listed("part2", **changed) == [("Organization/tpo", "research", 1, "measurements and results")]
    await clinic.owner.execute("DELETE FROM record.disclosure_patient")
    await clinic.owner.execute("DELETE FROM record.disclosure")
    assert await listed("hipaa") == [("Organization/tpo", "research", 1, "measurements and results")], "before there was a log"
    assert await listed("part2") == await listed("hipaa", programs=(2,)) == [], "by what they saw it is not known: an officer of some programs is not told"


def test_rules_of_accounting_and_thresholds_are_dated() -> None:
    assert [r.id for r in accounting.rules(date(2020, 1, 1))] == ["hipaa"]
    assert {r.id for r in accounting.rules(date(2026, 11, 1))} == {"hipaa", "part2", "intermediary"}
    assert outliers.thresholds(date(2026, 11, 1)).many_a_day > 0


async def staffed(clinic: Clinic) -> dict[str, str]:
    """Clinicians with names, birth dates and addresses, and patients who resemble them."""
    home = [{"line": ["1 Elm St"], "postalCode": "12345-6789"}]
    near = [{"line": ["9 Oak St"], "postalCode": "12345"}]
    dana = {"resourceType": "Practitioner", "id": "mh-clinician", "name": [{"family": "Whitfield", "given": ["Dana"]}], "birthDate": "1980-01-02", "address": home}
    sam = {"resourceType": "Practitioner", "id": "both-clinician", "name": [{"family": "Osei", "given": ["Sam"]}], "birthDate": "1975-05-05"}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": {"method": "POST", "url": "Practitioner"}, "resource": {k: v for k, v in r.items() if k != "id"}} for r in (dana, sam)]}
    made = (await clinic.ask("sys-mh", "POST", "", bundle)).json()
    ids = [e["response"]["location"].split("Practitioner/")[1].split("/")[0] for e in made["entry"]]
    for account, id_ in zip(("mh-clinician", "both-clinician"), ids, strict=True):
        await clinic.owner.execute("UPDATE record.account SET agent = $2 WHERE account = $1", account, f"Practitioner/{id_}")

    async def one(family: str, given: str, born: str, **more: Any) -> str:
        return (await clinic.make("sys-mh", {"resourceType": "Patient", "name": [{"family": family, "given": [given]}], "birthDate": born, **more})).id

    return {
        "self": await one("Whitfield", "Dana", "1980-01-02"),
        "colleague": await one("Osei", "Sam", "1975-05-05"),
        "house": await one("Miller", "Jo", "1990-01-01", address=home),
        "name": await one("Whitfield", "Ron", "1950-01-01"),
        **{f"near{n}": await one(f"Near{n}", "A", "1990-01-01", address=near) for n in range(3)},
        "plain": await one("Plain", "P", "1990-01-01"),
    }


async def test_unusual_looking_is_found_and_explained_and_ordinary_work_is_not(clinic: Clinic) -> None:
    who = await staffed(clinic)
    for id_ in who.values():
        await clinic.get("mh-clinician", f"Patient/{id_}")
    await clinic.make("sys-mh", encounter(who["plain"]))
    await clinic.get("technician", f"Patient/{who['plain']}")
    officer = await access(clinic, "officer")
    found = await outliers.outliers(officer, officer.now - timedelta(days=7), officer.now + timedelta(seconds=1))
    kinds = {s.kind: s for s in found.signals if s.account == "mh-clinician" and s.kind != "night"}
    assert kinds["self"].patients == (who["self"],)
    assert kinds["colleague"].patients == (who["colleague"],)
    assert kinds["address"].patients == (who["house"],)
    assert kinds["family-name"].patients == (who["name"],)
    assert set(kinds["area"].patients) == {who[f"near{n}"] for n in range(3)}
    assert len(kinds["unrelated"].patients) >= 7
    assert all(s.says and s.explained for s in found.signals)
    assert not [s for s in found.signals if s.account == "technician" and s.kind != "night"]
    last = await clinic.owner.fetchrow("SELECT * FROM record.audit WHERE account = 'officer' ORDER BY n DESC LIMIT 1")
    assert (last["action"], last["type"]) == ("outliers", "AuditEvent")


async def test_an_opening_counts_by_any_version_that_it_showed(clinic: Clinic) -> None:
    """Also by another than the first, which here is none that may be seen."""
    who = await staffed(clinic)
    seq = await clinic.owner.fetchval("SELECT seq FROM record.resource WHERE type = 'Patient' AND id = $1", who["self"])
    officer = await access(clinic, "officer")
    since = officer.now - timedelta(days=7)

    async def found(*shown: list[int]) -> list[str]:
        for some in shown:
            await clinic.owner.execute(
                "INSERT INTO record.audit (tenant, recorded, request, account, role, door, purpose, action, outcome, type, patients, shown)"
                " VALUES (1, $1, 'r', 'mh-clinician', 'clinician', 'staff', 'TREAT', 'read', 'done', 'Patient', $2, $3)", officer.now - timedelta(hours=1), [who["self"]], some,
            )  # fmt: skip
        return [s.kind for s in (await outliers.outliers(officer, since, officer.now)).signals if s.account == "mh-clinician" and s.kind == "self" and who["self"] in s.patients]

    assert await found([], [2**60], [2**60, 2**60 + 1]) == []
    assert await found([2**60, seq]) == ["self"]


def opening(account: str, patient: str, **more: Any) -> dict[str, Any]:
    return {
        "account": account, "name": account, "role": "nurse", "patient": patient, "times": 1, "nights": 0, "days": [date(2026, 3, 1)], "related": True, "self": False,
        "colleague": False, "family": False, "address": False, "area": "", **more,
    }  # fmt: skip


def test_many_charts_and_odd_hours_are_told_against_the_numbers_in_force() -> None:
    numbers = outliers.thresholds(date(2026, 11, 1))
    usual = [opening(f"n{k}", f"p{j}") for k in range(5) for j in range(4)]
    many = [opening("busy", f"q{j}") for j in range(numbers.many_a_day)]
    late = [opening("late", "z", times=20, nights=15)]
    found = outliers.signals([*usual, *many, *late], numbers)
    assert [(s.account, s.kind) for s in found] == [("busy", "many"), ("late", "night")]
    assert f"{numbers.many_a_day} patients on 1 Mar 2026" in found[0].says
    assert outliers.signals(usual, numbers) == []


async def test_the_report_is_only_for_those_from_whom_no_program_is_hidden(clinic: Clinic) -> None:
    for changed in ({"programs": (2,)}, {"role": "clinician"}):
        who = await access(clinic, "officer", **changed)
        with pytest.raises(errors.Forbidden):
            await outliers.outliers(who, FAR, who.now)
