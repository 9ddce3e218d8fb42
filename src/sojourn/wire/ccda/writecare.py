"""Visits, procedures, plans, goals, teams, payers, notes and all else as entries of C-CDA R2.1."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any, Final

from sojourn.wire.ccda.markup import E
from sojourn.wire.ccda.oids import ACT, ALERT, LOINC, SNOMED
from sojourn.wire.ccda.parts import Here, comment, marks, notes, recorded, related, rest, template, who
from sojourn.wire.ccda.telling import Json, Row, Table, coding, day, ts, words
from sojourn.wire.ccda.writelists import SCT, indication
from sojourn.wire.ccda.writemeasures import value_of

HCPCS: Final = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
CPT: Final = "http://www.ama-assn.org/go/cpt"
_VISIT: Final = {"finished": "completed", "in-progress": "active", "arrived": "active", "triaged": "active", "onleave": "active", "active": "active", "onhold": "suspended", "cancelled": "cancelled", "planned": "new", "waitlist": "new"}
_EXACT: Final = frozenset({"finished", "in-progress", "active", "cancelled", "planned", "completed", "stopped", "not-done"})
"""States that one act state tells; of others the record's word stands beside it."""
_DONE: Final = {"completed": "completed", "in-progress": "active", "preparation": "active", "on-hold": "active", "stopped": "aborted", "not-done": "cancelled"}


def encounter(table: Table, resource: Json, here: Here) -> E:
    """Encounter or EpisodeOfCare: an Encounter Activity (22.4.49)."""
    row = table.row()
    types = [t for t in resource.get("type", ()) if all(c.get("code") != "elsewhere" for c in t.get("coding", ()))]  # that it was elsewhere, its author says
    typed = (types or [{}])[0]
    kind = resource.get("class") or {}
    code = row.code("code", "Visit", typed, first=(CPT, SCT))
    if kind.get("code"):
        said = words(kind)
        row.say("Setting", said)
        code.add(coding("translation", str(kind.get("system", "")), str(kind["code"]), said))
    period = resource.get("period") or {}
    state = _VISIT.get(resource.get("status", ""), "")
    time = row.span("When", period.get("start", ""), period.get("end", ""), ended=state == "completed")
    row.say("Status", state)
    people = [_with(row, here, p) for p in resource.get("participant", ())] + [who(row, here, "With", resource.get("careManager"), kind="performer")]
    disposition = (resource.get("hospitalization") or {}).get("dischargeDisposition")
    left_to = row.code("sdtc:dischargeDispositionCode", "Discharged to", disposition) if disposition else None
    reasons = [indication(row, here, reason, resource, n) for n, reason in enumerate(resource.get("reasonCode", ()))]
    used = {"status", "class", "type", "period", "participant", "careManager", "reasonCode", "reasonReference", "episodeOfCare", "serviceProvider", "location", "partOf", "diagnosis", "managingOrganization",
            "referralRequest", "team", "account", "hospitalization"}  # fmt: skip
    more: Json = {"types": types[1:]} if len(types) > 1 else {}
    if resource.get("status") not in _EXACT:
        used.discard("status")
    if admitted := {k: v for k, v in (resource.get("hospitalization") or {}).items() if k != "dischargeDisposition"}:
        more["hospital"] = admitted
    return E(
        "encounter", *template("22.4.49", "2015-08-01"), here.id(resource), code, row.reference, E("statusCode", code=state) if state else E("statusCode", nullFlavor="UNK"), time, left_to, *people, *reasons, notes(row, {**resource, **more}, used),
        *marks(resource), classCode="ENC", moodCode="EVN",
    )  # fmt: skip


def _with(row: Row, here: Here, participant: Json) -> E | None:
    """Who took part in a visit, and as what; as what alone, where nobody is named."""
    made = who(row, here, "With", participant.get("individual"), kind="performer")
    kinds: list[Json] = participant.get("type") or []
    if kinds:
        made = made or E("performer", E("assignedEntity", E("id", nullFlavor="UNK"), E("addr", nullFlavor="UNK"), E("telecom", nullFlavor="UNK")))
        made.inside.insert(0, row.code("sdtc:functionCode", "As", kinds[0]))
    return made


def procedure(table: Table, resource: Json, here: Here) -> E:
    """Procedure: a Procedure Activity Procedure (22.4.14)."""
    row = table.row()
    code = row.code("code", "Procedure", resource.get("code"), first=(SCT, CPT, HCPCS))
    state = _DONE.get(resource.get("status", ""), "completed")
    row.say("Status", state)
    period = resource.get("performedPeriod") or {}
    time = row.span("When", period.get("start", ""), period.get("end", "")) if period else row.time("When", resource.get("performedDateTime", ""))
    sites = [row.code("targetSiteCode", "Site", s, first=(SCT,)) for s in resource.get("bodySite", ())]
    people = [who(row, here, "By", p.get("actor"), kind="performer") for p in resource.get("performer", ())]
    reasons = [indication(row, here, reason, resource, n) for n, reason in enumerate(resource.get("reasonCode", ()))]
    used = {*(("status",) if resource.get("status") in _EXACT else ()), "code", "performedDateTime", "performedPeriod", "bodySite", "performer", "reasonCode", "reasonReference", "basedOn", "encounter", "location", "partOf"}
    return E(
        "procedure", *template("22.4.14", "2014-06-09"), here.id(resource), code, row.reference, E("statusCode", code=state), time, *sites, *people, *reasons, notes(row, resource, used), *marks(resource),
        classCode="PROC", moodCode="EVN",
    )  # fmt: skip


def goal(table: Table, resource: Json, here: Here) -> E:
    """Goal: a Goal Observation (22.4.121)."""
    row = table.row()
    code = row.code("code", "Goal", resource.get("description"), first=("http://loinc.org", SCT))
    start = resource.get("startDate", "")
    due = [str(t["dueDate"]) for t in resource.get("target", ()) if t.get("dueDate")]
    time = row.span("When", start, due[0] if due else "") if start or due else None
    used = {"description", "startDate", "expressedBy", "addresses"}
    more: Json = {"target": [{k: v for k, v in t.items() if k not in ("measure", "detailQuantity", "detailCodeableConcept", "detailInteger") and (k != "dueDate" or n)} for n, t in enumerate(resource.get("target", ()))]}
    state = comment(row, "Status", str(resource.get("lifecycleStatus", "")))
    reached = related("REFR", _outcome(row, resource, here, "#achieved")) if resource.get("achievementStatus") else None
    targets = [_target(row, t) for t in resource.get("target", ()) if t.get("measure")]
    by = recorded(row, here, resource.get("expressedBy"), "")
    return E(
        "observation", *template("22.4.121"), here.id(resource), code, row.reference, E("statusCode", code="active"), time, by, state, reached, *targets,
        notes(row, {**resource, **more}, {*used, "lifecycleStatus", "achievementStatus"}), *marks(resource), classCode="OBS", moodCode="GOL",
    )  # fmt: skip


def _target(row: Row, target: Json) -> E:
    """What is measured for a goal, and what it is to be."""
    code = row.code("code", "Measured by", target["measure"], first=("http://loinc.org", SCT))
    held = {key.replace("detail", "value"): value for key, value in target.items() if key in ("detailQuantity", "detailCodeableConcept", "detailInteger")}
    return related("COMP", E("observation", code, E("statusCode", code="active"), value_of(row, held) if held else None, classCode="OBS", moodCode="GOL"))


def planned(table: Table, resource: Json, here: Here) -> E:
    """ServiceRequest, Appointment, DeviceRequest and the like: a Planned Act (22.4.39), or a Planned Encounter (22.4.40) for what is booked."""
    row = table.row()
    booked = resource["resourceType"] == "Appointment"
    concept = (resource.get("serviceType") or [{"text": resource.get("description", "Appointment")}])[0] if booked else resource.get("code") or resource.get("codeCodeableConcept")
    code = row.code("code", "What", concept, first=(SCT, "http://loinc.org", CPT))
    period = resource.get("occurrencePeriod") or {}
    start = resource.get("start") or resource.get("occurrenceDateTime") or period.get("start") or ""
    end = resource.get("end") or period.get("end") or ""
    time = row.span("When", start, end) if end else row.time("When", start) if start else None
    reasons = [indication(row, here, reason, resource, n) for n, reason in enumerate(resource.get("reasonCode", ()))]
    author = recorded(row, here, resource.get("requester"), resource.get("authoredOn", ""))
    people = [p["actor"] for p in resource.get("participant", ()) if (p.get("actor") or {}).get("display")]
    with_ = [who(row, here, "With", p, kind="performer") for p in people]
    state = comment(row, "State", str(resource.get("status", "")))
    used = {"status", "code", "serviceType", "occurrencePeriod", "occurrenceDateTime", "start", "end", "reasonCode", "reasonReference", "requester", "authoredOn", "participant", "performer", "encounter", "basedOn", "minutesDuration"}
    if booked and "serviceType" not in resource:
        used.add("description")
    kind, number, mood, name = ("ENC", "22.4.40", "APT", "encounter") if booked else ("ACT", "22.4.39", "RQO", "act")
    return E(
        name, *template(number, "2014-06-09"), here.id(resource), code, row.reference, E("statusCode", code="active"), time, *with_, author, *reasons, state, notes(row, resource, used), *marks(resource),
        classCode=kind, moodCode=mood,
    )  # fmt: skip


def plan(table: Table, resource: Json, here: Here) -> list[E]:
    """CarePlan: a Planned Act (22.4.39) for the plan and one for each of its activities."""
    row = table.row()
    code = row.code("code", "What", {"coding": [{"system": SCT, "code": "734163000", "display": "Care plan"}], "text": resource.get("title") or "Care plan"})
    period = resource.get("period") or {}
    time = row.span("When", period.get("start", ""), period.get("end", "")) if period else None
    author = recorded(row, here, resource.get("author"), resource.get("created", ""))
    state = comment(row, "State", str(resource.get("status", "")))
    used = {"title", "period", "author", "created", "status", "intent", "category", "goal", "addresses", "careTeam", "activity", "encounter", "contributor"}
    made = [E("act", *template("22.4.39", "2014-06-09"), here.id(resource), code, row.reference, E("statusCode", code="active"), time, author, state, notes(row, resource, used), *marks(resource), classCode="ACT", moodCode="INT")]
    for n, activity in enumerate(resource.get("activity", ())):
        detail: Json = activity.get("detail") or {}
        row = table.row()
        code = row.code("code", "What", detail.get("code") or {"text": detail.get("description") or (activity.get("reference") or {}).get("display", "Activity")}, first=(SCT,))
        told = {"code", *(() if detail.get("code") else ("description",)), "status", "kind"}
        state = comment(row, "State", str(detail.get("status", "")))
        made.append(E("act", *template("22.4.39", "2014-06-09"), here.id(resource, f"#{n}"), code, row.reference, E("statusCode", code="active"), state, notes(row, {k: v for k, v in {**activity, **detail}.items() if k != "detail"}, told),
                      *marks(resource), classCode="ACT", moodCode="INT"))  # fmt: skip
    return made


def intervention(table: Table, resource: Json, here: Here) -> E:
    """CarePlan in a Care Plan document: a Planned Intervention Act (22.4.146) with what is planned and the goals that it is for."""
    inside = [related("REFR", made) for made in plan(table, resource, here)]
    goals = [here.get(g) for g in resource.get("goal", ())]
    pointed = [related("RSON", E("act", *template("22.4.122"), here.id(g), E("code", nullFlavor="NP"), E("statusCode", code="completed"), classCode="ACT", moodCode="EVN")) for g in goals if g]
    if not pointed:
        pointed = [related("RSON", E("act", *template("22.4.122"), E("id", nullFlavor="NI"), E("code", nullFlavor="NP"), E("statusCode", code="completed"), classCode="ACT", moodCode="EVN"))]
    return E("act", *template("22.4.146", "2015-08-01"), here.id(resource, "#intervention"), coding("code", SNOMED, "362956003", "Procedure / intervention (navigational concept)"), E("statusCode", code="active"), *inside, *pointed,
             classCode="ACT", moodCode="INT")  # fmt: skip


def team(table: Table, resource: Json, here: Here) -> E:
    """CareTeam: a Care Team Organizer (22.4.500) with its members (22.4.500.1)."""
    row = table.row()
    named = str(resource.get("name") or "Care team")
    told = row.say("Team", named)
    period = resource.get("period") or {}
    time = row.span("When", period.get("start", ""), period.get("end", ""))
    state = "completed" if resource.get("status") == "inactive" else "active"
    members = [E("component", _member(table.row(), resource, person, here, n)) for n, person in enumerate(resource.get("participant", ()))]
    about = E("act", *template("22.4.64"), coding("code", LOINC, "48767-8", "Annotation comment"), E("text", E("reference", value=told)), classCode="ACT", moodCode="EVN")
    left = "; ".join(rest(resource, {"name", "period", "participant", *(("status",) if resource.get("status") in ("active", "inactive") else ()), "managingOrganization", "encounter"}))
    also = [E("component", E("act", *template("22.4.64"), coding("code", LOINC, "48767-8", "Annotation comment"), E("text", E("reference", value=row.say("Also recorded", left))), classCode="ACT", moodCode="EVN"))] if left else []
    return E("organizer", *template("22.4.500", "2019-07-01"), here.id(resource), coding("code", LOINC, "86744-0", "Care team"), E("statusCode", code=state), time, E("component", about), *also, *members,
             classCode="CLUSTER", moodCode="EVN")  # fmt: skip


def _member(row: Row, resource: Json, person: Json, here: Here, number: int) -> E:
    member: Json = person.get("member") or {}
    row.say("Member", member.get("display", ""))
    roles = person.get("role") or [{}]
    role = row.code("sdtc:functionCode", "Role", roles[0], first=(SCT,))
    period = person.get("period") or resource.get("period") or {}
    name = E("assignedPerson", E("name", member["display"])) if member.get("display") else None
    performer = E("performer", role, E("assignedEntity", here.of(member), name), typeCode="PRF")
    time = row.span("When", period.get("start", ""), period.get("end", ""))
    return E("act", *template("22.4.500.1", "2019-07-01"), here.id(resource, f"#{number}"), coding("code", LOINC, "85847-2", "Patient Care team information"), row.reference,
             E("statusCode", code="completed" if resource.get("status") == "inactive" else "active"), time, performer, *marks(resource), classCode="PCPR", moodCode="EVN")  # fmt: skip


def coverage(table: Table, resource: Json, here: Here) -> E:
    """Coverage: a Coverage Activity (22.4.60) with a Policy Activity (22.4.61)."""
    row = table.row()
    typed = row.code("code", "Cover", resource.get("type"), only=True)
    if not any(isinstance(part, E) and part.name == "translation" for part in typed.inside):
        typed.add(E("translation", nullFlavor="UNK"))
    payor: Any = next(iter(resource.get("payor", ())), None)
    named = (here.get(payor) or {}).get("name") or (payor or {}).get("display", "")
    row.say("Payer", named)
    member = str(resource.get("subscriberId") or "")
    row.say("Member number", member)
    period = resource.get("period") or {}
    relation = row.code("code", "Insured as", resource["relationship"]) if resource.get("relationship") else E("code", nullFlavor="UNK")
    payer = E("performer", *template("22.4.87"), E("assignedEntity", here.of(payor), coding("code", "2.16.840.1.113883.5.110", "PAYOR", "Payor"), E("representedOrganization", E("name", named)) if named else None), typeCode="PRF")
    covered = E("participant", *template("22.4.89"), E("time", *_ends(row, period)), E("participantRole", E("id", root=here.root, extension=f"{resource['id']}#{member}") if member else E("id", nullFlavor="UNK"), relation,
                E("playingEntity", E("name", nullFlavor="UNK"), E("sdtc:birthTime", nullFlavor="UNK")), classCode="PAT"), typeCode="COV")  # fmt: skip
    holder = E("participant", *template("22.4.90"), E("participantRole", E("id", root=here.root, extension=member) if member else E("id", nullFlavor="UNK"), E("addr", nullFlavor="UNK")), typeCode="HLD")
    used = {"type", "payor", "subscriberId", "period", "relationship", "subscriber", "policyHolder"}
    plan_name = next((str(c.get("name") or c.get("value")) for c in resource.get("class", ()) if "plan" in (str(x.get("code")) for x in (c.get("type") or {}).get("coding", ()))), named) or "Plan"
    described = related("REFR", E("act", here.id(resource, "#plan"), E("code", nullFlavor="NA"), E("text", E("reference", value=row.say("Plan", plan_name))), classCode="ACT", moodCode="DEF"))
    policy = E("act", *template("22.4.61", "2015-08-01"), here.id(resource, "#policy"), typed, row.reference, E("statusCode", code="completed"), payer, covered, holder, described, notes(row, resource, used), *marks(resource),
               classCode="ACT", moodCode="EVN")  # fmt: skip
    return E("act", *template("22.4.60", "2015-08-01"), here.id(resource), coding("code", LOINC, "48768-6", "Payment sources"), E("statusCode", code="completed"), related("COMP", policy), classCode="ACT", moodCode="EVN")


def _ends(row: Row, period: Json) -> tuple[E, E]:
    start, end = period.get("start", ""), period.get("end", "")
    if start or end:
        row.say("When", f"{day(start) if start else '?'} to {day(end)}" if end else day(start))
    return E("low", value=ts(start)) if start else E("low", nullFlavor="UNK"), E("high", value=ts(end)) if end else E("high", nullFlavor="UNK")


def device(table: Table, resource: Json, here: Here) -> E:
    """Device: a Non-Medicinal Supply Activity (22.4.50) with a Product Instance (22.4.37)."""
    row = table.row()
    code = row.code("code", "Device", resource.get("type"), first=(SCT,))
    carrier: Json = (resource.get("udiCarrier") or [{}])[0]
    udi = str(carrier.get("carrierHRF") or carrier.get("deviceIdentifier") or "")
    row.say("UDI", udi)
    ident = E("id", root="2.16.840.1.113883.3.3719", extension=udi, assigningAuthorityName="FDA") if udi else here.id(resource)
    role = E("participantRole", *template("22.4.37"), ident, E("playingDevice", code), E("scopingEntity", E("id", root="2.16.840.1.113883.3.3719")), classCode="MANU")
    return E("supply", *template("22.4.50", "2014-06-09"), here.id(resource), row.reference, E("statusCode", code="completed"), E("participant", role, typeCode="PRD"),
             notes(row, resource, {"type", "udiCarrier", "status"}), *marks(resource), classCode="SPLY", moodCode="EVN")  # fmt: skip


def relative(table: Table, resource: Json, here: Here) -> E:
    """FamilyMemberHistory: a Family History Organizer (22.4.45) with its observations (22.4.46)."""
    row = table.row()
    code = row.code("code", "Relative", resource.get("relationship"), first=("http://terminology.hl7.org/CodeSystem/v3-RoleCode", SCT))
    seen = []
    for n, condition in enumerate(resource.get("condition", ()) or [{}]):
        inner = table.row()
        value = inner.code("value", "Problem", condition.get("code"), first=(SCT,), xsi_type="CD")
        seen.append(E("component", E("observation", *template("22.4.46", "2015-08-01"), here.id(resource, f"#{n}"), coding("code", SNOMED, "64572001", "Condition").add(coding("translation", LOINC, "75315-2", "Condition family member")), inner.reference,
                                     E("statusCode", code="completed"), value, _onset(inner, condition), notes(inner, condition, {"code", *(("onsetAge",) if "value" in condition.get("onsetAge", ()) else ())}), *marks(resource), classCode="OBS", moodCode="EVN")))  # fmt: skip
    left = "; ".join(rest(resource, {"relationship", "condition", "status"}))
    if left:
        seen.append(E("component", E("observation", *template("22.4.46", "2015-08-01"), here.id(resource, "#also"), coding("code", SNOMED, "64572001", "Condition").add(coding("translation", LOINC, "75315-2", "Condition family member")), E("text", E("reference", value=row.say("Also recorded", left))),
                                     E("statusCode", code="completed"), E("value", nullFlavor="OTH", xsi_type="CD"), classCode="OBS", moodCode="EVN")))  # fmt: skip
    person = E("subject", E("relatedSubject", code, classCode="PRS"))
    return E("organizer", *template("22.4.45", "2015-08-01"), here.id(resource), E("statusCode", code="completed"), person, *seen, classCode="CLUSTER", moodCode="EVN")


def _onset(row: Row, condition: Json) -> E | None:
    """How old they were when it began: an Age Observation (22.4.31)."""
    age: Json = condition.get("onsetAge") or {}
    if "value" not in age:
        return None
    value = row.quantity("value", "At the age of", age, xsi_type="PQ")
    return related("SUBJ", E("observation", *template("22.4.31"), coding("code", SNOMED, "445518008", "Age At Onset"), E("statusCode", code="completed"), value, classCode="OBS", moodCode="EVN"), inversionInd="true")


def alert(table: Table, resource: Json, here: Here) -> E:
    """Flag: a Risk Concern Act (22.4.136) about a Problem Observation (22.4.4). C-CDA has no other entry for what everybody must know of somebody."""
    row = table.row()
    value = row.code("value", "Alert", resource.get("code"), first=(SCT,), xsi_type="CD")
    period = resource.get("period") or {}
    state = "active" if resource.get("status") == "active" else "completed"
    time = row.span("When", period.get("start", ""), period.get("end", ""), ended=state == "completed")
    row.say("Status", state)
    by = recorded(row, here, resource.get("author"), "")
    typed = coding("code", SNOMED, "55607006", "Problem").add(coding("translation", LOINC, "75326-9", "Problem"))
    seen = E("observation", *template("22.4.4", "2015-08-01"), here.id(resource), typed, row.reference, E("statusCode", code="completed"), time, value, by, notes(row, resource, {"status", "code", "period", "author", "encounter"}), *marks(resource),
             classCode="OBS", moodCode="EVN")  # fmt: skip
    code = coding("code", SNOMED, "281694009", "At risk for").add(coding("translation", LOINC, ALERT, "Alert"))
    return E("act", *template("22.4.136", "2015-08-01"), here.id(resource, "#concern"), code, E("statusCode", code=state), related("REFR", seen), classCode="ACT", moodCode="EVN")


def attachments(resource: Json) -> Iterator[tuple[str, bytes]]:
    """The content types and bytes that a DocumentReference carries."""
    for content in resource.get("content", ()):
        attachment = content.get("attachment") or {}
        try:
            yield str(attachment.get("contentType", "")), base64.b64decode(attachment["data"], validate=True)
        except (KeyError, ValueError, binascii.Error):
            yield str(attachment.get("contentType", "")), b""


def note(table: Table, resource: Json, here: Here) -> list[E]:
    """DocumentReference: a Note Activity (22.4.202) for each content; what is no text stands in the entry as it is."""
    made = []
    for n, (kind, content) in enumerate(attachments(resource)):
        row = table.row()
        code = coding("code", LOINC, "34109-9", "Note")
        typed = row.code("translation", "Note", resource.get("type"), first=("http://loinc.org",))
        if words(resource.get("type")):
            code.add(typed)
        period = (resource.get("context") or {}).get("period") or {}
        time = row.span("When", period.get("start", ""), period["end"]) if period.get("end") else row.time("When", period.get("start") or resource.get("date", ""))
        bare = kind.partition(";")[0].strip()
        plain = content.decode("utf-8", "replace") if bare in ("text/plain", "text/markdown") else ""
        title = str(((resource.get("content") or [{}])[n].get("attachment") or {}).get("title", ""))
        titled = comment(row, "Title", title)
        told = row.say("Text", plain) or row.say("Text", f"In this document as {bare}." if content else "Not in this document.")
        text = E("text", E("reference", value=told))
        if content and not plain:
            text = E("text", base64.b64encode(content).decode("ascii"), E("reference", value=told), mediaType=bare, representation="B64")
        by = [recorded(row, here, a, resource.get("date", "")) for a in resource.get("author", ())] or [recorded(row, here, None, resource.get("date", ""))]
        if not any(by):
            by = [E("author", *template("22.4.119"), E("time", nullFlavor="UNK"), E("assignedAuthor", E("id", nullFlavor="UNK")))]
        draft = comment(row, "Status", "preliminary") if resource.get("docStatus") == "preliminary" else None
        used = {"type", "category", "date", "author", "content", "context", "custodian", "authenticator", "docStatus", "masterIdentifier", *(("status",) if resource.get("status") == "current" else ())}
        made.append(E("act", *template("22.4.202", "2016-11-01"), here.id(resource, f"#{n}" if n else ""), code, text, E("statusCode", code="active" if draft else "completed"), time, *by, titled, draft, notes(row, resource, used) if n == 0 else None, *marks(resource), classCode="ACT", moodCode="EVN"))
    return made


def further(table: Table, resource: Json, here: Here) -> E:
    """Anything else, in words: what it is and all that it says (Comment Activity)."""
    row = table.row()
    kind = row.say("What", "".join(f" {c.lower()}" if c.isupper() else c for c in resource["resourceType"]).strip().capitalize())
    code = coding("code", LOINC, "48767-8", "Annotation comment").add(E("originalText", E("reference", value=kind)))
    says = row.say("Says", "; ".join(dict.fromkeys(rest(resource, ()))) or "recorded")
    return E("act", *template("22.4.64"), here.id(resource), code, E("text", E("reference", value=says)), *marks(resource), classCode="ACT", moodCode="EVN")


def concern(table: Table, resource: Json, here: Here, observation: E) -> E:
    """A Condition as a health concern (22.4.132) in a Care Plan."""
    return E("act", *template("22.4.132", "2015-08-01"), here.id(resource, "#health-concern"), coding("code", LOINC, "75310-3", "Health concerns document"), E("statusCode", code="active"), related("REFR", observation), classCode="ACT", moodCode="EVN")


def outcome(table: Table, resource: Json, here: Here) -> E:
    """How a Goal stands: an Outcome Observation (22.4.144) that evaluates it."""
    row = table.row()
    made = _outcome(row, resource, here, "#outcome", row.reference)
    about = comment(row, "Goal", words(resource.get("description")))
    return made.add(*([about] if about else []), *marks(resource))


def _outcome(row: Row, resource: Json, here: Here, part: str, reference: E | None = None) -> E:
    value = row.code("value", "Reached", resource.get("achievementStatus"), xsi_type="CD")
    pointed = E("act", *template("22.4.122"), here.id(resource), E("code", nullFlavor="NP"), E("statusCode", code="completed"), classCode="ACT", moodCode="EVN")
    return E("observation", *template("22.4.144"), here.id(resource, part), coding("code", ACT, "ASSERTION", "Assertion"), reference, E("statusCode", code="completed"), E("effectiveTime", nullFlavor="UNK"), value,
             related("GEVL", pointed), classCode="OBS", moodCode="EVN")  # fmt: skip
