"""ADT: visits elsewhere join the chart as information, people are written down and changed by who keeps the register, and nobody is merged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sojourn.care.admissions import people
from sojourn.care.allergies import lists
from sojourn.care.exchange import following
from sojourn.care.listing import OUTSIDE, source
from sojourn.care.papers.indexing import CATEGORY
from sojourn.care.resources import concept
from sojourn.doors.hl7v2.out import following as out
from sojourn.gate import elsewhere
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.feed import Feed
from sojourn.record.database import Dsn
from tests.care.risky import DAY, Ward, ward
from tests.doors.hl7v2.hospital import HOSPITAL, IN1, adt
from tests.doors.hl7v2.lab import MRN, code, done, listener, registered, sent, states
from tests.people import MH, SUD, A
from tests.record.settling import settled

REGISTER = Partner(**{**{f: getattr(HOSPITAL, f) for f in HOSPITAL.__dataclass_fields__}, "registers": True})


@pytest.fixture
async def day(database: Dsn) -> AsyncIterator[Ward]:
    async with ward(database, at=DAY) as made:
        person = (await made.clinic.get(made.system, f"Patient/{made.client}")).json()
        person |= {"identifier": [{"system": MRN, "value": "R1"}], "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04"}
        assert (await made.clinic.put(made.system, person)).status == 200
        yield made


async def came(made: Ward, *messages: bytes, partner: Partner = HOSPITAL, **more: Any) -> list[str]:
    """Messages of the hospital, taken and done; what became of each that there is."""
    known = await made.clinic.owner.fetchval("SELECT count(*) FROM record.exchange_partner")
    if not known:
        await registered(made.clinic.gate, partner, **more)
    door = listener(made.clinic.gate)
    for one in messages:
        assert code(await sent(door, one)) == "AA"
    await done(door, made.clinic.gate)
    return [s for s, _ in await states(made.clinic.gate, made.clinic.owner)]


async def visits(made: Ward, who: str = "") -> list[dict[str, Any]]:
    found = (await made.clinic.get(who or made.system, f"Encounter?patient={made.client}")).entries
    return [e for e in found if e.get("identifier")]


async def test_a_stay_elsewhere_is_admitted_moved_discharged_and_taken_back(day: Ward) -> None:
    await came(day, adt("A01", extra="DG1|1||F10.239^Alcohol dependence with withdrawal^I10|||A\rAL1|1|DA|^Penicillin|SV|Hives\r" + IN1))
    (stay,) = await visits(day)
    assert (stay["status"], stay["class"]["code"], stay["location"][0]["location"]["display"]) == ("in-progress", "IMP", "MERCY, ICU, 12, A")
    assert "episodeOfCare" not in stay
    assert all("reference" not in p.get("individual", {}) for p in stay["participant"])
    await came(day, adt("A02", "H2", place="WEST^3^B", at="20260304090000-0500"), adt("A03", "H3", place="WEST^3^B", left="20260304093000-0500", at="20260304093500-0500"))
    (stay,) = await visits(day)
    assert stay["status"] == "finished"
    assert stay["period"] == {"start": "2026-03-04T08:00:00-05:00", "end": "2026-03-04T09:30:00-05:00"}
    assert [(p["location"]["display"], p["status"]) for p in stay["location"]] == [("MERCY, ICU, 12, A", "completed"), ("MERCY, WEST, 3, B", "active")]
    await came(day, adt("A08", "H4", at="20260304084500-0500", place="ICU^12^A"))
    assert await visits(day) == [stay], "what is older changes nothing"
    await came(day, adt("A13", "H5", place="WEST^3^B", at="20260304094000-0500"))
    (stay,) = await visits(day)
    assert (stay["status"], "end" in stay["period"]) == ("in-progress", False)
    await came(day, adt("A12", "H6", at="20260304095000-0500"), adt("A11", "H7", at="20260304095500-0500"))
    (stay,) = await visits(day)
    assert (stay["status"], [p["location"]["display"] for p in stay["location"]]) == ("cancelled", ["MERCY, ICU, 12, A"])
    (found,) = (await day.clinic.get(day.system, f"Condition?patient={day.client}&category=encounter-diagnosis")).entries
    assert found["encounter"]["reference"] == f"Encounter/{stay['id']}"
    assert (found["code"]["coding"][0]["code"], found["verificationStatus"]["coding"][0]["code"]) == ("F10.239", "provisional")
    (allergy,) = (await day.clinic.get(day.system, f"AllergyIntolerance?patient={day.client}")).entries
    assert (allergy["code"]["text"], allergy["verificationStatus"]["coding"][0]["code"]) == ("Penicillin", "unconfirmed")
    (cover,) = (await day.clinic.get(day.system, f"Coverage?patient={day.client}")).entries
    assert (cover["status"], cover["subscriberId"]) == ("draft", "POL1"), "insurance of another register is for somebody to check"
    assert await came(day) == ["mapped"] * 7
    (source,) = (await day.clinic.get(day.system, f"Provenance?target=AllergyIntolerance/{allergy['id']}")).entries
    assert source["agent"][0]["who"]["display"] == "Mercy Hospital"


async def test_a_stay_elsewhere_relates_nobody_and_tells_who_answers_for_the_person_once(day: Ward) -> None:
    before = await day.clinic.owner.fetch("SELECT * FROM record.relation ORDER BY 1, 2, 3, 4")
    origin = await day.clinic.owner.fetchval("SELECT origin FROM record.resource WHERE id = $1 AND type = 'Patient'", day.client)
    await came(day, adt("A01"), adt("A08", "H2", at="20260304084500-0500"))
    assert await day.clinic.owner.fetch("SELECT * FROM record.relation ORDER BY 1, 2, 3, 4") == before
    assert await day.clinic.owner.fetchval("SELECT origin FROM record.resource WHERE id = $1 AND type = 'Patient'", day.client) == origin
    for _ in range(2):
        await settled(day.clinic.gate.house.db)
        feed = Feed(day.clinic.gate.house.db, A)
        await feed.number()
        while await feed.follow("exchange", following.follower(Clockwork(day.clinic.gate))):
            pass
    (task,) = [t for t in (await day.clinic.get(day.system, f"Task?patient={day.client}")).entries if t["code"]["coding"][0]["code"] == "stay-elsewhere"]
    (stay,) = await visits(day)
    assert task["focus"]["reference"] == f"Encounter/{stay['id']}"
    assert "Mercy" not in str(task)


async def followed(made: Ward) -> list[dict[str, Any]]:
    """What somebody is asked about allergies, once all that came was looked at."""
    await settled(made.clinic.gate.house.db)
    feed = Feed(made.clinic.gate.house.db, A)
    await feed.number()
    while await feed.follow("exchange", following.follower(Clockwork(made.clinic.gate))):
        pass
    return [t for t in (await made.clinic.get(made.system, f"Task?patient={made.client}")).entries if t["code"]["coding"][0]["code"] == following.ALLERGY]


async def allergies(made: Ward) -> dict[str, dict[str, Any]]:
    return {a["code"]["text"]: a for a in (await made.clinic.get(made.system, f"AllergyIntolerance?patient={made.client}")).entries}


async def test_allergies_told_from_outside_are_not_confirmed_and_somebody_is_asked_to_look_at_them_once(day: Ward) -> None:
    peanut = "IAM|1|FA|12345^Peanut^L|SV|Hives|A^Add|5^M^1.2.3^ISO|Said at intake|AL^Allergy||201805||20260301|Doe^Rosa|SPO^Spouse||C\r"
    latex = "IAM|2|MA|99^Latex^L|MI|Rash|A|6||IN\r"
    await came(day, adt("A60", visit="", extra="AL1|1|FA|12345^Peanut^L\r" + peanut + latex))
    found = await allergies(day)
    assert sorted(found) == ["Latex", "Peanut"]
    one = found["Peanut"]
    assert (one["verificationStatus"]["coding"][0]["code"], one["type"], one["onsetDateTime"], one["identifier"]) == ("unconfirmed", "allergy", "2018-05", [{"system": "urn:oid:1.2.3", "value": "5"}])
    assert (one["asserter"]["display"], one["note"][0]["text"]) == ("Rosa Doe (Spouse), by MERCY", "Said at intake")
    assert one["reaction"] == [{"manifestation": [{"text": "Hives"}], "severity": "severe"}]
    (task,) = await followed(day)
    assert "eanut" not in str(task)
    await came(day, adt("A60", "H2", visit="", at="20260304090000-0500", extra=peanut + latex))
    assert len(await followed(day)) == 1, "what is there already asks nobody again"
    standing = await lists.of(await day.access("therapist"), day.client)
    latex_ = next(a for a in standing.found if a.name == "Latex")
    assert (latex_.confirmed, latex_.acts[0]) == (False, ("confirm", "Confirmed"))
    there = lists.ended(await day.access("therapist"), latex_, "confirm", "She told me.", program=MH)
    await (await day.access("therapist")).write([there])
    await came(day, adt("A60", "H3", visit="", at="20260304100000-0500", extra="IAM|1|FA|12345^Peanut^L|||D\rIAM|2|MA|99^Latex^L|||D\rIAM|3|DA|7^Iodine^L|||D\r"))
    after = await allergies(day)
    assert {k: v["verificationStatus"]["coding"][0]["code"] for k, v in after.items()} == {"Peanut": "entered-in-error", "Latex": "confirmed"}, "what was found out here stays"


async def test_who_pays_is_written_down_by_the_register_without_a_right_to_act(day: Ward) -> None:
    gt1 = "GT1|1|G7|Rivera^Rosa||1 Elm^^Monroe^WI^53566|6085550100|||F||MTH^Mother\rGT1|2||Rivera^Ana||||||||SEL^Self\rGT1|3||Rivera^Ana||||||||\r"
    await came(day, adt("A28", visit="", extra=gt1), partner=REGISTER)
    (payer,) = (await day.clinic.get(day.system, f"RelatedPerson?patient={day.client}")).entries
    assert (payer["name"][0]["given"], payer["relationship"], payer["telecom"][0]["value"]) == (["Rosa"], [{"text": "Guarantor (Mother)"}], "6085550100")


async def test_of_who_pays_another_partner_says_nothing_that_is_kept_in_the_chart(day: Ward) -> None:
    await came(day, adt("A28", visit="", extra="GT1|1|G7|Rivera^Rosa||||||||MTH^Mother\r"))
    assert (await day.clinic.get(day.system, f"RelatedPerson?patient={day.client}")).entries == []


def test_what_came_from_somebody_else_is_not_sent_on_as_ours() -> None:
    told = {"coding": [{"system": elsewhere.SYSTEM, "code": elsewhere.CODE}]}
    assert out.not_ours({"resourceType": "Encounter", "type": [told]})
    assert out.not_ours({"resourceType": "Appointment", "serviceType": [told]})
    assert out.not_ours({"resourceType": "DocumentReference", "category": [concept(CATEGORY, "Paper from outside")]})
    assert out.not_ours({"resourceType": "DocumentReference", "extension": [source(OUTSIDE)]})
    assert not out.not_ours({"resourceType": "Encounter", "type": [{"text": "Visit"}]})


async def test_who_is_not_found_for_certain_waits_and_is_written_down_only_by_somebody(day: Ward) -> None:
    assert await came(day, adt("A28", mrn="X7", family="Newcomer", by="MERCY", visit=""), adt("A01", "H2", born="19700101")) == ["review", "review"]
    whys = {why for _, why in await states(day.clinic.gate, day.clinic.owner)}
    assert len(whys) == 1, "the envelope says the same whatever is there"
    assert (await day.clinic.get(day.system, "Patient?family=Newcomer")).entries == []
    assert await visits(day) == []


async def test_our_own_register_writes_people_down_and_changes_them_and_twice_is_left_to_people(day: Ward) -> None:
    address = "12 Elm St^^Riverbend^NY^12207^USA^H||(518)555-0147^PRN^PH|||M"
    contact = "NK1|1|Rivera^Luz|MTH^Mother|12 Elm St^^Riverbend^NY|(518)555-0148||C\r"
    assert await came(day, adt("A28", mrn="R9", given="Anna", visit="", pid=address, extra=contact), partner=REGISTER, program=MH) == ["mapped"]
    (made,) = (await day.clinic.get(day.system, f"Patient?identifier={MRN}|R9")).entries
    assert (made["name"][0]["given"], made["address"][0]["city"], made["maritalStatus"]["coding"][0]["code"]) == (["Anna"], "Riverbend", "M")
    (mother,) = (await day.clinic.get(day.system, f"RelatedPerson?patient={made['id']}")).entries
    assert "coding" not in mother["relationship"][0], "a relation that a message names lets nobody act for anybody"
    assert made["id"] != day.client
    await came(day, adt("A31", "H2", mrn="R9", given="Anabel", visit="", at="20260304090000-0500", pid='""'), adt("A31", "H3", mrn="R9", given="Old", visit="", at="20260304085000-0500"))
    (now,) = (await day.clinic.get(day.system, f"Patient?identifier={MRN}|R9")).entries
    assert (now["name"][0]["given"], "address" in now, now["telecom"]) == (["Anabel"], False, made["telecom"])
    assert await people.look(await Clockwork(day.clinic.gate).access(A)) == 1, "that she may be here twice is found by the clock"


async def test_two_numbers_of_theirs_become_one_and_two_people_of_ours_are_put_to_who_decides(day: Ward) -> None:
    other = (await day.clinic.make(day.system, {"resourceType": "Patient", "identifier": [{"system": MRN, "value": "R2"}], "name": [{"family": "Rivera", "given": ["Ana"]}], "birthDate": "1988-03-04"})).id
    join = "MRG|{}^^^RIVER^MR\r"
    assert await came(day, adt("A40", "J1", mrn="X5", by="MERCY", visit="", extra="MRG|X4^^^MERCY^MR\r")) == ["mapped"], "nobody of ours: nothing to do, and nothing to tell"
    await came(day, adt("A40", "J2", mrn="N1", by="MERCY", visit="", extra=join.format("R1")))
    assert await came(day, adt("A01", "J3", mrn="N1", by="MERCY")) == ["mapped"] * 3, "the number that is left means her"
    assert len(await visits(day)) == 1
    await came(day, adt("A40", "J4", mrn="R2", visit="", extra=join.format("R1")), adt("A40", "J5", mrn="R2", visit="", extra=join.format("R1"), at="20260304100000-0500"))
    row = await day.clinic.owner.fetch("SELECT kind, subjects FROM record.finding")
    assert [(r["kind"], set(r["subjects"])) for r in row] == [("people", {f"Patient/{day.client}", f"Patient/{other}"})]
    for id_ in (day.client, other):
        assert (await day.clinic.get(day.system, f"Patient/{id_}")).status == 200
    assert (await day.clinic.get(day.system, "Linkage")).entries == [], "nobody is merged by a message"


async def test_a_profile_says_what_their_codes_mean_what_is_left_and_what_is_confidential(day: Ward) -> None:
    more = {"tables": {"0004:OBS": "I"}, "ignored": ("AL1",), "marks": {"ZPR-2=Y": "PSY"}}
    await came(day, adt("A01", kind="OBS", extra="AL1|1|DA|^Penicillin\rZPR|1|Y\r"), adt("A01", "H2", kind="WHAT", visit="V2"), **more)
    first, second = sorted(await visits(day), key=lambda e: e["identifier"][0]["value"])
    assert (first["class"]["code"], second["class"]["code"]) == ("IMP", "UNK")
    assert {"R", "PSY"} <= {c["code"] for c in first["meta"]["security"]}
    assert not {"PSY"} & {c["code"] for c in second.get("meta", {}).get("security", ())}
    assert (await day.clinic.get(day.system, f"AllergyIntolerance?patient={day.client}")).entries == []


async def test_a_partner_may_say_that_strangers_are_set_aside(day: Ward) -> None:
    assert await came(day, adt("A01", mrn="X7", family="Nobody"), adt("A01", "H2", born="19700101"), strangers="aside") == ["aside", "aside"]


assert SUD
