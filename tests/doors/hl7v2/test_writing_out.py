"""What is written is read back: by our reader, by python-hl7 and by medforge, for any names, versions and character sets; acknowledgements of the application."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.base.errors import Malformed
from sojourn.doors.hl7v2.out import answering, client, compose, events
from sojourn.doors.hl7v2.out.compose import Envelope
from sojourn.doors.hl7v2.out.look import View
from sojourn.doors.hl7v2.out.segments import Writer
from sojourn.gate.disclosing import Outgoing
from sojourn.gate.exchange import profile
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.profile import Profile
from sojourn.record.database import Dsn
from sojourn.wire import hl7v2
from tests import people
from tests.doors.hl7v2.counterpart import Counterpart, agreed, envelopes, post, sent
from tests.doors.hl7v2.lab import MRN, code, done, listener, oru
from tests.doors.hl7v2.lab import sent as taken
from tests.people import encounter, patient
from tests.wire import others

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
PARTNER = Partner("p", "P", organization="Organization/p", authorities={"RIVER": MRN})
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40).map(str.strip)
NAME = TEXT.filter(lambda t: t and t != '""')


@settings(max_examples=150, deadline=None)
@given(family=NAME, given_=TEXT, number=NAME, street=TEXT, note=TEXT, version=st.sampled_from(profile.VERSIONS), charset=st.sampled_from(list(profile.CHARSETS)), part2=st.booleans())
def test_what_is_written_is_read_back(family: str, given_: str, number: str, street: str, note: str, version: str, charset: str, part2: bool) -> None:  # noqa: FBT001 - drawn
    person: dict[str, Any] = {
        "resourceType": "Patient", "id": "p1", "name": [{"family": family, "given": [given_] if given_ else []}], "birthDate": "1988-03-04", "identifier": [{"system": MRN, "value": number}],
        "address": [{"line": [street], "city": "Dayton"}], "telecom": [{"system": "phone", "value": "555-0142"}],
    }  # fmt: skip
    asked = {"resourceType": "ServiceRequest", "id": "s1", "status": "active", "code": {"text": note or "x"}, "note": [{"text": note}], "authoredOn": "2026-03-01T07:00:00Z"}
    out = Profile(kinds=("ORM^O01",), host="h", port=1, version=version, charset=charset)
    view = View(asked, person, {}, Outgoing(b"", what=("x",), notice="statement_1 1" if part2 else "", scope="All of it, for treatment."))
    following = events.order(None, asked, compose.digest(view, Writer(PARTNER, out)))
    assert following is not None
    raw = compose.written(view, following, "ORM^O01", PARTNER, out, Envelope("K1", AT))
    assert raw == compose.written(view, following, "ORM^O01", PARTNER, out, Envelope("K1", AT)), "the same again from the same"
    assert raw is not None
    read = hl7v2.parse(raw)
    assert read.findings == []
    pid = read.one("PID")
    assert pid is not None
    assert (pid.v(5), pid.v(5, 2), pid.v(3), pid.v(3, 4), pid.v(11)) == (family, given_, number, "RIVER", street)
    assert [n.v(3) for n in read.all("NTE")] == ([note] if note else [])
    assert ("42 CFR part 2" in "".join(z.v(3) for z in read.all("ZPR"))) == part2
    assert others.readable(raw).components > 30


@pytest.mark.parametrize(("more", "words"), [
    ({"host": ""}, "host and the port"), ({"tls": False, "host": "192.0.2.7"}, "Without TLS"), ({"kinds": ("ORM^O01", "OML^O21")}, "goes out once"), ({"version": "2.3", "kinds": ("OML^O21",)}, "since version 2.4"),
    ({"certificate": "ab"}, "64 hexadecimal"), ({"segments": ("PID|1",)}, "ZXX"), ({"timeout": 0}, "1 to 600"), ({"kinds": ("ADT^Z99",)}, "of the list"),
])  # fmt: skip
def test_a_profile_that_cannot_work_is_refused_with_what_to_do(more: dict[str, Any], words: str) -> None:
    facts = {**profile.facts(Profile(kinds=("ADT^A08",), host="lab.example", port=2575)), **more}
    with pytest.raises(Malformed, match=words):
        profile.checked(profile.of(facts), "Organization/p", AT)


@pytest.mark.parametrize(("raw", "verdict"), [
    (b"MSH|^~\\&|A|B|C|D|2026||ACK|1|P|2.5\rMSA|AA|K1\r", "accepted"), (b"MSH|^~\\&|A|B|C|D|2026||ACK|1|P|2.5\rMSA|CE|K1\r", "again"), (b"MSH|^~\\&|A|B|C|D|2026||ACK|1|P|2.5\rMSA|AR|K1\r", "refused"),
    (b"MSH|^~\\&|A|B|C|D|2026||ACK|1|P|2.5\rMSA|AA|K2\r", None), (b"MSH|^~\\&|A|B|C|D|2026||ACK|1|P|2.5\rMSA|XX|K1\r", None), (b"garbage", None), (b"MSH|^~\\&|\r", None), (b"", None),
])  # fmt: skip
def test_an_answer_is_one_to_this_message_or_none(raw: bytes, verdict: str | None) -> None:
    found = client.answer(raw, "K1")
    assert (found.verdict if found else None) == verdict


@given(st.binary(max_size=300))
def test_no_answer_breaks_the_reader_of_answers(raw: bytes) -> None:
    client.answer(raw, "K1")
    client.answer(b"MSH|^~\\&|A|B|C|D|2026||ACK|1|P|2.5\rMSA|AA|K1" + raw, "K1")


async def test_what_became_of_a_message_is_told_alike_whether_or_not_anybody_here_knows_the_person(database: Dsn) -> None:
    clinic = await people.open_clinic(database)
    lab = await Counterpart().open()
    place = f"Organization/{(await clinic.make('sys-mh', {'resourceType': 'Organization', 'name': 'Cedar'})).id}"
    partner = await agreed(clinic, lab, place, authorities={"RIVER": MRN}, answers=True, program=people.MH)
    known = (await clinic.make("sys-mh", patient(identifier=[{"system": MRN, "value": "R1"}]))).id
    await clinic.make("sys-mh", encounter(known))
    door = listener(clinic.gate)
    for control, mrn, asks in (("M1", "R1", "|||AL|AL"), ("M2", "X9", "|||AL|AL"), ("M3", "R1", "|||AL|NE"), ("M4", "R1", "|||AL|ER")):
        assert code(await taken(door, oru(control, mrn=mrn, filler=control, msh=asks))) == "CA"
    broken = oru("M5", msh="|||AL|ER").replace(b"ORU^R01^ORU_R01", b"BAR^P01")
    assert code(await taken(door, broken)) == "CA"
    await done(door, clinic.gate)
    await sent(clinic, partner)
    said = {m.one("MSA").v(2): m for m in lab.messages}  # type: ignore[union-attr]
    assert {k: m.one("MSA").v(1) for k, m in said.items()} == {"M1": "AA", "M2": "AA", "M5": "AE"}  # type: ignore[union-attr]
    one, other = (said[k].encode().replace(k, "K").replace(said[k].control, "C") for k in ("M1", "M2"))
    assert one[: one.index("|ACK")][:20] == other[: other.index("|ACK")][:20]
    assert one.split("\r")[1:] == other.split("\r")[1:]
    box = post(clinic.gate, partner)
    assert await box.round() == 0, "each once"
    await box.close()
    assert {s for _, s, _ in await envelopes(clinic)} == {"mapped"}
    assert answering.said(b"no message", "mapped", "C", partner) is None
    await lab.close()
    await people.close_clinic(clinic)
