"""Segments from what is shown: person, visit, appointment, order, document, service. Pure.

HL7 v2.8: 3.4.2 PID, 3.4.3 PV1, 3.4.9 MRG, 10.6 SCH and AI-, 4.5.1 ORC, 4.5.3 OBR, 9.7.1 TXA, 7.4.2 OBX, 6.5.1 FT1; tables 0001, 0004, 0112, 0119, 0276, 0278.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sojourn.doors.hl7v2.out.look import View
from sojourn.gate.exchange.partners import Partner
from sojourn.gate.exchange.profile import Profile
from sojourn.wire.hl7v2write import VERSIONS, Part, Value, moment, segment

_SEX: Final = {"male": "M", "female": "F", "other": "O", "unknown": "U"}
_CLASS: Final = {"IMP": "I", "ACUTE": "I", "NONAC": "I", "OBSENC": "O", "SS": "O", "EMER": "E", "AMB": "O", "VR": "O", "HH": "O", "PRENC": "P"}
_CODINGS: Final = {
    "http://loinc.org": "LN", "http://hl7.org/fhir/sid/icd-10-cm": "I10", "http://snomed.info/sct": "SCT", "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    "http://www.ama-assn.org/go/cpt": "C4", "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
}  # fmt: skip
_TYPES: Final = {"MR": "MR", "SS": "SS", "DL": "DL", "PPN": "PPN", "MC": "MC", "MA": "MA"}
_US_NPI: Final = "http://hl7.org/fhir/sid/us-npi"
_CLINICIAN: Final = ("Practitioner/",)
NUMBER: Final = "https://sojourn.example/fhir/NamingSystem/lab-requisition"


class Writer:
    """Writes for one partner: by the version, tables and numberings of their profile."""

    def __init__(self, partner: Partner, profile: Profile) -> None:
        self.partner, self.profile = partner, profile
        self._zone = ZoneInfo(partner.timezone)
        self._names = {ours: theirs for theirs, ours in partner.authorities.items()}

    def since(self, version: str) -> bool:
        """Whether their version is this one or newer."""
        return VERSIONS.index(self.profile.version) >= VERSIONS.index(version)

    def local(self, table: str, ours: str, standard: str) -> str:
        """A code as they have it: of their table, else the standard one."""
        return self.profile.tables.get(f"{table}.{ours}", standard)

    # --- data types -------------------------------------------------------------------------------------------------------

    def time(self, text: Any) -> str:
        """A FHIR date or dateTime, as exact as it is."""
        said = str(text or "")
        if len(said) > 10:  # noqa: PLR2004 - longer than a day
            try:
                return moment(datetime.fromisoformat(said).astimezone(self._zone))
            except ValueError:
                return ""
        return re.sub(r"\D", "", said)

    def number(self, identifier: Mapping[str, Any]) -> tuple[Part, ...]:
        """An identifier with its numbering, by the name that they have for it, and its type."""
        system = str(identifier.get("system", ""))
        kind = next((str(c.get("code", "")) for c in (identifier.get("type") or {}).get("coding") or () if c.get("code") in _TYPES), "MR")
        return (str(identifier.get("value", "")), "", "", self._authority(system), kind)

    def _authority(self, system: str) -> Part:
        if name := self._names.get(system):
            return name
        if system.startswith("urn:oid:"):
            return ("", system.removeprefix("urn:oid:"), "ISO")
        return ("", system, "URI") if system else ""

    def name(self, resource: Mapping[str, Any]) -> tuple[Part, ...]:
        """A person's name: the official one, else the first."""
        names = [n for n in resource.get("name") or () if isinstance(n, dict)]
        said = next((n for n in names if n.get("use") == "official"), names[0] if names else {})
        given = [str(g) for g in said.get("given") or ()]
        return (str(said.get("family", "")), given[0] if given else "", " ".join(given[1:]), " ".join(said.get("suffix") or ()), " ".join(said.get("prefix") or ()))

    def clinician(self, resource: Mapping[str, Any]) -> tuple[Part, ...] | str:
        """A person who treats, with their number where there is one."""
        if not resource:
            return ""
        npi = next((str(i.get("value", "")) for i in resource.get("identifier") or () if i.get("system") == _US_NPI), "")
        family, given, middle, suffix, prefix = self.name(resource)
        return (npi or str(resource.get("id", "")), family, given, middle, suffix, prefix, "", "", "NPI" if npi else self.profile.our_place or "L")

    def coded(self, concept: Mapping[str, Any] | None, systems: Iterable[str] = ()) -> tuple[Part, ...] | str:
        """A code as CE or CWE: theirs where their profile names one, else the standard one; without any, the words."""
        said = concept or {}
        codings = [c for c in said.get("coding") or () if c.get("code")]
        wanted = tuple(systems)
        codings.sort(key=lambda c: (c.get("system") not in wanted, c.get("system") not in _CODINGS))
        text = str(said.get("text", "")) or next((str(c.get("display", "")) for c in codings if c.get("display")), "")
        for c in codings:
            if theirs := self.profile.tables.get(str(c["code"])):
                code, words, system = (*theirs.split("^"), "", "")[:3]
                return (code, words or text, system or "L", str(c["code"]), str(c.get("display") or text), _CODINGS.get(str(c.get("system")), "L"))
        if codings:
            return (str(codings[0]["code"]), str(codings[0].get("display") or text), _CODINGS.get(str(codings[0].get("system")), "L"))
        return ("", text) if text else ""

    def place(self, view: View, reference: Mapping[str, Any] | None) -> tuple[Part, ...] | str:
        """A location: point of care, room, bed by the tree of places as far as it is shown; else its name."""
        found = view.of(reference, "Location/")
        return (str(found.get("name", "")), "", "", self.profile.our_place) if found else ""

    # --- segments ---------------------------------------------------------------------------------------------------------

    def event(self, code: str, at: datetime) -> str:
        """EVN."""
        return segment("EVN", {1: code if not self.since("2.7") else "", 2: moment(at)})

    def pid(self, patient: Mapping[str, Any]) -> str:
        """PID."""
        phones: list[Any] = []
        for t in patient.get("telecom") or ():
            value = str(t.get("value", ""))
            if t.get("system") in ("phone", "sms") and value:
                use = {"home": "PRN", "work": "WPN", "mobile": "PRN"}.get(str(t.get("use")), "PRN")
                kind = "CP" if t.get("use") == "mobile" else "PH"
                phones.append(("" if self.since("2.7") else value, use, kind, *([""] * 8), *([value] if self.since("2.5") else [])))
            elif t.get("system") == "email" and value:
                phones.append(("", "NET", "Internet", value))
        addresses: list[Any] = []
        for a in patient.get("address") or ():
            lines = [str(line) for line in a.get("line") or ()]
            addresses.append((lines[0] if lines else "", " ".join(lines[1:]), str(a.get("city", "")), str(a.get("state", "")), str(a.get("postalCode", "")), str(a.get("country", "")), {"home": "H", "work": "B"}.get(str(a.get("use")), "")))
        sex = str(patient.get("gender", ""))
        dead = patient.get("deceasedDateTime")
        return segment("PID", {
            1: "1", 3: self.numbers(patient), 5: self.name(patient), 7: self.time(patient.get("birthDate")), 8: self.local("0001", sex, _SEX.get(sex, "")), 11: addresses, 13: phones,
            **({29: self.time(dead)} if dead else {}), **({30: "Y"} if dead or patient.get("deceasedBoolean") is True else {}),
        })  # fmt: skip

    def numbers(self, patient: Mapping[str, Any]) -> list[Any]:
        """PID-3: every number of theirs that is shown, else our own of the record."""
        found = [self.number(i) for i in patient.get("identifier") or () if i.get("value")]
        return found or [(str(patient.get("id", "")), "", "", self.profile.our_place, "PI")]

    def pv1(self, view: View | None, confidential: str = "") -> str:
        """PV1 of an Encounter; without one that there is none."""
        if view is None:
            return segment("PV1", {1: "1", 2: "N", **({16: confidential} if confidential else {})})
        visit = view.resource
        people: dict[str, list[Any]] = {"ATND": [], "other": []}
        for p in visit.get("participant") or ():
            who = self.clinician(view.of(p.get("individual"), "Practitioner/"))
            if who:
                codes = {c.get("code") for t in p.get("type") or () for c in t.get("coding") or ()}
                people["ATND" if codes & {"ATND", "PPRF"} else "other"].append(who)
        places = [p for p in visit.get("location") or () if p.get("status") in (None, "active", "completed")]
        period, code = visit.get("period") or {}, str((visit.get("class") or {}).get("code", ""))
        number = next((self.number(i) for i in visit.get("identifier") or () if i.get("value")), (str(visit["id"]), "", "", self.profile.our_place, "VN"))
        end = visit.get("status") == "finished"
        how = next((str(c.get("code", "")) for c in ((visit.get("hospitalization") or {}).get("dischargeDisposition") or {}).get("coding") or ()), "")
        return segment("PV1", {
            1: "1", 2: self.local("0004", code, _CLASS.get(code, "O")), 3: self.place(view, places[-1].get("location")) if places else "", 6: self.place(view, places[-2].get("location")) if len(places) > 1 else "",
            7: people["ATND"], 17: people["other"], 19: number, 44: self.time(period.get("start")), **({16: confidential} if confidential else {}),
            **({36: how} if end and how else {}), **({45: self.time(period.get("end"))} if end else {}),
        })  # fmt: skip

    def mrg(self, patient: Mapping[str, Any]) -> str:
        """MRG: the numbers that are not used any more."""
        return segment("MRG", {1: self.numbers(patient), **({7: self.name(patient)} if self.since("2.3.1") else {})})

    def diagnoses(self, view: View, references: Sequence[Mapping[str, Any]]) -> list[str]:
        """DG1 of the Conditions that are shown."""
        found = [c for r in references if (c := view.of(r, "Condition/"))]
        return [
            segment("DG1", {1: str(n), 2: "" if self.since("2.7") else "I10", 3: self.coded(c.get("code"), ("http://hl7.org/fhir/sid/icd-10-cm",)), 5: self.time(c.get("onsetDateTime")), 6: "W"}) for n, c in enumerate(found, 1)
        ]

    def schedule(self, view: View) -> list[str]:
        """SCH, and after PID the resources of the appointment: who (AIP) and where (AIL)."""
        booked = view.resource
        kind = next(iter(booked.get("serviceType") or ()), None) or {"text": booked.get("description", "")}
        start, end = self.time(booked.get("start")), self.time(booked.get("end"))
        minutes = _minutes(booked)
        status = {"booked": "Booked", "arrived": "Booked", "checked-in": "Started", "fulfilled": "Complete", "noshow": "Noshow", "cancelled": "Cancelled", "pending": "Pending"}.get(str(booked.get("status")), "Booked")
        sch = segment("SCH", {
            1: (str(booked["id"])[:75], self.profile.our_place), 2: (str(booked["id"])[:75], self.profile.our_place), 6: ("", str((booked.get("cancelationReason") or {}).get("text", "") or "")), 7: self.coded(kind), 9: minutes,
            10: ("min", "minutes", "ANS+"), 11: ("", "", minutes, start, end), 16: self.clinician(self._first(view, "Practitioner/")), 25: status,
        })  # fmt: skip
        rows = [segment("RGS", {1: "1", 2: "A"})]
        n = {"AIP": 0, "AIL": 0}
        for p in booked.get("participant") or ():
            who, where = view.of(p.get("actor"), "Practitioner/"), view.of(p.get("actor"), "Location/")
            name = "AIP" if who else "AIL" if where else ""
            if name:
                n[name] += 1
                rows.append(segment(name, {1: str(n[name]), 2: "A", 3: self.clinician(who) if who else self.place(view, p.get("actor")), 6: start, 9: minutes, 10: ("min", "minutes", "ANS+")}))
        return [sch, *rows]

    def _first(self, view: View, type_: str) -> Mapping[str, Any]:
        return next((found for p in view.resource.get("participant") or () if (found := view.of(p.get("actor"), type_))), {})

    def order(self, view: View, control: str, confidential: str) -> list[str]:
        """ORC and OBR of a laboratory order, with its reason. ORC-2 and OBR-2 are the number by which a result comes back."""
        asked = view.resource
        number = next((str(i.get("value", "")) for i in asked.get("identifier") or () if i.get("system") == NUMBER), "") or str(asked["id"])[:50]
        placer: tuple[Part, ...] = (number, self.profile.our_place or self.profile.ours)
        who = self.clinician(view.of(asked.get("requester"), "Practitioner/"))
        urgency = {"routine": "R", "urgent": "A", "asap": "A", "stat": "S"}.get(str(asked.get("priority", "routine")), "R")
        at, when = self.time(asked.get("authoredOn")), self.time(asked.get("occurrenceDateTime"))
        quantity: dict[int, Value] = {} if self.since("2.7") else {7: ("1", "", "", when, "", urgency)}
        orc: dict[int, Value] = {1: control, 2: placer, 5: {"NW": "", "XO": "SC", "CA": "CA"}.get(control, ""), 9: at, 12: who, **quantity}
        if confidential and self.since("2.5"):
            orc[28] = (confidential,)
        said = [str(n.get("text", "")) for n in asked.get("note") or () if n.get("text")]
        words = [*(str(d.get("text", "")) for d in asked.get("orderDetail") or () if d.get("text")), *said]
        reason = [(("", str(r.get("text", "")))) for r in asked.get("reasonCode") or () if r.get("text")]
        obr: dict[int, Value] = {1: "1", 2: placer, 4: self.coded(asked.get("code"), ("http://loinc.org",)), 16: who, 31: reason, **({27: ("1", "", "", when, "", urgency)} if not self.since("2.7") else {}), **({36: when} if when else {})}
        if not self.since("2.7"):
            obr[5] = urgency
        timing = [segment("TQ1", {1: "1", 7: when, 9: urgency})] if self.since("2.5") and self.profile.kinds and "OML^O21" in self.profile.kinds else []
        notes = [segment("NTE", {1: str(n), 2: "P", 3: text}) for n, text in enumerate(words, 1)]
        return [segment("ORC", orc), *timing, segment("OBR", obr), *notes, *self.diagnoses(view, asked.get("reasonReference") or ())]

    def document(self, view: View, confidential: str) -> list[str] | None:
        """TXA and OBX of a document; None where its content is not here."""
        said = view.resource
        rows: list[str] = []
        kind = "TX"
        for content in said.get("content") or ():
            a = content.get("attachment") or {}
            data = str(a.get("data") or view.named.get(str(a.get("url") or ""), {}).get("data") or "")
            type_ = str(a.get("contentType", "")).partition(";")[0]
            if not data:
                continue
            if type_.startswith("text/plain"):
                text = base64.b64decode(data).decode("utf-8", "replace")
                value: Value = text
                two = "FT" if self.since("2.3") else "TX"
            else:
                main, _, sub = type_.partition("/")
                value, two, kind = ("", {"text": "TEXT", "image": "IM", "audio": "AU"}.get(main, "AP"), sub.upper()[:20], "Base64", data), "ED", "AP"
            rows.append(segment("OBX", {1: str(len(rows) + 1), 2: two, 3: self.coded(said.get("type"), ("http://loinc.org",)), 5: value, 11: "F", **({13: confidential} if confidential else {})}))
        if not rows:
            return None
        authors = [w for r in said.get("author") or () if (w := self.clinician(view.of(r, "Practitioner/")))]
        when = ((said.get("context") or {}).get("period") or {}).get("start")
        txa = segment("TXA", {
            1: "1", 2: self.coded(said.get("type"), ("http://loinc.org",)), 3: kind, 4: self.time(when or said.get("date")), 5: authors[:1], 6: self.time(said.get("date")), 9: authors[:1],
            12: (str(said["id"]), self.profile.our_place), 17: "AU", 18: confidential or "U", 19: "AV",
        })  # fmt: skip
        return [txa, *rows]

    def charge(self, view: View, code: Mapping[str, Any], unit: int, n: int) -> str:
        """FT1 of one code of a service."""
        done = view.resource
        period = done.get("performedPeriod") or {}
        start = self.time(period.get("start") or done.get("performedDateTime"))
        who = [w for p in done.get("performer") or () if (w := self.clinician(view.of(p.get("actor"), "Practitioner/")))]
        concept = {"coding": [code], "text": str((done.get("code") or {}).get("text", ""))}
        conditions = [self.coded(c.get("code"), ("http://hl7.org/fhir/sid/icd-10-cm",)) for r in done.get("reasonReference") or () if (c := view.of(r, "Condition/"))]
        return segment("FT1", {
            1: str(n), 2: f"{str(done['id'])[:30]}-{n}", 4: start, 5: start, 6: "CG", 7: self.coded(concept), 10: str(unit), 16: self.place(view, done.get("location")), 19: [c for c in conditions if c], 20: who[:1], **({25: self.coded(concept)} if self.since("2.3.1") else {}),
        })  # fmt: skip


def _minutes(booked: Mapping[str, Any]) -> str:
    try:
        length = datetime.fromisoformat(str(booked["end"])) - datetime.fromisoformat(str(booked["start"]))
    except (KeyError, ValueError):
        return str(booked.get("minutesDuration", ""))
    return str(int(length.total_seconds() // 60))


def day_of(done: Mapping[str, Any]) -> date:
    """The day of a service."""
    said = str((done.get("performedPeriod") or {}).get("start") or done.get("performedDateTime") or "1970-01-01")
    return date.fromisoformat(said[:10])
