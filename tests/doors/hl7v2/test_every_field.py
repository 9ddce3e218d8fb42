"""Every part of every field of every kind of message that we send, by python-hl7, is what was shown, and nothing else stands there."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from sojourn.doors.hl7v2.out import compose
from sojourn.doors.hl7v2.out.compose import Envelope
from sojourn.doors.hl7v2.out.events import Step
from sojourn.doors.hl7v2.out.look import View
from sojourn.gate.disclosing import Outgoing
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.profile import Profile
from tests.doors.hl7v2.lab import MRN
from tests.doors.hl7v2.telling import NUMBER, Json, Told, bare, heard, unlisted
from tests.effort import SEED, TIMES
from tests.wire.fuller import CPT, ICD, LOINC, SCT, TERMS, Fuller

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
PARTNER = Partner("p", "P", organization="Organization/p", authorities={"RIVER": MRN}, timezone="America/New_York")
OUT = Profile(host="h", port=1, our_place="RIVERBEND", theirs="CEDAR", their_place="LAB")
KINDS = ("ADT^A01", "ADT^A02", "ADT^A03", "ADT^A04", "ADT^A08", "ADT^A11", "ADT^A12", "ADT^A13", "ADT^A28", "ADT^A31", "ADT^A40", "SIU^S12", "SIU^S13", "SIU^S14", "SIU^S15", "SIU^S26", "ORM^O01", "OML^O21", "MDM^T02", "DFT^P03")
HCPCS = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
HOUSE: dict[str, Json] = {
    "Practitioner/d1": {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Okafor", "given": ["Chidi", "B."], "prefix": ["Dr"], "suffix": ["MD"]}], "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9700000018"}]},
    "Practitioner/d2": {"resourceType": "Practitioner", "id": "d2", "name": [{"family": "O'Neil & Lee", "given": ["Zoë"]}]}, "Location/l1": {"resourceType": "Location", "id": "l1", "name": "Detox | 1"}, "Location/l2": {"resourceType": "Location", "id": "l2", "name": "Unit ^ 2"},
    "Condition/c1": {"resourceType": "Condition", "id": "c1", "code": {"coding": [{"system": SCT, "code": "38341003"}, {"system": ICD, "code": "I10", "display": "Hypertension"}], "text": "High pressure"}, "onsetDateTime": "2025-03"},
    "Condition/c2": {"resourceType": "Condition", "id": "c2", "code": {"text": "Tired & low"}},
}  # fmt: skip


class Messages(Fuller):
    """What messages tell of: with people, places and conditions that are shown too, and one of each that is not."""

    def who(self) -> Json:
        return {"reference": self.random.choice(("Practitioner/d1", "Practitioner/d2", "Practitioner/hidden"))}

    def why(self) -> Json:
        return self.some(reasonReference=lambda: [{"reference": f"Condition/{c}"} for c in self.random.sample(("c1", "c2", "hidden"), self.random.randrange(1, 3))])

    def patient_(self, id_: str) -> Json:
        name = {"family": self.words(), **self.some(given=lambda: [self.words() for _ in range(self.random.randrange(1, 4))], prefix=["Mx"], suffix=["Jr", "II"])}
        return {
            "resourceType": "Patient", "id": id_, "name": self.random.choice(([name], [{"family": "Old"}, {**name, "use": "official"}])), **self.some(
                identifier=lambda: [{"system": MRN, "value": "R|1"}, *([{"system": "urn:oid:1.2.3", "value": "X&2"}] if self.maybe() else [])], birthDate=lambda: self.random.choice(("1988", "1988-03", "1988-03-04")), gender=lambda: self.random.choice(("male", "female", "other", "unknown")),
                address=lambda: [{"line": ["7 Quarry ^ Road", "Apt 2"], "city": "Alder & Falls", "state": "NY", "postalCode": "12019", "country": "US", **self.some(use="home")}],
                telecom=lambda: [{"system": "phone", "value": "518-555-0171", **self.some(use="mobile")}, {"system": "email", "value": "ana@example.org"}, {"system": "phone", "value": "518-555-0172", "use": "work"}], deceasedDateTime="2026-02-01T10:00:00Z",
                maritalStatus={"text": "Married"}),
        }  # fmt: skip

    def encounter_(self) -> Json:
        return {
            "resourceType": "Encounter", "id": "e1", "status": self.random.choice(("in-progress", "finished")), "class": {"system": TERMS + "v3-ActCode", "code": self.random.choice(("IMP", "AMB", "EMER", "VR"))}, **self.me, **self.why(), **self.some(
                period=self.span, identifier=[{"system": "https://clinic.example/visit", "value": "V^1"}], hospitalization={"dischargeDisposition": {"coding": [{"system": "x", "code": "01"}]}},
                location=lambda: [{"location": {"reference": f"Location/{x}"}, **self.some(status=lambda: self.random.choice(("completed", "planned")))} for x in ("l1", "l2")],
                participant=lambda: [{"individual": self.who(), **self.some(type=[{"coding": [{"system": TERMS + "v3-ParticipationType", "code": "ATND"}]}])} for _ in range(self.random.randrange(1, 4))], reasonCode=[{"text": "tired"}]),
        }  # fmt: skip

    def appointment_(self) -> Json:
        people: list[Json] = [{"actor": self.me["subject"]}, *({"actor": a} for a in (self.who(), self.who(), {"reference": "Location/l1"}) if self.maybe())]
        return {"resourceType": "Appointment", "id": "a1", "status": self.random.choice(("booked", "arrived", "noshow", "cancelled")), "start": "2026-03-03T15:00:00Z", "end": f"2026-03-03T15:{self.random.randrange(10, 59)}:00Z", "participant": people,
                **self.some(serviceType=lambda: [self.concept({SCT: "75516001"}, {})], description=self.words, cancelationReason={"text": "Snow & ice"})}  # fmt: skip

    def order_(self) -> Json:
        return {"resourceType": "ServiceRequest", "id": "s1", "status": "active", "intent": "order", "code": self.concept({LOINC: "24323-8"}, {SCT: "1", LOINC: "2160-0"}, {}), **self.me, **self.why(), **self.some(
            identifier=[{"system": NUMBER, "value": "N|7"}], authoredOn=self.day, occurrenceDateTime=self.day, requester=self.who, priority=lambda: self.random.choice(("routine", "urgent", "stat")), note=lambda: [{"text": self.words()}, {"text": self.words()}],
            orderDetail=[{"text": "fasting"}], reasonCode=lambda: [{"text": self.words()}, {"text": self.words()}])}  # fmt: skip

    def document_(self) -> Json:
        files = [{"contentType": "text/plain", "data": base64.b64encode(self.words().encode()).decode()}, {"contentType": "application/pdf", "data": "JVBERi0xLjQ="}]
        return {"resourceType": "DocumentReference", "id": "d9", "status": "current", "docStatus": "final", **self.me, "content": [{"attachment": f} for f in self.random.sample(files, self.random.randrange(1, 3))],
                **self.some(type=lambda: self.concept({LOINC: "11506-3"}, {}), date=self.moment, author=lambda: [self.who(), self.who()], context=lambda: {"period": self.span()}, description=self.words)}  # fmt: skip

    def service_(self) -> Json:
        codes = [{"system": CPT, "code": "90837"}, {"system": HCPCS, "code": "H0004", "display": "Counseling & therapy"}][: self.random.randrange(1, 3)]
        return {"resourceType": "Procedure", "id": "p9", "status": "completed", **self.me, "code": {"coding": codes, "text": "Individual ^ therapy"}, "performedPeriod": {"start": "2026-03-01T07:00:00Z", "end": "2026-03-01T08:00:00Z"}, **self.why(),
                **self.some(performer=lambda: [{"actor": self.who()}, {"actor": self.who()}], location={"reference": "Location/l2"})}  # fmt: skip


UNITS = {"90837": "1", "H0004": "4"}
"""Of an hour: one session, four quarters."""


def told(kind: str, view: View, version: str, control: str, ours: str = "RIVERBEND") -> dict[str, str]:
    """What the message has to say. ours: MSH-4."""
    made = Told(dict(view.named), {MRN: "RIVER"}, ours, version=version)  # type: ignore[arg-type]
    seen, mark = dict(view.resource), "R" if view.protected else ""
    match kind[:3], seen["resourceType"]:
        case "ADT", "Encounter":
            made.pid(dict(view.patient))
            made.visit(seen, mark)
            made.diagnoses(seen.get("reasonReference", ()))
        case "ADT", _ if kind == "ADT^A40":
            made.pid(dict(view.named["Patient/p2"]))
            made.pid(seen, "MRG")
        case "ADT", _:
            made.pid(seen)
            made.visit(None, mark)
        case "SIU", _:
            made.pid(dict(view.patient))
            made.appointment(seen)
        case ("ORM" | "OML"), _:
            made.pid(dict(view.patient))
            made.order(seen, control, mark, timing=kind == "OML^O21" and version != "2.4")
        case "MDM", _:
            made.pid(dict(view.patient))
            made.document(seen, mark)
        case _:
            made.pid(dict(view.patient))
            made.charges(seen, UNITS)
    if mark and kind[:3] in ("SIU", "DFT", "ORM", "OML"):
        made.visit(None, mark)
    if kind == "MDM^T02":
        made.visit(None, mark)
    return made.parts


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_is_what_was_shown_and_nothing_else_stands_there(kind: str) -> None:
    compared = 0
    for n in range(round(30 * TIMES)):
        made = Messages(Random(f"{kind} {n}{SEED}"), "p1")
        version = made.random.choice(("2.4", "2.5.1", "2.6", "2.7", "2.8"))
        person, control = made.patient_("p1"), made.random.choice(("NW", "XO", "CA"))
        person_alone = kind in ("ADT^A28", "ADT^A31", "ADT^A40")
        seen = person if person_alone else {"ADT": made.encounter_, "SIU": made.appointment_, "ORM": made.order_, "OML": made.order_, "MDM": made.document_, "DFT": made.service_}[kind[:3]]()
        named = dict(HOUSE)
        if kind == "ADT^A40":
            seen = {**person, "link": [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}]}
            named["Patient/p2"] = made.patient_("p2")
        assert unlisted(seen) == [], "shown, in no field and in no table"
        assert unlisted(person) == []
        view = View(seen, person, named, Outgoing(b"", what=("x",), notice="statement_1 1" if made.maybe(0.3) else "", scope="All of it."))
        profile = replace(OUT, kinds=(kind,), version=version)
        raw = compose.written(view, Step((kind,), {}, control=control if kind[0] == "O" else ""), kind, PARTNER, profile, Envelope(f"K{n}", AT))
        assert raw is not None
        found, wanted = heard(raw), told(kind, view, version, control)
        assert bare(found) == wanted, f"{kind} {n}: {sorted(set(bare(found).items()) ^ set(wanted.items()))}"
        head = {k: v for k, v in found.items() if k.startswith("MSH")}
        assert (head["MSH-3[1].1"], head["MSH-4[1].1"], head["MSH-5[1].1"], head["MSH-6[1].1"], head["MSH-7[1].1"], head["MSH-9[1].1"], head["MSH-9[1].2"], head["MSH-10[1].1"], head["MSH-12[1].1"]) == ("SOJOURN", "RIVERBEND", "CEDAR", "LAB", "20260301080000+0000", kind[:3], kind[4:], f"K{n}", version)
        assert ("ZPR-2[1].1" in found, found.get("ZPR-4[1].1", "")) == (view.protected, "All of it." if view.protected else "")
        compared += len(wanted)
    print(f"{kind}: {compared} parts compared")
    assert compared
