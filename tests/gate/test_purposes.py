"""For which purpose somebody outside asks decides what a relation alone opens (45 CFR 164.502(a), 164.506, 164.508)."""

from __future__ import annotations

from typing import Any

from sojourn.gate import usual
from sojourn.gate.policy import tables
from tests.people import Clinic, consent, observation, patient


async def shared(clinic: Clinic, *members: str) -> tuple[str, str]:
    """A patient and an ordinary record; outside organizations on the care team."""
    p = (await clinic.make("sys-mh", patient())).id
    o = (await clinic.make("sys-mh", observation(p))).id
    if not members:
        return p, o
    team = {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{p}"}, "participant": [{"member": {"reference": f"Organization/{m}"}} for m in members]}
    await clinic.make("sys-mh", team)
    return p, o


def authorization(p: str, to: str, **more: Any) -> dict[str, Any]:
    """A HIPAA authorization for research on what the mental health program made."""
    made = consent(p, to, kind="hipaa_authorization", purposes=["HRESCH"], organization=[{"reference": "Organization/mh"}])
    del made["provision"]["securityLabel"]
    made["provision"].update({"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}], **more})
    return made


async def found(clinic: Clinic, who: str, p: str) -> int:
    return int((await clinic.get(who, f"Observation?patient={p}&_summary=count")).json()["total"])


async def test_a_relation_opens_ordinary_records_for_treatment_and_payment_and_not_for_research(clinic: Clinic) -> None:
    p, o = await shared(clinic, "tpo")
    for who, status in (("tpo", 200), ("tpo-billing", 200), ("tpo-research", 404)):
        assert [(await clinic.get(who, url)).status for url in (f"Observation/{o}", f"Patient/{p}")] == [status] * 2, who
        assert await found(clinic, who, p) == (status == 200)


async def test_an_authorization_opens_for_research_what_it_names_and_nothing_else(clinic: Clinic) -> None:
    p, o = await shared(clinic, "tpo")
    other = (await clinic.make("sys-mh", observation(p, code={"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}))).id
    await clinic.make("sys-mh", authorization(p, "tpo", code=[{"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}]))
    assert [(await clinic.get("tpo-research", f"{url}")).status for url in (f"Observation/{other}", f"Patient/{p}", f"Observation/{o}")] == [200, 200, 404]
    assert [await found(clinic, who, p) for who in ("tpo-research", "tpo", "stranger")] == [1, 2, 0]


async def test_an_authorization_for_research_is_no_relation_for_treatment(clinic: Clinic) -> None:
    p, _ = await shared(clinic)
    await clinic.make("sys-mh", authorization(p, "tpo"))
    assert [await found(clinic, who, p) for who in ("tpo-research", "tpo", "tpo-billing")] == [1, 0, 0]


async def test_a_consent_for_treatment_is_no_relation_for_payment(clinic: Clinic) -> None:
    p, _ = await shared(clinic)
    sud = (await clinic.make("sys-sud", observation(p))).id
    form = consent(p, "specific", kind="part2_specific", purposes=["TREAT"])
    await clinic.make("sys-sud", form)
    assert [(await clinic.get(who, f"Observation/{sud}")).status for who in ("specific", "specific-billing")] == [200, 404]
    assert [await found(clinic, who, p) for who in ("specific", "specific-billing")] == [2, 0]


def test_only_treatment_payment_and_operations_need_no_authorization() -> None:
    free = {purpose for purpose in tables.known_purposes() if usual.outside_mask(purpose)}
    assert free == {purpose for kind in ("treatment", "payment", "operations") for purpose in tables.purposes(kind)}
    assert not free & {"HRESCH", "HLEGAL", "HMARKT", "PATRQT", "FAMRQT", "FUNDRAISE", "BTG", "CLINTRL", "DONAT", "PUBHLTH", "THREAT"}
