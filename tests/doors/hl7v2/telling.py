"""What a message has to say of what was shown, said once more by HL7 v2.8 and not by the writer's code; and what python-hl7 finds in it: every part of every field, both ways.

A part by its place, as in `PID-3[1].4` or `OBX#2-5[1].1.2`. What a message has no field for is named in tests/wire/carried.toml with the reason.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import hl7

from tests.wire.carrying import CARRIED, leaves, listed

Json = dict[str, Any]
SYSTEMS = {"http://loinc.org": "LN", "http://hl7.org/fhir/sid/icd-10-cm": "I10", "http://snomed.info/sct": "SCT", "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM", "http://www.ama-assn.org/go/cpt": "C4", "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS"}
"""HL7 table 0396."""
CLASSES = {"IMP": "I", "AMB": "O", "EMER": "E", "VR": "O"}
STATUS = {"booked": "Booked", "arrived": "Booked", "noshow": "Noshow", "cancelled": "Cancelled"}
NUMBER = "https://sojourn.example/fhir/NamingSystem/lab-requisition"


def heard(raw: bytes) -> dict[str, str]:
    """Every part that says something, by its place, as python-hl7 has it."""
    message = hl7.parse(raw.decode())
    found: dict[str, str] = {}
    seen: dict[str, int] = {}
    for segment in message:
        name = str(segment[0])
        seen[name] = seen.get(name, 0) + 1
        label = name + (f"#{seen[name]}" if seen[name] > 1 else "")
        for n in range(3 if name == "MSH" else 1, len(segment)):
            for r, rep in enumerate(_list(segment[n]), 1):
                for c, component in enumerate(_list(rep), 1):
                    for s, sub in enumerate(_list(component), 1):
                        if said := message.unescape(str(sub)):
                            found[f"{label}-{n}[{r}].{c}" + (f".{s}" if s > 1 else "")] = said.replace("\r", "\n")
    return found


def _list(part: Any) -> list[Any]:
    return list(part) if isinstance(part, list) else [part]


class Told:
    """The parts of a message to one partner. systems: their names of numberings; ours: MSH-4; taken: the elements that they are made of, by type."""

    def __init__(self, named: dict[str, Json], systems: dict[str, str], ours: str, zone: str = "America/New_York", version: str = "2.8") -> None:
        self.named, self.systems, self.ours, self.zone, self.version = named, systems, ours, ZoneInfo(zone), tuple(map(int, version.split(".")))
        self.parts: dict[str, str] = {}
        self.taken: set[str] = set()

    def put(self, place: str, *components: Any) -> None:
        """One repetition of a field (`PID-3[1]`)."""
        for n, component in enumerate(components, 1):
            for m, sub in enumerate(component if isinstance(component, tuple) else (component,), 1):
                if sub:
                    self.parts[f"{place}.{n}" + (f".{m}" if m > 1 else "")] = str(sub)

    def time(self, text: str | None) -> str:
        if not text:
            return ""
        return datetime.fromisoformat(text).astimezone(self.zone).strftime("%Y%m%d%H%M%S%z") if "T" in text else text.replace("-", "")

    def concept(self, place: str, concept: Json | None, *first: str) -> None:
        """The code that the field wants, else one of a system that HL7 names; its display, else the words."""
        codings = sorted((concept or {}).get("coding", ()), key=lambda c: (c["system"] not in first, c["system"] not in SYSTEMS))
        text = (concept or {}).get("text") or next((c["display"] for c in codings if c.get("display")), "")
        if codings:
            self.put(place, codings[0]["code"], codings[0].get("display") or text, SYSTEMS.get(codings[0]["system"], "L"))
        else:
            self.put(place, "", text)

    def person(self, place: str, reference: Json | None) -> bool:
        who = self.named.get((reference or {}).get("reference", "")) if str((reference or {}).get("reference", "")).startswith("Practitioner/") else None
        if who is None:
            return False
        name = who["name"][0]
        npi = next((i["value"] for i in who.get("identifier", ()) if i["system"].endswith("us-npi")), "")
        self.put(place, npi or who["id"], name["family"], *self._given(name), "", "", "NPI" if npi else self.ours)
        return True

    @staticmethod
    def _given(name: Json) -> tuple[str, str, str, str]:
        given = [*name.get("given", ()), ""]
        return given[0], " ".join(given[1:-1]), " ".join(name.get("suffix", ())), " ".join(name.get("prefix", ()))

    # --- segments ---

    def pid(self, p: Json, segment: str = "PID") -> None:
        numbers = "PID-3" if segment == "PID" else "MRG-1"
        for n, i in enumerate(p.get("identifier", ()), 1):
            self.put(f"{numbers}[{n}]", i["value"], "", "", self.systems.get(i["system"]) or ("", i["system"].removeprefix("urn:oid:"), "ISO"), "MR")
        if not p.get("identifier"):
            self.put(f"{numbers}[1]", p["id"], "", "", self.ours, "PI")
        name = next((n for n in p["name"] if n.get("use") == "official"), p["name"][0])
        self.put(f"{segment}-{5 if segment == 'PID' else 7}[1]", name["family"], *self._given(name))
        if segment == "MRG":
            return
        self.put("PID-1[1]", "1")
        self.put("PID-7[1]", self.time(p.get("birthDate")))
        self.put("PID-8[1]", {"male": "M", "female": "F", "other": "O", "unknown": "U"}.get(p.get("gender", ""), ""))
        for n, a in enumerate(p.get("address", ()), 1):
            self.put(f"PID-11[{n}]", a["line"][0], " ".join(a["line"][1:]), a.get("city", ""), a.get("state", ""), a.get("postalCode", ""), a.get("country", ""), {"home": "H", "work": "B"}.get(a.get("use", ""), ""))
        for n, t in enumerate(p.get("telecom", ()), 1):
            if t["system"] == "email":
                self.put(f"PID-13[{n}]", "", "NET", "Internet", t["value"])
            else:
                self.put(f"PID-13[{n}]", "" if self.version >= (2, 7) else t["value"], "WPN" if t.get("use") == "work" else "PRN", "CP" if t.get("use") == "mobile" else "PH", *[""] * 8, t["value"] if self.version >= (2, 5) else "")
        if "deceasedDateTime" in p:
            self.put("PID-29[1]", self.time(p["deceasedDateTime"]))
        if p.get("deceasedDateTime") or p.get("deceasedBoolean"):
            self.put("PID-30[1]", "Y")

    def visit(self, v: Json | None, mark: str) -> None:
        self.put("PV1-1[1]", "1")
        self.put("PV1-16[1]", mark)
        if v is None:
            self.put("PV1-2[1]", "N")
            return
        self.put("PV1-2[1]", CLASSES[v["class"]["code"]])
        for n, at in enumerate(reversed([p for p in v.get("location", ()) if p.get("status") in (None, "active", "completed")][-2:])):
            if place := self.named.get(at["location"]["reference"]):
                self.put(f"PV1-{(3, 6)[n]}[1]", place["name"], "", "", self.ours)
        counts = {7: 0, 17: 0}
        for one in v.get("participant", ()):
            field = 7 if one.get("type", [{"coding": [{}]}])[0]["coding"][0].get("code") == "ATND" else 17
            counts[field] += self.person(f"PV1-{field}[{counts[field] + 1}]", one.get("individual"))
        number = next(iter(v.get("identifier", ())), None)
        self.put("PV1-19[1]", number["value"] if number else v["id"], "", "", (self.systems.get(number["system"]) or ("", number["system"], "URI")) if number else self.ours, "MR" if number else "VN")
        self.put("PV1-44[1]", self.time(v.get("period", {}).get("start")))
        if v["status"] == "finished":
            self.put("PV1-45[1]", self.time(v.get("period", {}).get("end")))
            self.put("PV1-36[1]", next((c["code"] for c in v.get("hospitalization", {}).get("dischargeDisposition", {}).get("coding", ())), ""))

    def diagnoses(self, references: Any) -> None:
        n = 0
        for reference in references:
            if condition := self.named.get(reference["reference"]):
                n += 1
                at = f"DG1{f'#{n}' if n > 1 else ''}"
                self.put(f"{at}-1[1]", str(n))
                self.put(f"{at}-2[1]", "" if self.version >= (2, 7) else "I10")
                self.concept(f"{at}-3[1]", condition.get("code"), "http://hl7.org/fhir/sid/icd-10-cm")
                self.put(f"{at}-5[1]", self.time(condition.get("onsetDateTime")))
                self.put(f"{at}-6[1]", "W")

    def appointment(self, a: Json) -> None:
        minutes = str(int((datetime.fromisoformat(a["end"]) - datetime.fromisoformat(a["start"])).total_seconds() // 60))
        start, end = self.time(a["start"]), self.time(a["end"])
        for n in (1, 2):
            self.put(f"SCH-{n}[1]", a["id"], self.ours)
        self.put("SCH-6[1]", "", a.get("cancelationReason", {}).get("text", ""))
        self.concept("SCH-7[1]", next(iter(a.get("serviceType", ())), {"text": a.get("description", "")}))
        self.put("SCH-9[1]", minutes)
        self.put("SCH-10[1]", "min", "minutes", "ANS+")
        self.put("SCH-11[1]", "", "", minutes, start, end)
        self.put("SCH-25[1]", STATUS[a["status"]])
        self.put("RGS-1[1]", "1")
        self.put("RGS-2[1]", "A")
        counts = {"AIP": 0, "AIL": 0}
        for one in a["participant"]:
            who = one.get("actor", {}).get("reference", "")
            name = {"Practitioner": "AIP", "Location": "AIL"}.get(who.partition("/")[0], "")
            if not name or who not in self.named:
                continue
            counts[name] += 1
            at = f"{name}{f'#{counts[name]}' if counts[name] > 1 else ''}"
            self.put(f"{at}-1[1]", str(counts[name]))
            self.put(f"{at}-2[1]", "A")
            if name == "AIP":
                self.person(f"{at}-3[1]", one["actor"])
                if counts["AIP"] == 1:
                    self.person("SCH-16[1]", one["actor"])
            else:
                self.put(f"{at}-3[1]", self.named[who]["name"], "", "", self.ours)
            self.put(f"{at}-6[1]", start)
            self.put(f"{at}-9[1]", minutes)
            self.put(f"{at}-10[1]", "min", "minutes", "ANS+")

    def order(self, s: Json, control: str, mark: str, *, timing: bool) -> None:
        number = next((i["value"] for i in s.get("identifier", ()) if i["system"] == NUMBER), s["id"])
        urgency, when = {"urgent": "A", "asap": "A", "stat": "S"}.get(s.get("priority", ""), "R"), self.time(s.get("occurrenceDateTime"))
        self.put("ORC-1[1]", control)
        self.put("ORC-5[1]", {"NW": "", "XO": "SC", "CA": "CA"}[control])
        self.put("ORC-9[1]", self.time(s.get("authoredOn")))
        if mark and self.version >= (2, 5):
            self.put("ORC-28[1]", mark)
        self.put("OBR-1[1]", "1")
        for place, field in (("ORC", 12), ("OBR", 16)):
            self.put(f"{place}-2[1]", number, self.ours)
            self.person(f"{place}-{field}[1]", s.get("requester"))
        self.concept("OBR-4[1]", s.get("code"), "http://loinc.org")
        for n, reason in enumerate((r for r in s.get("reasonCode", ()) if r.get("text")), 1):
            self.put(f"OBR-31[{n}]", "", reason["text"])
        self.put("OBR-36[1]", when)
        if self.version < (2, 7):
            self.put("OBR-5[1]", urgency)
            for place in ("ORC-7[1]", "OBR-27[1]"):
                self.put(place, "1", "", "", when, "", urgency)
        if timing:
            for field, value in ((1, "1"), (7, when), (9, urgency)):
                self.put(f"TQ1-{field}[1]", value)
        for n, text in enumerate([*(d["text"] for d in s.get("orderDetail", ())), *(d["text"] for d in s.get("note", ()))], 1):
            at = f"NTE{f'#{n}' if n > 1 else ''}"
            self.put(f"{at}-1[1]", str(n))
            self.put(f"{at}-2[1]", "P")
            self.put(f"{at}-3[1]", text)
        self.diagnoses(s.get("reasonReference", ()))

    def document(self, d: Json, mark: str) -> None:
        files = False
        for n, content in enumerate(d["content"], 1):
            a, at = content["attachment"], f"OBX{f'#{n}' if n > 1 else ''}"
            self.put(f"{at}-1[1]", str(n))
            self.put(f"{at}-2[1]", "FT" if a["contentType"].startswith("text/plain") else "ED")
            self.concept(f"{at}-3[1]", d.get("type"), "http://loinc.org")
            if a["contentType"].startswith("text/plain"):
                self.put(f"{at}-5[1]", base64.b64decode(a["data"]).decode())
            else:
                files = True
                self.put(f"{at}-5[1]", "", "AP", a["contentType"].partition("/")[2].upper(), "Base64", a["data"])
            self.put(f"{at}-11[1]", "F")
            self.put(f"{at}-13[1]", mark)
        self.put("TXA-1[1]", "1")
        self.concept("TXA-2[1]", d.get("type"), "http://loinc.org")
        self.put("TXA-3[1]", "AP" if files else "TX")
        self.put("TXA-4[1]", self.time(d.get("context", {}).get("period", {}).get("start") or d.get("date")))
        self.put("TXA-6[1]", self.time(d.get("date")))
        for field in (5, 9):
            next((True for a in d.get("author", ()) if self.person(f"TXA-{field}[1]", a)), False)
        self.put("TXA-12[1]", d["id"], self.ours)
        for field, value in ((17, "AU"), (18, mark or "U"), (19, "AV")):
            self.put(f"TXA-{field}[1]", value)

    def charges(self, p: Json, units: dict[str, str]) -> None:
        """units: of each code, counted by hand."""
        start = self.time(p.get("performedPeriod", {}).get("start") or p.get("performedDateTime"))
        for n, c in enumerate(p["code"]["coding"], 1):
            at = f"FT1{f'#{n}' if n > 1 else ''}"
            for field, value in ((1, str(n)), (2, f"{p['id'][:30]}-{n}"), (4, start), (5, start), (6, "CG"), (10, units[c["code"]])):
                self.put(f"{at}-{field}[1]", value)
            for field in (7, 25):
                self.put(f"{at}-{field}[1]", c["code"], c.get("display") or p["code"].get("text", ""), SYSTEMS[c["system"]])
            if place := self.named.get(p.get("location", {}).get("reference", "")):
                self.put(f"{at}-16[1]", place["name"], "", "", self.ours)
            for m, condition in enumerate((x for r in p.get("reasonReference", ()) if (x := self.named.get(r["reference"]))), 1):
                self.concept(f"{at}-19[{m}]", condition["code"], "http://hl7.org/fhir/sid/icd-10-cm")
            next((True for w in p.get("performer", ()) if self.person(f"{at}-20[1]", w["actor"])), False)


FIELDS = {
    "Patient": ("identifier", "name", "birthDate", "gender", "address", "telecom", "deceasedDateTime", "deceasedBoolean", "link"), "Encounter": ("status", "class", "period", "participant", "location", "identifier", "reasonReference", "hospitalization.dischargeDisposition"),
    "Appointment": ("status", "start", "end", "serviceType", "participant", "cancelationReason.text"), "ServiceRequest": ("identifier", "status", "intent", "code", "authoredOn", "occurrenceDateTime", "requester", "priority", "note.text", "orderDetail", "reasonCode", "reasonReference", "encounter"),
    "DocumentReference": ("status", "docStatus", "type", "date", "author", "content.attachment.data", "content.attachment.contentType", "context.period.start"), "Procedure": ("status", "code", "performedPeriod", "performedDateTime", "performer", "location", "reasonReference"),
}  # fmt: skip


def unlisted(resource: Json) -> list[str]:
    """The elements that are shown, stand in no field, and in no table of what messages do not carry."""
    type_ = resource["resourceType"]
    apart = {"resourceType", "id", "meta", "subject", *FIELDS[type_]}
    return [path for path, said in leaves("", resource, apart) if said and not listed(CARRIED["hl7v2"]["nowhere"], type_, path)]


def bare(parts: dict[str, str]) -> dict[str, str]:
    """Without header, event and what goes along by the law: those are compared by themselves."""
    return {k: v for k, v in parts.items() if not re.match(r"(MSH|EVN|ZPR|ARV)[-#]", k)}
