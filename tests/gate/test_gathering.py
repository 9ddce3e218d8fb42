"""Gathering for counting finds what plain reading finds, for every role and type, element by element."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.base.clock import FakeClock
from sojourn.care.reports.source import ELEMENTS
from sojourn.gate.access import Access
from sojourn.record.database import Dsn
from tests import people
from tests.care.courses import NOW, Courses
from tests.effort import THOROUGH
from tests.gate.test_keeping_apart import kept
from tests.people import Clinic, consent, encounter, labelled, observation, open_clinic, patient

WHO = ("both-clinician", "mh-clinician", "sud-clinician", "far-clinician", "technician", "biller", "officer", "mh-officer", "sys-none", "ana", "tpo", "stranger", "specific", "denied")


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations."""
    with clock.using(FakeClock(NOW)):
        made = await open_clinic(database, connections=6)
        yield made
        await people.close_clinic(made)


async def as_(clinic: Clinic, who: str) -> Access:
    found = await clinic.gate.access(clinic.tokens[who])
    assert found is not None
    return found


async def plainly(access: Access, type_: str, params: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """The same by a search that is paged through, one resource after the other read by itself."""
    found, cursor = [], None
    while True:
        page = await access.search(type_, params, count=40, cursor=cursor)
        for stored in page.matches:
            alone = (await access.read(type_, stored.id)).resource
            assert alone == stored.resource
            found.append({k: alone[k] for k in ("resourceType", "id", *ELEMENTS[type_]) if k in alone})
        if not (cursor := page.next):
            return found


@pytest.mark.parametrize("seed", range(20) if THOROUGH else (5,))
async def test_it_agrees_with_plain_reading_for_every_role_and_type(clinic: Clinic, seed: int) -> None:
    await Courses(seed, clients=9).write(clinic)
    p = (await clinic.make("sys-sud", patient("Quill"))).id
    await clinic.make("sys-sud", observation(p, note=[{"text": "x"}], code={"coding": [{"system": "urn:sojourn:measure", "code": "phq-9.total"}]}))
    for receiver in ("tpo", "denied"):
        await clinic.make("sys-sud", consent(p, receiver))
    found = 0
    for who in WHO:
        for type_ in ELEMENTS:
            access = await as_(clinic, who)
            if not access.may(type_, "search"):
                with pytest.raises(errors.Forbidden):
                    await access.gather(type_, [], ELEMENTS[type_])
                continue
            gathered = await access.gather(type_, [], ELEMENTS[type_])
            assert gathered.whole
            assert gathered.resources == await plainly(await as_(clinic, who), type_, []), (who, type_)
            found += len(gathered.resources)
    assert found > 1000


@pytest.mark.parametrize("who", ["mh-clinician", "both-clinician"])
async def test_what_is_hidden_or_always_taken_out_is_in_no_element_that_is_gathered(clinic: Clinic, who: str) -> None:
    """Of an entry without labels as of one with labelled elements; what is left of a reference list is what may be seen of it."""
    p = (await clinic.make("sys-sud", patient("Quill"))).id
    await clinic.make("sys-mh", encounter(p))
    seen, hidden = (await clinic.make("sys-mh", observation(p))).id, (await clinic.make("sys-sud", observation(p))).id
    refs = [{"reference": f"Observation/{seen}", "display": "of today"}, {"reference": f"Observation/{hidden}"}]
    note = {"reference": f"DocumentReference/{await kept(clinic, p)}"}
    of = {"resourceType": "ClinicalImpression", "status": "completed", "subject": {"reference": f"Patient/{p}", "display": "Quill"}, "supportingInfo": [*refs, note]}
    plain = (await clinic.make("sys-mh", of)).id
    parts = (await clinic.make("sys-mh", {**of, "note": [labelled({"text": "a wish"}, "PSYTHPN"), {"text": "words"}]})).id
    await clinic.make("sys-mh", {**of, "_status": labelled({}, "PSYTHPN")})  # of which nothing is left
    found = await (await as_(clinic, who)).gather("ClinicalImpression", [], ("subject", "supportingInfo", "note", "date"))
    whole = who == "both-clinician"
    left = {"subject": of["subject"] if whole else {"reference": f"Patient/{p}"}, "supportingInfo": refs if whole else [{"reference": f"Observation/{seen}"}]}
    assert {r["id"]: {k: v for k, v in r.items() if k not in ("resourceType", "id")} for r in found.resources} == {plain: left, parts: {**left, "note": [{"text": "words"}]}}
    assert found.resources == [
        {k: s.resource[k] for k in ("resourceType", "id", "subject", "supportingInfo", "note") if k in s.resource} for s in (await (await as_(clinic, who)).search("ClinicalImpression", [])).matches
    ]


async def test_what_does_not_fit_is_said_and_the_trail_has_the_count_and_nobody_of_it(clinic: Clinic) -> None:
    ids = [(await clinic.make("sys-mh", patient(f"P{n}"))).id for n in range(3)]
    from sojourn.gate import gathering

    access = await as_(clinic, "both-clinician")
    some = await gathering.gather(access, "Patient", [], ("name",), count=2)
    assert (len(some.resources), some.whole) == (2, False)
    assert set(some.resources[0]) == {"resourceType", "id", "name"}
    exactly = await gathering.gather(await as_(clinic, "both-clinician"), "Patient", [], ("name",), count=3)
    assert (len(exactly.resources), exactly.whole) == (3, True)
    (line,) = await clinic.trail(access.request)
    assert (line["action"], line["type"], line["query"], line["patients"], len(line["shown"])) == ("count", "Patient", "(2 of 2 clients)", [], 0)
    access = await as_(clinic, "both-clinician")
    await gathering.gather(access, "Patient", [("_id", ",".join(ids * 3)), ("active", "true,false")], ("name",))
    (line,) = await clinic.trail(access.request)
    assert (line["query"], line["patients"]) == ("_id=[9 of them]&active=true%2Cfalse (0 of 0 clients)", [])


async def test_a_stale_credential_gathers_nothing(clinic: Clinic) -> None:
    await clinic.make("sys-mh", patient())
    access = await as_(clinic, "both-clinician")
    await clinic.owner.execute("UPDATE record.account SET generation = generation + 1 WHERE account = 'both-clinician'")
    with pytest.raises(errors.StaleCredential):
        await access.gather("Patient", [], ("name",))
