"""Care to which a minor consented alone is labelled when it is written, and a parent finds nothing of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sojourn.base import clock
from sojourn.gate import bases, minorscare
from sojourn.gate.consenting import terms
from sojourn.gate.preparing import Prepared, found_by
from sojourn.record import index
from sojourn.record.index import Keys
from tests.gate.test_proxies import related, stand_for, young
from tests.people import FAR, MH, Clinic, consent, encounter, observation, patient

UNKNOWN = "A" * 22


def agreement(p: str, authority: str = "minor", **more: Any) -> dict[str, Any]:
    """A minor's own agreement to treatment by the mental health program, as a system brings it."""
    made = consent(p, "nobody", kind="treatment", organization=[{"reference": "Organization/mh"}], dateTime=clock.now().isoformat(), **more)
    del made["provision"]
    made["extension"].append(terms.extension(terms.AUTHORITY, valueCode=authority))
    return made


async def child(clinic: Clinic) -> str:
    """A patient of 14 years, and the account of a parent."""
    p = (await clinic.make("sys-mh", {**patient(), "birthDate": young(14)})).id
    person = (await clinic.make("sys-mh", related(p, "MTH"))).id
    await stand_for(clinic, "parent", f"RelatedPerson/{person}")
    return p


def today(p: str, **more: Any) -> dict[str, Any]:
    """A record of care that is given now."""
    return observation(p, effectiveDateTime=clock.now().isoformat(), **more)


async def labelled(clinic: Clinic, id_: str) -> bool:
    own = await clinic.owner.fetchval("SELECT own FROM record.resource WHERE id = $1", id_)
    return bool(own & bases.MINOR)


async def test_what_is_written_after_a_minor_consented_alone_is_labelled_and_a_parent_finds_nothing_of_it(clinic: Clinic) -> None:
    p = await child(clinic)
    before = (await clinic.make("mh-clinician", observation(p))).id
    await clinic.make("sys-mh", agreement(p))
    visit = (await clinic.make("mh-clinician", encounter(p))).id
    after = (await clinic.make("mh-clinician", observation(p, encounter={"reference": f"Encounter/{visit}"}))).id
    late = (await clinic.make("mh-clinician", observation(p, effectiveDateTime="2020-01-01T10:00:00Z"))).id
    elsewhere = (await clinic.make("sys-far", observation(p))).id
    assert [await labelled(clinic, i) for i in (before, visit, after, late, elsewhere)] == [False, True, True, False, False]
    seen = {(await clinic.get("mh-clinician", f"{t}/{i}")).status for t, i in (("Encounter", visit), ("Observation", after))}
    assert seen == {200}, "staff who treat the patient see it"
    assert set((await clinic.get("parent", f"Observation?patient={p}")).ids) == {before, late, elsewhere}
    assert (await clinic.get("parent", "Encounter?_summary=count")).json()["total"] == 0
    for type_, id_ in (("Encounter", visit), ("Observation", after)):
        hidden, absent = await clinic.get("parent", f"{type_}/{id_}"), await clinic.get("parent", f"{type_}/{UNKNOWN}")
        assert (hidden.status, hidden.body.replace(id_.encode(), b""), hidden.headers[0]) == (absent.status, absent.body.replace(UNKNOWN.encode(), b""), absent.headers[0])
    assert (await clinic.get("parent", f"Consent?patient={p}")).ids == []
    everything = {r["id"] for r in (await clinic.get("parent", f"Patient/{p}/$everything")).entries}
    assert not everything & {visit, after}


async def test_where_a_parent_signed_too_nothing_is_labelled(clinic: Clinic) -> None:
    p = await child(clinic)
    await clinic.make("sys-mh", agreement(p, "minor_and_parent"))
    o = (await clinic.make("mh-clinician", today(p))).id
    assert not await labelled(clinic, o)
    assert (await clinic.get("parent", f"Observation/{o}")).status == 200


async def test_an_agreement_to_one_kind_of_care_labels_what_is_about_it(clinic: Clinic) -> None:
    p = await child(clinic)
    about = [{"system": terms.ACT_CODE, "code": "MH"}]
    await clinic.make("sys-mh", agreement(p) | {"provision": {"type": "permit", "securityLabel": about}})
    mood = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F32.1"}]}
    made = [(await clinic.make("mh-clinician", {"resourceType": "Condition", "code": code, "subject": {"reference": f"Patient/{p}"}})).id for code in (mood, {"text": "a cold"})]
    assert [await labelled(clinic, i) for i in made] == [True, False]


async def test_a_label_that_the_privacy_officer_took_off_stays_off_and_what_is_labelled_again_keeps_it(clinic: Clinic) -> None:
    p = await child(clinic)
    await clinic.make("sys-mh", agreement(p))
    one, two = [(await clinic.make("mh-clinician", today(p))).id for _ in range(2)]
    officer = await clinic.gate.access(clinic.tokens["mh-officer"])
    assert officer is not None
    await officer.relabel("Observation", one, "lower", ["MINOR"], "Both parents agreed; see the note of today")
    assert [await labelled(clinic, i) for i in (one, two)] == [False, True]
    for i in (one, two):
        kept = (await clinic.get("mh-clinician", f"Observation/{i}")).json()
        assert (await clinic.put("mh-clinician", {**kept, "status": "amended"})).status == 200
    assert [await labelled(clinic, i) for i in (one, two)] == [False, True]


async def test_a_minor_who_consented_alone_also_consents_alone_to_telling_of_it(clinic: Clinic) -> None:
    p = await child(clinic)
    await clinic.make("sys-mh", agreement(p))
    o = (await clinic.make("mh-clinician", today(p))).id
    form = consent(p, "tpo", kind="hipaa_authorization", purposes=["HRESCH"], organization=[{"reference": "Organization/mh"}])
    del form["provision"]["securityLabel"]
    form["provision"]["class"] = [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]
    await clinic.make("sys-mh", form)
    assert (await clinic.get("tpo-research", f"Observation/{o}")).status == 404, "a parent's authorization does not speak of it"
    form["extension"].append(terms.extension(terms.AUTHORITY, valueCode="minor"))
    await clinic.make("sys-mh", form)
    assert (await clinic.get("tpo-research", f"Observation/{o}")).status == 200


async def test_what_has_only_a_day_is_of_that_care_on_the_day_of_the_signature(clinic: Clinic) -> None:
    """A goal has a day and never a time: set in the visit in which the minor signed, it was before the signature, and a parent read it."""
    p = await child(clinic)
    await clinic.make("sys-mh", agreement(p))
    today_, earlier = clock.now().date(), clock.now().date() - timedelta(days=2)
    goal = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "drink less"},
        "subject": {"reference": f"Patient/{p}"},
    }
    made = [(await clinic.make("mh-clinician", {**goal, "startDate": f"{day}"})).id for day in (today_, earlier)]
    assert [await labelled(clinic, i) for i in made] == [True, False]
    assert (await clinic.get("parent", f"Goal?patient={p}")).ids == [made[1]]


async def test_the_care_of_one_minor_says_nothing_of_another_who_is_written_about_at_once(clinic: Clinic) -> None:
    p, q = await child(clinic), (await clinic.make("sys-mh", {**patient(), "birthDate": young(15)})).id
    await clinic.make("sys-mh", agreement(p))
    entries = [{"resource": today(x), "request": {"method": "POST", "url": "Observation"}} for x in (p, q)]
    reply = await clinic.ask("sys-mh", "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    made = [e["response"]["location"].split("Observation/")[1].split("/")[0] for e in reply.json()["entry"]]
    assert [await labelled(clinic, i) for i in made] == [True, False]


SIGNED, OVER = datetime(2026, 3, 1, 8), datetime(2026, 4, 1)  # noqa: DTZ001 - as asyncpg gives a timestamp
KEYS = Keys(b"k" * 16)


def prepared(
    *, at: str | None = "2026-03-02T10:00:00Z", origin: tuple[int, ...] = (MH,), updated: str = "2026-03-02T10:00:00Z", **more: Any
) -> Prepared:
    """An entry about to be written."""
    resource = observation("x", **more)
    resource = {k: v for k, v in {**resource, "effectiveDateTime": at}.items() if v is not None}
    rows = index.rows(resource, KEYS)
    return Prepared(
        "create",
        "Observation",
        "o",
        "1",
        datetime.fromisoformat(updated),
        None,
        resource=resource,
        origin=list(origin),
        patient="x",
        rows=rows,
    )


def says(**more: Any) -> dict[str, Any]:
    """What a consent says, as gate.minors_consents has it."""
    return {"patient": "x", "basis": bases.MINOR, "programs": None, "codes": None, "valid_from": SIGNED, "valid_to": OVER, **more}


@pytest.mark.parametrize(
    ("entry", "row", "of"),
    [
        ({}, {}, True),
        ({"at": "2026-03-01T08:00:00Z"}, {}, True),
        ({"at": "2026-03-01T07:59:59Z"}, {}, False),
        ({"at": "2026-03-31T23:59:59Z"}, {}, True),
        ({"at": "2026-04-01T00:00:01Z"}, {}, False),
        ({"at": "2026-03-01"}, {}, True),
        ({"at": "2026-02-28"}, {}, True),
        ({"at": "2026-02-27"}, {}, False),
        ({"at": "2026-04-01"}, {}, False),
        ({"at": None}, {}, True),
        ({"at": None, "updated": "2026-03-01T07:00:00Z"}, {}, False),
        ({"at": None, "updated": "2026-03-01T00:00:00Z"}, {}, False),
        ({"at": "1700-01-01"}, {}, True),
        ({"at": "1850-01-01"}, {}, False),
        ({}, {"programs": [MH]}, True),
        ({}, {"programs": [MH, FAR]}, True),
        ({}, {"programs": [FAR]}, False),
        ({}, {"programs": []}, False),
        ({"origin": (MH, FAR)}, {"programs": [MH]}, False),
        ({"origin": ()}, {"programs": [MH]}, False),
        ({"origin": ()}, {}, True),
        ({}, {"codes": [1, 2]}, False),
        ({}, {"codes": []}, False),
    ],
)
def test_an_entry_is_of_that_care_by_its_time_its_programs_and_its_subjects(entry: dict[str, Any], row: dict[str, Any], of: bool) -> None:
    assert minorscare._is_of(prepared(**entry), says(**row)) is of


def test_of_its_subjects_one_is_enough_and_of_no_labelled_element() -> None:
    entry = prepared()
    assert entry.rows is not None
    assert minorscare._is_of(entry, says(codes=[1, *found_by(entry.rows)[:1]]))
    entry.rows = None
    assert not minorscare._is_of(entry, says())
