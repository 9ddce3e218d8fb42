"""A slow recount of every report, version by version, that shares no code with what it checks."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from sojourn.base.errors import SojournError
from sojourn.gate.access import Access

NY = ZoneInfo("America/New_York")
WEEK = {"2.1": 9, "2.5": 20, "PHP": 20, "3.1": 9}
FIRST = {"2.1": 168, "2.5": 168, "PHP": 168, "3.1": 72, "3.5": 72, "3.7": 24}
REVIEW = {"2.1": 30, "2.5": 7, "PHP": 7, "3.1": 7, "3.5": 7, "3.7": 7}
LATE_HOURS, SILENT_DAYS = 72, 2
STAGES = {
    "inquiry": "Inquiry", "pre-screen": "Pre-screen", "review": "Medical review", "benefits": "Benefits", "authorization": "Authorization", "ready": "Ready to come", "waitlist": "Waiting list",
    "admitted": "Admitted", "referred-out": "Referred elsewhere", "declined": "Declined by us", "not-coming": "Decided not to come", "lost": "Lost contact",
}  # fmt: skip
LOST = ("referred-out", "declined", "not-coming", "lost")
STEPS = {
    "prepared": "Prepared, not sent", "sent": "Sent", "acknowledged": "Acknowledged", "scheduled": "Appointment made", "kept": "Appointment kept", "missed": "Appointment not kept",
    "reported": "Reported back", "declined": "Declined by the receiver", "withdrawn": "Withdrawn",
}  # fmt: skip
TYPES = ("Appointment", "CarePlan", "ClinicalImpression", "DocumentReference", "Encounter", "EpisodeOfCare", "Flag", "HealthcareService", "Location", "Observation", "Organization", "Practitioner", "Task")

Counted = dict[str, float | None]


class Recount:
    """What somebody may know, at a moment. figures: by report and title; groups: by report and column."""

    def __init__(self, day: date, now: datetime) -> None:
        today = now.astimezone(NY).date()
        self.now = day >= today
        self.day = min(day, today)
        self.at = now if self.now else self.midnight(self.day + timedelta(days=1))
        self.of: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.figures: dict[str, Counted] = defaultdict(dict)
        self.groups: dict[str, dict[str, Counter[str]]] = defaultdict(dict)

    @staticmethod
    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), NY)

    async def learn(self, versions: list[Any], access: Access) -> None:
        """Every version in the order in which they were written; then each thing that is left is asked for by itself."""
        living: dict[tuple[str, str], Any] = {}
        for v in versions:
            if v["kind"] == "delete":
                living.pop((v["type"], v["id"]), None)
            else:
                living[v["type"], v["id"]] = v["body"]
        for (type_, id_), body in living.items():
            if not access.may(type_, "search"):
                continue
            try:
                seen = await access.read(type_, id_)
            except SojournError:
                continue
            assert json.loads(body)["id"] == id_
            self.of[type_][id_] = seen.resource

    # --- time ---

    def begins(self, text: Any) -> datetime | None:
        said = str(text or "")
        if len(said) == 10:
            return self.midnight(date.fromisoformat(said))
        return datetime.fromisoformat(said) if said else None

    def ends(self, text: Any) -> datetime | None:
        said = str(text or "")
        return self.midnight(date.fromisoformat(said) + timedelta(days=1)) if len(said) == 10 else self.begins(said)

    @staticmethod
    def whole_days(start: datetime, stop: datetime) -> int:
        return max(0, int((stop.astimezone(UTC) - start.astimezone(UTC)) / timedelta(days=1)))

    # --- stays ---

    def site(self, organization: str) -> str:
        for service in self.of["HealthcareService"].values():
            if service["providedBy"]["reference"] == f"Organization/{organization}":
                return self.of["Location"][service["location"][0]["reference"].split("/")[1]]["name"]
        return ""

    def stays(self, back: int = 0) -> list[dict[str, Any]]:
        """Everybody in care at the moment, and with `back` those who left in so many days up to it."""
        low = self.midnight(self.day - timedelta(days=back - 1)) if back else self.at
        found = []
        for episode in self.of["EpisodeOfCare"].values():
            start, end = self.begins(episode["period"].get("start")), self.ends(episode["period"].get("end"))
            if episode["status"] not in ("active", "onhold", "finished") or start is None or start > self.at or (episode["status"] == "finished" and end is None):
                continue
            there = end is None or end > self.at
            if not there and not (back and end is not None and end > low):
                continue
            organization = episode["managingOrganization"]["reference"].split("/")[1]
            level = next((c["code"] for t in episode.get("type", ()) for c in t["coding"]), "")
            found.append({"id": episode["id"], "patient": episode["patient"]["reference"].split("/")[1], "there": there, "start": start, "days": self.whole_days(start, self.at if there else end or self.at),
                          "level": level, "organization": organization, "program": {"sud": "SUD", "mh": "MH", "far": "FAR"}[organization], "site": self.site(organization),
                          "manager": self.name(episode.get("careManager"))})  # fmt: skip
        return found

    def name(self, reference: Any) -> str:
        person = self.of["Practitioner"].get(str((reference or {}).get("reference", "")).removeprefix("Practitioner/"))
        return f"{person['name'][0]['given'][0]} {person['name'][0]['family']}" if person else ""

    def group(self, report: str, column: str, values: list[str]) -> None:
        self.groups[report][column] = Counter(v or "–" for v in values)

    # --- reports ---

    def census(self) -> None:
        stays = self.stays(30)
        inpatient = {}
        for id_, visit in sorted(self.of["Encounter"].items()):
            if visit["class"].get("code") != "IMP" or visit["status"] not in (("arrived", "in-progress", "onleave") if self.now else ("arrived", "in-progress", "onleave", "finished")):
                continue
            place = visit["location"][0]
            start, end = self.begins(place["period"]["start"]), self.begins(place["period"].get("end"))
            name = place["location"]["reference"].split("/")[1]
            if start is not None and start <= self.at and (end is None or end > self.at) and name in self.of["Location"]:
                inpatient[id_] = visit
        rows = [dict(s, bed=False) for s in sorted(stays, key=lambda s: (s["program"], s["start"], s["id"]))]
        for row in rows:
            for id_, visit in inpatient.items():
                named = [e["reference"].split("/")[1] for e in visit.get("episodeOfCare", ())]
                if row["there"] and visit["subject"]["reference"] == f"Patient/{row['patient']}" and (row["id"] in named if named else visit["serviceProvider"]["reference"] == f"Organization/{row['organization']}"):
                    row.update(bed=True, site="North")
                    del inpatient[id_]
                    break
        for visit in inpatient.values():
            start = self.begins(visit["period"]["start"])
            organization = visit["serviceProvider"]["reference"].split("/")[1]
            rows.append({"there": True, "bed": True, "days": self.whole_days(start or self.at, self.at), "level": "", "site": "North", "program": {"sud": "SUD", "mh": "MH", "far": "FAR"}[organization]})
        here, gone = [r for r in rows if r["there"]], [r for r in rows if not r["there"]]
        self.figures["census"] = {
            "In care": len(here), "In a bed": sum(r["bed"] for r in here), "Days so far, median": middle([r["days"] for r in here]), "Ended in 30 days": len(gone),
            "Length of those stays, median": middle([r["days"] for r in gone]),
        }  # fmt: skip
        for column in ("program", "level", "site"):
            self.group("census", column, [r[column] for r in here])

    def _cases(self) -> list[dict[str, Any]]:
        low, found = self.midnight(self.day - timedelta(days=89)), []
        for task in self.of["Task"].values():
            begun = self.begins(task["authoredOn"])
            if task["code"]["coding"][0]["code"] != "admission" or begun is None or not low <= begun <= self.at or task["status"] == "entered-in-error":
                continue
            said = {i["type"]["coding"][0]["code"]: i.get("valueString") for i in task["input"]}
            stage, since, moves = said.get("began", "inquiry"), begun, 0
            for note in task.get("note", ()):
                head, when = note["text"].split(". ")[0], datetime.fromisoformat(note["time"])
                code = next((c for c, words in STAGES.items() if words == head), None)
                if code:
                    moves += 1
                    if when <= self.at:
                        stage, since = code, when
            now = task["businessStatus"]["coding"][0]["code"].removeprefix("stage.")
            if not moves and now != stage:
                changed = datetime.fromisoformat(task["lastModified"])
                if changed <= self.at:
                    stage, since = now, changed
            state = "admitted" if stage == "admitted" else "lost" if stage in LOST else "open"
            found.append({"patient": task["for"]["reference"].split("/")[1], "begun": begun, "since": since, "stage": stage, "state": state, "program": {"1": "SUD", "2": "MH", "3": "FAR"}[said["program"]]})
        return found

    def admissions(self) -> None:
        cases = self._cases()
        per = Counter(c["state"] for c in cases)
        self.figures["admissions"] = {
            "Inquiries": len(cases), "Admitted": per["admitted"], "Open": per["open"], "Lost": per["lost"],
            "Days from call to admission, median": middle([self.whole_days(c["begun"], c["since"]) for c in cases if c["state"] == "admitted"]),
        }  # fmt: skip
        self.group("admissions", "stage", [STAGES[c["stage"]] for c in cases])
        self.group("admissions", "lost", [STAGES[c["stage"]] if c["state"] == "lost" else "" for c in cases])
        self.group("admissions", "program", [c["program"] for c in cases])

    def first_visit(self) -> None:
        took, waited, speeds, states, programs = [], [], [], [], []
        for case in self._cases():
            starts = [self.begins(v["period"]["start"]) for v in self.of["Encounter"].values()
                      if v["subject"]["reference"] == f"Patient/{case['patient']}" and v["status"] in ("arrived", "in-progress", "onleave", "finished")]  # fmt: skip
            after = sorted(s for s in starts if s is not None and case["begun"] <= s <= self.at)
            programs.append(case["program"])
            if after:
                n = self.whole_days(case["begun"], after[0])
                took.append(n)
                states.append("seen")
                speeds.append("within 7 days" if n <= 7 else "8 to 14 days" if n <= 14 else "more than 14 days")
                continue
            speeds.append("")
            if case["state"] == "lost":
                states.append("ended without a visit")
            else:
                states.append("waits")
                waited.append(self.whole_days(case["begun"], self.at))
        quick = speeds.count("within 7 days")
        self.figures["first-visit"] = {"Days from call to first visit, median": middle(took), "Seen within 7 days": quick, "Share seen within 7 days": percent(quick, len(states)), "Wait": len(waited), "Days waited, median": middle(waited)}
        self.group("first-visit", "speed", speeds)
        self.group("first-visit", "state", states)
        self.group("first-visit", "program", programs)

    def attendance(self) -> None:
        monday = self.day - timedelta(days=self.day.weekday())
        low = self.midnight(monday)
        asked: dict[str, dict[str, Any]] = {}
        for s in self.stays():
            best = asked.get(s["patient"])
            if best is None or (WEEK.get(s["level"], 0), s["id"]) > (WEEK.get(best["level"], 0), best["id"]):
                asked[s["patient"]] = s
        marks: dict[str, Counter[str]] = defaultdict(Counter)
        for a in self.of["Appointment"].values():
            start = self.begins(a["start"])
            kind = {"fulfilled": "kept", "arrived": "kept", "checked-in": "kept", "noshow": "missed", "cancelled": "cancelled", "booked": "unknown", "pending": "unknown"}.get(a["status"])
            if start is not None and low <= start <= self.at and kind:
                marks[a["participant"][0]["actor"]["reference"].split("/")[1]][kind] += 1
        minutes: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for v in self.of["Encounter"].values():
            start, end = self.begins(v["period"]["start"]), self.begins(v["period"].get("end"))
            if v["class"]["code"] == "IMP" or v["status"] not in ("finished", "in-progress", "onleave") or start is None or end is None or not low <= start or end > self.at or not end > start or end - start > timedelta(hours=14):
                continue
            first = int(start.timestamp())  # every second of it, once for each client
            minutes[v["subject"]["reference"].split("/")[1]] |= {("s", n) for n in range(first, int(end.timestamp()))}
        over = min(5, (self.day - monday).days + (0 if self.now else 1))
        rows = []
        for patient in set(marks) | {p for p, s in asked.items() if WEEK.get(s["level"], 0)}:
            s = asked.get(patient)
            want = 60 * WEEK.get(s["level"], 0) if s else 0
            by_day = Counter(datetime.fromtimestamp(n, NY).date() for _, n in minutes[patient])
            have = sum(int(n / 60) for n in by_day.values())
            state = "no minimum" if not want else "behind" if have < want * over // 5 else "met" if have >= want else "on course"
            rows.append({"state": state, "hours": round(have / 60, 1), "program": s["program"] if s else "", "level": s["level"] if s else "", **{k: marks[patient][k] for k in ("kept", "missed", "cancelled", "unknown")}})
        self.figures["attendance"] = {
            "Behind the minimum": sum(r["state"] == "behind" for r in rows), "Hours delivered": round(sum(r["hours"] for r in rows), 1), "Appointments kept": sum(r["kept"] for r in rows),
            "Missed": sum(r["missed"] for r in rows), "Cancelled": sum(r["cancelled"] for r in rows), "Not recorded": sum(r["unknown"] for r in rows),
        }  # fmt: skip
        for column in ("state", "program", "level"):
            self.group("attendance", column, [r[column] for r in rows])

    def _due(self) -> list[dict[str, Any]]:
        out = []
        for s in self.stays():
            mine = []
            for plan in self.of["CarePlan"].values():
                ext = {e["url"].rpartition("/")[2]: e for e in plan["extension"]}
                if ext["workflow-episodeOfCare"].get("valueReference", {}).get("reference") != f"EpisodeOfCare/{s['id']}" or plan["status"] == "entered-in-error":
                    continue
                if plan["status"] not in (("draft", "active") if self.now else ("draft", "active", "completed", "revoked")) or plan["period"]["start"] > self.day.isoformat():
                    continue
                signed = ext.get("plan-signed-on", {}).get("valueDate", "9999")
                mine.append({"id": plan["id"], "begun": plan["period"]["start"], "signed": signed, "end": plan["period"].get("end")})
            valid = [p for p in mine if p["signed"] <= self.day.isoformat()]
            if not valid:
                by: date | None = (s["start"].astimezone(UTC) + timedelta(hours=FIRST.get(s["level"], 720))).astimezone(NY).date()
            else:
                plan = max(valid, key=lambda p: (p["begun"], p["id"]))
                by = date.fromisoformat(plan["end"]) if plan["end"] else None
                done = sorted(i["effectiveDateTime"] for i in self.of["ClinicalImpression"].values() if i["status"] == "completed" and i["supportingInfo"][0]["reference"] == f"CarePlan/{plan['id']}")
                if not self.now and any(d > self.day.isoformat() for d in done):
                    last = max([plan["signed"], *(d for d in done if d <= self.day.isoformat())])
                    by = date.fromisoformat(last) + timedelta(days=REVIEW.get(s["level"], 90))
            late = None if by is None else (self.day - by).days
            out.append({**s, "late": late, "state": "no date" if late is None else "overdue" if late > 0 else "due within 7 days" if late >= -7 else "later"})
        return out

    def plans(self) -> None:
        rows = self._due()
        states = Counter(r["state"] for r in rows)
        self.figures["plans"] = {"Overdue": states["overdue"], "Due within 7 days": states["due within 7 days"], "Share overdue": percent(states["overdue"], len(rows)),
                                 "Days late, median": middle([r["late"] for r in rows if r["state"] == "overdue"])}  # fmt: skip
        self.group("plans", "state", [r["state"] for r in rows])
        self.group("plans", "clinician", [r["manager"] for r in rows])
        self.group("plans", "level", [r["level"] for r in rows])

    def unsigned(self) -> None:
        waits: dict[str, tuple[str, str]] = {}
        for task in self.of["Task"].values():
            kind = task["code"]["coding"][0]["code"]
            if not kind.startswith("note-") or task["status"] == "entered-in-error" or datetime.fromisoformat(task["authoredOn"]) > self.at:
                continue
            if task["status"] not in ("requested", "accepted", "in-progress") and datetime.fromisoformat(task["lastModified"]) <= self.at:
                continue
            document = task.get("focus", {}).get("reference", "/").split("/")[1]
            waits[document] = max(waits.get(document, ("", "")), (task["authoredOn"], kind))
        rows = []
        for id_, (_, kind) in waits.items():
            document = self.of["DocumentReference"].get(id_)
            if document is None or document["status"] == "entered-in-error":
                continue
            held = datetime.fromisoformat(document.get("context", {}).get("period", {}).get("end") or document["date"])
            age = self.whole_days(held, self.at)
            rows.append({"late": self.at - held > timedelta(hours=LATE_HOURS), "days": age, "author": self.name(document["author"][0]), "kind": kind,
                         "age": "up to a day" if age <= 1 else "2 to 3 days" if age <= 3 else "4 to 7 days" if age <= 7 else "8 to 30 days" if age <= 30 else "more than 30 days"})  # fmt: skip
        words = {"note-unsigned": "not signed", "note-returned": "back with its author", "note-cosign": "waits for a co-signature"}
        self.figures["unsigned-notes"] = {"Unsigned": len(rows), "Late": sum(r["late"] for r in rows), "Wait for a co-signature": sum(r["kind"] == "note-cosign" for r in rows), "Days old, median": middle([r["days"] for r in rows])}
        self.group("unsigned-notes", "author", [r["author"] for r in rows])
        self.group("unsigned-notes", "age", [r["age"] for r in rows])
        self.group("unsigned-notes", "state", [words[r["kind"]] for r in rows])

    def unwritten(self) -> None:
        low, about = self.midnight(self.day - timedelta(days=29)), set()
        for document in self.of["DocumentReference"].values():
            if document["status"] != "entered-in-error" and (self.begins(document.get("date")) or self.at) <= self.at:
                about |= {e["reference"] for e in document.get("context", {}).get("encounter", ())}
        rows = []
        for id_, visit in self.of["Encounter"].items():
            end = self.ends(visit["period"].get("end"))
            if visit["status"] != "finished" or visit["class"]["code"] == "IMP" or end is None or end <= low or end > self.at or f"Encounter/{id_}" in about:
                continue
            age = self.whole_days(end, self.at)
            rows.append({"late": self.at - end > timedelta(hours=LATE_HOURS), "days": age, "clinician": self.name(next((p["individual"] for p in visit.get("participant", ())), None)),
                         "kind": next((t["text"] for t in visit.get("type", ())), "Visit"),
                         "age": "up to a day" if age <= 1 else "2 to 3 days" if age <= 3 else "4 to 7 days" if age <= 7 else "8 to 30 days" if age <= 30 else "more than 30 days"})  # fmt: skip
        self.figures["visits-without-note"] = {"Without a note": len(rows), "Late": sum(r["late"] for r in rows), "Days old, median": middle([r["days"] for r in rows])}
        for column in ("clinician", "age", "kind"):
            self.group("visits-without-note", column, [r[column] for r in rows])

    def measures(self) -> None:
        low = self.midnight(self.day - timedelta(days=179))
        begun: dict[str, dict[str, Any]] = {}
        for s in self.stays():
            if s["patient"] not in begun or (s["start"], s["id"]) < (begun[s["patient"]]["start"], begun[s["patient"]]["id"]):
                begun[s["patient"]] = s
        series: dict[tuple[str, str, str], list[tuple[datetime, str, float]]] = defaultdict(list)
        for o in self.of["Observation"].values():
            coding, patient = o["code"]["coding"][0], o["subject"]["reference"].split("/")[1]
            at = datetime.fromisoformat(o["effectiveDateTime"])
            if o["status"] != "entered-in-error" and patient in begun and max(low, begun[patient]["start"]) <= at <= self.at:
                series[patient, coding["code"], coding.get("version", "")].append((at, o["id"], float(o["valueQuantity"]["value"])))
        lines = {"phq-9.total": 5, "pcl-5.total": 5}  # GAD-7: nobody checked one
        states, names, programs = [], [], []
        for (patient, code, version), found in series.items():
            found.sort()
            fell = found[0][2] - found[-1][2]
            line = lines.get(code)
            state = "one score only" if len(found) == 1 else "no line that was checked" if line is None else "improved" if fell >= line else "worse" if -fell >= line else "no change that counts"
            states.append(state)
            if state != "one score only":
                names.append({"phq-9.total": "PHQ-9", "gad-7.total": "GAD-7", "pcl-5.total": "PCL-5"}[code] + (f", version {version}" if version else ""))
                programs.append(begun[patient]["program"])
        per = Counter(states)
        told = per["improved"] + per["worse"] + per["no change that counts"]
        self.figures["measures"] = {"Improved": per["improved"], "Share improved": percent(per["improved"], told), "Worse": per["worse"], "No change that counts": per["no change that counts"],
                                    "No line that was checked": per["no line that was checked"], "One score only": per["one score only"]}  # fmt: skip
        self.group("measures", "state", [s for s in states if s != "one score only"])
        self.group("measures", "measure", names)
        self.group("measures", "program", programs)

    def caseload(self) -> None:
        held: Counter[str] = Counter()
        for flag in self.of["Flag"].values():
            start, end = self.begins(flag["period"]["start"]), self.ends(flag["period"].get("end"))
            sound = flag["status"] == "active" or (flag["status"] == "inactive" and end is not None)
            if flag["category"][0]["coding"][0]["code"] == "safety" and sound and start is not None and start <= self.at and (end is None or end > self.at):
                held[flag["subject"]["reference"].split("/")[1]] += 1
        rows = self._due()
        self.figures["caseload"] = {"Stays in care": len(rows), "Plan or review overdue": sum(r["state"] == "overdue" for r in rows), "With a precaution": sum(held[r["patient"]] > 0 for r in rows),
                                    "Without a clinician": sum(not r["manager"] for r in rows)}  # fmt: skip
        self.group("caseload", "clinician", [r["manager"] for r in rows])
        self.group("caseload", "level", [r["level"] for r in rows])
        self.group("caseload", "acuity", ["precaution in force" if held[r["patient"]] else "none" for r in rows])

    def handoffs(self) -> None:
        low, rows = self.midnight(self.day - timedelta(days=179)), []
        for task in self.of["Task"].values():
            begun = datetime.fromisoformat(task["authoredOn"])
            if task["code"]["coding"][0]["code"] != "handoff" or not low <= begun <= self.at:
                continue
            step, since, sent = "prepared", begun, None
            for note in task.get("note", ()):
                when = datetime.fromisoformat(note["time"])
                if when <= self.at:
                    step, since = next(c for c, words in STEPS.items() if note["text"].split(". ")[0] == words), when
                    sent = when if step == "sent" else sent
            state = ("closed" if step == "reported" else "ended without a report" if step in ("declined", "withdrawn") else "not sent yet" if step == "prepared"
                     else "silent" if step == "sent" and self.at >= since + timedelta(days=SILENT_DAYS) else "waiting")  # fmt: skip
            rows.append({"state": state, "step": STEPS[step], "took": self.whole_days(sent, since) if sent and state == "closed" else None})
        per = Counter(r["state"] for r in rows)
        self.figures["handoffs"] = {"Silent": per["silent"], "Waiting": per["waiting"], "Closed": per["closed"], "Days from sending to the report, median": middle([r["took"] for r in rows if r["took"] is not None]), "Hand-offs": len(rows)}
        self.group("handoffs", "state", [r["state"] for r in rows])
        self.group("handoffs", "receiver", ["Lakeside Primary Care" if self.of["Organization"] else "" for _ in rows])
        self.group("handoffs", "step", [r["step"] for r in rows])

    def all(self) -> None:
        """Every report."""
        for count in (self.census, self.admissions, self.first_visit, self.attendance, self.plans, self.unsigned, self.unwritten, self.measures, self.caseload, self.handoffs):
            count()


def middle(values: list[Any]) -> float | None:
    return round(float(median(values)), 1) if values else None


def percent(some: int, every: int) -> float | None:
    return round(100 * some / every) if every else None
