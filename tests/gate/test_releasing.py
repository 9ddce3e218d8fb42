"""Release of information: exactly what would leave, decided again when it leaves."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import clock, errors
from sojourn.gate import disclosing, patientrequests, releasing
from sojourn.gate.access import Access
from sojourn.gate.compelled import Instrument
from sojourn.gate.releasing import Wish
from sojourn.record import disclosures
from sojourn.record.database import Dsn
from tests import people
from tests.people import A, Clinic

PSYCHOTHERAPY = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}


@pytest.fixture
async def clinic(database: Dsn) -> AsyncIterator[Clinic]:
    """Both organizations, and the recipient as an Organization in the directory."""
    made = await people.open_clinic(database)
    yield made
    await people.close_clinic(made)


async def session(clinic: Clinic, who: str = "both-clinician") -> Access:
    """Somebody who has just proved who they are."""
    token = await clinic.gate.identity.issue(clinic.gate.house.tenants[A], who, kind="session", door="staff", life=timedelta(hours=1))
    access = await clinic.gate.session(token)
    assert access is not None
    access.caller = access.caller.__class__(**{**{f: getattr(access.caller, f) for f in access.caller.__slots__}, "proved": clock.now()})
    return access


async def chart(clinic: Clinic) -> tuple[str, str, str, str]:
    """A patient of both programs; a consent of the Part 2 program names the recipient. Patient, heart rates, consent."""
    clinic.recipient = await directory(clinic)  # type: ignore[attr-defined]
    person = await clinic.make("sys-mh", people.patient())
    sud = await clinic.make("sys-sud", people.observation(person.id))
    await clinic.make("sys-mh", people.observation(person.id, 80, meta={"security": [PSYCHOTHERAPY]}))
    consent = await clinic.make("sys-sud", people.consent(person.id, clinic.recipient))  # type: ignore[attr-defined]
    return person.id, sud.id, consent.id, f"Organization/{clinic.recipient}"  # type: ignore[attr-defined]


async def directory(clinic: Clinic) -> str:
    return (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Harbor Primary Care"})).id


async def log(clinic: Clinic) -> list[Any]:
    access = await session(clinic, "officer")
    return await disclosures.disclosures(clinic.gate.house.db, access.head, access.decided, "whole")


async def test_the_preview_is_what_the_recipient_would_be_shown_and_says_why_the_rest_stays(clinic: Clinic) -> None:
    person, sud, _, recipient = await chart(clinic)
    found = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Patient", "Observation")))
    assert [(s.type, s.id) for s in found.leaves] == [("Patient", person), ("Observation", sud)]
    assert [why.partition(":")[0] for _, why in found.stays] in (["Psychotherapy note"], [])
    none = await releasing.preview(await session(clinic), Wish(person, recipient, "HRESCH", ("Observation",)))
    assert (none.leaves, none.outgoing.shows) == ([], False)
    assert any("Part 2 record" in why for _, why in none.stays)
    assert await log(clinic) == []


async def test_who_may_not_release_is_not_told_what_would_leave(clinic: Clinic) -> None:
    person, _, _, recipient = await chart(clinic)
    with pytest.raises(errors.Forbidden, match="include release"):
        await releasing.preview(await session(clinic, "biller"), Wish(person, recipient, "TREAT"))


async def test_what_leaves_is_what_was_seen_with_notice_marks_and_a_line_of_the_log(clinic: Clinic) -> None:
    person, sud, consent, recipient = await chart(clinic)
    wish = Wish(person, recipient, "TREAT", ("Patient", "Observation"))
    seen = await releasing.preview(await session(clinic), wish)
    id_ = await releasing.release(await session(clinic), wish, seen.digest)
    (row,) = await log(clinic)
    assert (row["disclosure"], row["channel"], row["account"], row["recipient"], row["purpose"]) == (id_, "release", "both-clinician", recipient, "TREAT")
    assert row["patients"] == [person]
    assert row["notice"] == "statement_1 2024"
    assert consent in row["consents"][0]
    left = json.loads(disclosing.payload(await session(clinic, "officer"), row))
    before = json.loads(seen.outgoing.body)
    assert {**left, "timestamp": None} == {**before, "timestamp": None}
    assert {c["code"] for c in left["meta"]["security"]} >= {"R", "42CFRPart2", "NORDSCLCD"}
    assert left["entry"][-1]["resource"]["issue"][0]["diagnostics"].startswith("This record which has been disclosed to you")
    assert [e["resource"]["id"] for e in left["entry"][:-1]] == [person, sud, consent], "with a copy of the consent (42 CFR 2.32(b))"
    copy = left["entry"][2]["resource"]
    assert {c["code"] for c in copy["meta"]["security"]} >= {"42CFRPart2", "NORDSCLCD", "PERSISTLABEL"}
    assert copy["provision"]["purpose"]
    assert any(w.startswith(f"Consent/{consent}/_history/") for w in row["what"]), "and the log says so"


async def test_a_revocation_between_looking_and_releasing_stops_it(clinic: Clinic) -> None:
    person, _, consent, recipient = await chart(clinic)
    wish = Wish(person, recipient, "TREAT")
    seen = await releasing.preview(await session(clinic), wish)
    stored = (await clinic.get("sys-sud", f"Consent/{consent}")).json()
    assert (await clinic.put("sys-sud", {**stored, "status": "inactive"})).status == 200
    with pytest.raises(errors.Malformed, match="Nothing would leave"):
        await releasing.release(await session(clinic), wish, seen.digest)
    assert await log(clinic) == []


async def test_a_record_that_changed_in_between_is_looked_at_again(clinic: Clinic) -> None:
    person, _, _, recipient = await chart(clinic)
    wish = Wish(person, recipient, "TREAT")
    seen = await releasing.preview(await session(clinic), wish)
    await clinic.make("sys-sud", people.observation(person, 99))
    with pytest.raises(errors.Conflict, match="has changed since you looked"):
        await releasing.release(await session(clinic), wish, seen.digest)
    assert await log(clinic) == []


async def test_who_did_not_just_prove_who_they_are_is_asked_and_who_may_not_release_is_refused(clinic: Clinic) -> None:
    person, _, _, recipient = await chart(clinic)
    wish = Wish(person, recipient, "TREAT")
    token = await clinic.gate.access(clinic.tokens["both-clinician"])
    assert token is not None
    seen = await releasing.preview(token, wish)
    with pytest.raises(errors.ProofNeeded):
        await releasing.release(token, wish, seen.digest)
    with pytest.raises(errors.Forbidden):
        await releasing.preview(await session(clinic, "technician"), wish)
    with pytest.raises(errors.Malformed):
        await releasing.preview(await session(clinic), wish.__class__(person, recipient, "CURIOSITY"))


async def test_what_the_one_who_looks_may_not_see_is_in_neither_list(clinic: Clinic) -> None:
    person, sud, _, recipient = await chart(clinic)
    for purpose in ("TREAT", "HRESCH"):
        found = await releasing.preview(await session(clinic, "mh-clinician"), Wish(person, recipient, purpose))
        assert sud not in {s.id for s in found.leaves} | {s.id for s, _ in found.stays}, purpose
        assert sud.encode() not in found.outgoing.body
    allowed = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT"))
    assert sud in {s.id for s in allowed.leaves}, "what both may see does leave"


async def test_parts_that_the_one_who_looks_may_not_see_do_not_leave_by_them(clinic: Clinic) -> None:
    recipient = f"Organization/{await directory(clinic)}"
    person = await clinic.make("sys-mh", people.patient())
    category = [people.observation("x")["category"][0], people.labelled({"text": "methadone clinic"}, "42CFRPart2")]
    pulse = await clinic.make("sys-mh", people.observation(person.id, category=category))
    named = [{"reference": "Organization/sud"}, {"reference": "Organization/mh"}]
    await clinic.make("sys-sud", people.consent(person.id, recipient.partition("/")[2], organization=named))
    hidden = await releasing.preview(await session(clinic, "mh-clinician"), Wish(person.id, recipient, "TREAT", ("Observation",)))
    assert (hidden.leaves, hidden.outgoing.shows) == ([], False), "that anything would leave told of a consent that they may not see"
    await clinic.make("sys-mh", people.consent(person.id, recipient.partition("/")[2]))
    theirs = await releasing.preview(await session(clinic), Wish(person.id, recipient, "TREAT", ("Observation",)))
    mine = await releasing.preview(await session(clinic, "mh-clinician"), Wish(person.id, recipient, "TREAT", ("Observation",)))
    assert [s.id for s in theirs.leaves] == [s.id for s in mine.leaves] == [pulse.id]
    seen = (await clinic.get("mh-clinician", f"Observation/{pulse.id}")).body
    assert (b"methadone" in mine.outgoing.body) <= (b"methadone" in seen)


async def test_a_statement_of_disagreement_leaves_with_what_it_is_about(clinic: Clinic) -> None:
    person, sud, _, recipient = await chart(clinic)
    asked = await patientrequests.take(await session(clinic, "officer"), "amendment", person, "It was 72.", "", focus=f"Observation/{sud}")
    await patientrequests.answer(await session(clinic, "officer"), asked, grant=False, text="It stays.", reason="accurate")
    await patientrequests.disagree(await session(clinic, "officer"), asked, "I still say 72.")
    found = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Observation",)))
    assert [s.type for s in found.leaves] == ["Observation", "Communication"]
    assert b"I still say 72." in found.outgoing.body
    without = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Patient",)))
    assert [s.type for s in without.leaves] == ["Patient"]


async def acts_for(clinic: Clinic, person: str) -> str:
    """A guardian of a patient, as `RelatedPerson/id`."""
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}]}
    return f"RelatedPerson/{(await clinic.make('sys-mh', {'resourceType': 'RelatedPerson', 'patient': {'reference': f'Patient/{person}'}, 'active': True, 'period': {'start': '2020-01-01'}, 'relationship': [role]})).id}"


async def test_patients_get_all_of_their_own_record_but_notes_kept_apart_and_nobody_elses(clinic: Clinic) -> None:
    person, sud, _, _ = await chart(clinic)
    plain = await clinic.make("sys-mh", people.observation(person, 65))
    other = (await clinic.make("sys-mh", people.patient("Quill"))).id
    found = await releasing.preview(await session(clinic), Wish(person, f"Patient/{person}", "PATRQT", ("Patient", "Observation")))
    assert sorted(s.id for s in found.leaves) == sorted([person, sud, plain.id])
    appointment = {"resourceType": "Appointment", "status": "proposed", "participant": [{"actor": {"reference": f"Patient/{person}"}, "status": "accepted"}]}
    await clinic.make("sys-mh", appointment)
    types = [{s.type for s in (await releasing.preview(await session(clinic), wish)).leaves} for wish in (Wish(person, f"Patient/{person}", "PATRQT"), Wish(person, "", "HLEGAL", served=Instrument("court_order_2_64+subpoena")))]
    assert ["Appointment" in some for some in types] == [True, False], "what patients read of themselves is more than what leaves for anybody else"
    for recipient in (f"Patient/{other}", "Patient/nobody"):
        with pytest.raises(errors.NotFound):
            await releasing.preview(await session(clinic), Wish(person, recipient, "PATRQT"))


async def test_who_acts_for_a_patient_by_law_gets_no_part_2_record_and_who_acts_for_another_gets_nothing(clinic: Clinic) -> None:
    person, sud, _, _ = await chart(clinic)
    plain = await clinic.make("sys-mh", people.observation(person, 65))
    guardian = await acts_for(clinic, person)
    found = await releasing.preview(await session(clinic), Wish(person, guardian, "FAMRQT", ("Patient", "Observation")))
    assert [s.id for s in found.leaves] == [person, plain.id]
    assert sud in {s.id for s, _ in found.stays}
    other = (await clinic.make("sys-mh", people.patient("Quill"))).id
    for nobody in (await acts_for(clinic, other), "RelatedPerson/nobody"):
        with pytest.raises(errors.NotFound):
            await releasing.preview(await session(clinic), Wish(person, nobody, "FAMRQT"))


async def test_the_recipient_asks_with_nothing_of_the_one_who_releases_but_their_name(clinic: Clinic) -> None:
    person, _, _, _ = await chart(clinic)
    place = (await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Harbor", "type": [{"coding": [{"code": "prov"}, {"display": "Clinic"}]}, {"text": "clinic"}]})).id
    access = await session(clinic)
    them = await releasing.as_recipient(access, Wish(person, f"Organization/{place}", "HPAYMT"))
    who = them.caller
    assert (who.kind, who.agent, who.programs, who.purpose, who.door, who.account) == ("organization", f"Organization/{place}", (), "HPAYMT", "release", "both-clinician")
    assert who.keys == (f"Organization/{place}", "class:treating-provider")
    assert (them.now, them.request) == (access.now, access.request)
    own = await releasing.as_recipient(access, Wish(person, f"Patient/{person}", "PATRQT"))
    assert (own.caller.kind, own.caller.agent, own.caller.role, own.caller.programs, own.caller.keys, own.caller.purpose, own.caller.door) == ("patient", f"Patient/{person}", "patient", (), (f"Patient/{person}",), "PATRQT", "release")
    assert own.now == access.now
    with pytest.raises(errors.NotFound):
        await releasing.as_recipient(access, Wish(person, "Organization/nobody", "TREAT"))


async def test_a_consent_to_a_class_lets_it_leave_to_who_is_one_and_treats(clinic: Clinic) -> None:
    """Also where the organization that releases names its type alone."""
    person = (await clinic.make("sys-mh", people.patient())).id
    sud = await clinic.make("sys-sud", people.observation(person))
    places = [(await clinic.make("sys-mh", {"resourceType": "Organization", "name": "Harbor", "type": [{"coding": [{"code": t}]}]})).id for t in ("prov", "other")]
    to_class = {"actor": [{"role": {"coding": [{"code": "IRCP"}]}, "extension": [{"url": "https://ehr.example.org/fhir/StructureDefinition/recipient-class", "valueCode": "treating-provider"}], "reference": {"display": "Providers who treat me"}}]}
    await clinic.make("sys-sud", people.consent(person, "nobody", provision=to_class))
    for place in places:
        await clinic.make("sys-mh", {"resourceType": "CareTeam", "status": "active", "subject": {"reference": f"Patient/{person}"}, "participant": [{"member": {"reference": f"Organization/{place}"}}]})
    left = [[s.id for s in (await releasing.preview(await session(clinic), Wish(person, f"Organization/{place}", "TREAT", ("Observation",)))).leaves] for place in places]
    assert left == [[sud.id], []]


async def test_only_what_is_asked_for_leaves_and_only_types_that_may_leave_at_all(clinic: Clinic) -> None:
    person, sud, _, recipient = await chart(clinic)
    await clinic.make("sys-sud", {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": f"Patient/{person}"}})
    whole = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT"))
    assert {"Patient", "Observation"} <= {s.type for s in whole.leaves}
    allowed = set((await session(clinic)).rules.types("outside", "read", (await session(clinic)).house.types))
    assert "Task" not in allowed
    assert {s.type for s in whole.leaves} | {s.type for s, _ in whole.stays} <= allowed
    some = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Observation",), without=frozenset({f"Observation/{sud}"})))
    assert some.leaves == []
    assert sud not in {s.id for s, _ in some.stays}, "what is not asked for is in neither list"
    days = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Observation",), until="2026-01-31"))
    assert (days.leaves, days.stays) == ([], [])


async def test_a_long_chart_is_looked_through_page_by_page_and_one_too_long_is_refused(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    person, _, _, recipient = await chart(clinic)
    for n in range(4):
        await clinic.make("sys-sud", people.observation(person, n))
    wish = Wish(person, recipient, "TREAT", ("Patient", "Observation"))
    at_once = await releasing.preview(await session(clinic), wish)
    assert at_once.leaves[0].type == "Patient"
    assert len(at_once.leaves) == 6
    monkeypatch.setattr(releasing, "_AT_ONCE", 2)
    paged = await releasing.preview(await session(clinic), wish)
    assert [(s.type, s.id) for s in paged.leaves] == [(s.type, s.id) for s in at_once.leaves]
    assert (len(paged.stays), paged.digest) == (len(at_once.stays), at_once.digest)
    monkeypatch.setattr(releasing, "_MOST", 3)
    with pytest.raises(errors.TooCostly):
        await releasing.preview(await session(clinic), wish)


async def test_whom_the_recipient_may_not_know_nothing_of_leaves_and_whom_the_one_who_releases_may_not_see_is_not_there(clinic: Clinic) -> None:
    recipient = f"Organization/{await directory(clinic)}"
    person = (await clinic.make("sys-mh", people.patient())).id
    await clinic.make("sys-mh", people.observation(person))
    unknown = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT"))
    assert (unknown.leaves, {why for _, why in unknown.stays}) == ([], {"No consent or care relation connects this recipient with it for this purpose"})
    hidden = (await clinic.make("sys-far", people.patient())).id
    for who in (hidden, "nobody"):
        with pytest.raises(errors.NotFound):
            await releasing.preview(await session(clinic, "mh-clinician"), Wish(who, recipient, "TREAT"))


async def test_as_a_document_it_leaves_with_the_notice_in_front_of_exactly_what_leaves(clinic: Clinic) -> None:
    person, sud, consent, recipient = await chart(clinic)
    wish = Wish(person, recipient, "TREAT", ("Patient", "Observation"), document="Summary for Harbor")
    found = await releasing.preview(await session(clinic), wish)
    bundle = json.loads(found.outgoing.body)
    composition, *entries = (e["resource"] for e in bundle["entry"])
    assert (bundle["type"], composition["title"], composition["date"]) == ("document", "Summary for Harbor", clock.now().date().isoformat())
    assert [(e["resourceType"], e["id"]) for e in entries] == [("Patient", person), ("Observation", sud), ("Consent", consent)]
    assert composition["author"] == [{"display": "A"}]
    notice, *_ = composition["section"]
    assert notice["title"] == "Notice on redisclosure"
    assert "This record which has been disclosed to you" in notice["text"]["div"]
    assert "lets you have this for treatment" in notice["text"]["div"]
    assert (await releasing.preview(await session(clinic), wish)).digest == found.digest, "the same as long as nothing changes"
    assert (await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Patient", "Observation")))).digest != found.digest
    nothing = json.loads((await releasing.preview(await session(clinic), Wish(person, recipient, "HRESCH", document="x"))).outgoing.body)
    assert nothing["type"] == "collection"


async def test_a_document_of_no_part_2_record_leaves_without_any_notice_under_the_name_of_the_house(clinic: Clinic) -> None:
    recipient = f"Organization/{await directory(clinic)}"
    await clinic.owner.execute("UPDATE record.tenant SET organization = 'house' WHERE tenant = 1")
    await clinic.gate.reload()
    person = (await clinic.make("sys-mh", people.patient())).id
    await clinic.make("sys-mh", people.observation(person))
    await clinic.make("sys-mh", people.consent(person, recipient.partition("/")[2]))
    found = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Patient", "Observation"), document="Summary"))
    composition, *entries = (e["resource"] for e in json.loads(found.outgoing.body)["entry"])
    assert [e["resourceType"] for e in entries] == ["Patient", "Observation"], "nor a copy of the consent (42 CFR 2.32(b) is about Part 2 records)"
    assert [s["title"] for s in composition["section"]] == ["Results and measures"]
    assert (found.outgoing.notice, found.outgoing.scope) == ("", "")
    assert composition["author"][0]["reference"].endswith("/Organization/house")


async def test_what_is_made_of_it_is_what_is_kept_under_its_own_media_type(clinic: Clinic) -> None:
    person, sud, _, recipient = await chart(clinic)
    wish = Wish(person, recipient, "TREAT", ("Observation",))
    seen = await releasing.preview(await session(clinic), wish)

    async def made(found: releasing.Preview) -> bytes:
        assert [s.id for s in found.leaves] == [sud]
        return b"on paper"

    await releasing.release(await session(clinic), wish, seen.digest, made=made, media="text/plain")
    (row,) = await log(clinic)
    assert (row["media"], row["channel"], row["recipient"], row["account"]) == ("text/plain", "release", recipient, "both-clinician")
    assert disclosing.payload(await session(clinic, "officer"), row) == b"on paper"
    assert any(w.startswith(f"Observation/{sud}/_history/") for w in row["what"])


async def test_a_statement_about_nothing_in_particular_goes_with_whatever_leaves_and_alone_it_does_not(clinic: Clinic) -> None:
    person, _, _, recipient = await chart(clinic)
    asked = await patientrequests.take(await session(clinic, "officer"), "amendment", person, "Change it.", "")
    await patientrequests.answer(await session(clinic, "officer"), asked, grant=False, text="It stays.", reason="accurate")
    await patientrequests.disagree(await session(clinic, "officer"), asked, "I disagree with all of it.")
    found = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Observation",)))
    assert [s.type for s in found.leaves] == ["Observation", "Communication"]
    nothing = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Immunization",)))
    assert nothing.leaves == []


async def test_a_statement_of_somebody_else_or_another_message_does_not_go_along(clinic: Clinic) -> None:
    person, _, _, recipient = await chart(clinic)
    other, _, _, _ = await chart(clinic)
    await clinic.make("sys-sud", people.consent(other, recipient.partition("/")[2]))
    asked = await patientrequests.take(await session(clinic, "officer"), "amendment", other, "Change it.", "")
    await patientrequests.answer(await session(clinic, "officer"), asked, grant=False, text="It stays.", reason="accurate")
    await patientrequests.disagree(await session(clinic, "officer"), asked, "I disagree with all of it.")
    await clinic.make("sys-sud", {"resourceType": "Communication", "status": "completed", "subject": {"reference": f"Patient/{person}"}, "payload": [{"contentString": "See you on Monday."}]})
    found = await releasing.preview(await session(clinic), Wish(person, recipient, "TREAT", ("Observation",)))
    assert [s.type for s in found.leaves] == ["Observation"]


async def test_what_a_court_served_lets_leave_what_it_may_whatever_was_consented_to(clinic: Clinic) -> None:
    person = (await clinic.make("sys-mh", people.patient())).id
    plain = (await clinic.make("sys-mh", people.observation(person))).id
    sud = (await clinic.make("sys-sud", people.observation(person, 90))).id
    note = (await clinic.make("sys-mh", people.observation(person, 80, meta={"security": [PSYCHOTHERAPY]}))).id

    async def under(words: str, **more: bool) -> tuple[set[str], dict[str, str]]:
        found = await releasing.preview(await session(clinic), Wish(person, "", "HLEGAL", ("Observation",), served=Instrument(words, **more)))
        return {s.id for s in found.leaves}, {s.id: why for s, why in found.stays}

    assert (await under("court_order_2_64+subpoena"))[0] == {plain, sud}
    assert (await under("subpoena", assured=True))[0] == {plain}
    left, stays = await under("subpoena")
    assert left == set()
    assert stays.keys() == {plain, sud}
    assert all("42 CFR" in why or "45 CFR" in why for why in stays.values())
    assert note not in stays, "nor is it told to who may not see it"
    seen = await releasing.preview(await session(clinic), Wish(person, "", "HLEGAL", ("Observation",), served=Instrument("court_order_2_64+subpoena")))
    await releasing.release(await session(clinic), Wish(person, "", "HLEGAL", ("Observation",), served=Instrument("court_order_2_64+subpoena")), seen.digest)
    (row,) = await log(clinic)
    assert (row["purpose"], row["patients"]) == ("HLEGAL", [person])
