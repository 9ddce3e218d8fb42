"""Results, vital signs, assessments and social history as entries of C-CDA R2.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sojourn.wire.ccda.markup import E
from sojourn.wire.ccda.oids import LOINC
from sojourn.wire.ccda.parts import Here, comment, marks, notes, recorded, rest, template, who
from sojourn.wire.ccda.telling import Json, Row, Table, coding, number, ts, ucum, unit_words, words
from sojourn.wire.ccda.writelists import SCT, code_of

_LOINC_URL: Final = "http://loinc.org"
_NULLS: Final = {
    "unknown": "UNK", "asked-unknown": "ASKU", "temp-unknown": "NAV", "not-asked": "NASK", "asked-declined": "ASKU", "masked": "MSK", "not-applicable": "NA", "unsupported": "UNK",
    "not-performed": "NI", "not-a-number": "NI", "as-text": "UNK", "error": "NI",
}  # fmt: skip
_SAID: Final = {"UNK": "unknown", "ASKU": "asked but not answered", "NAV": "not known for now", "NASK": "not asked", "MSK": "masked", "NA": "does not apply", "NI": "no value"}
_USED: Final = frozenset({"status", "category", "code", "effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued", "performer", "interpretation", "referenceRange", "component", "hasMember",
                          "dataAbsentReason", "encounter", "specimen", "derivedFrom", "method", "bodySite", "basedOn", "focus"})  # fmt: skip


def categories(resource: Json) -> set[str]:
    """The codes of its categories."""
    return {str(c.get("code")) for concept in resource.get("category", ()) for c in concept.get("coding", ())}


def when(resource: Json) -> tuple[str, str]:
    """From when to when an observation is of."""
    period = resource.get("effectivePeriod") or {}
    start = resource.get("effectiveDateTime") or resource.get("effectiveInstant") or period.get("start") or ""
    return str(start), str(period.get("end") or "")


def _time(row: Row, resource: Json) -> E:
    start, end = when(resource)
    if resource.get("effectivePeriod"):
        return row.span("When", start, end)
    return row.time("When", start)


def value_of(row: Row, holder: Json, *, only: str = "") -> E:
    """The value of an observation or component as data, said. only: the type that an absent value has."""
    key = next((k for k in holder if k.startswith("value")), "")
    value: Any = holder.get(key)
    if value is None:
        null = _NULLS.get(next((str(c.get("code")) for c in (holder.get("dataAbsentReason") or {}).get("coding", ())), "unknown"), "UNK")
        row.say("Value", _SAID[null])
        return E("value", nullFlavor=null, xsi_type=only or "CD")
    if key == "valueQuantity":
        return row.quantity("value", "Value", value, xsi_type="PQ")
    if key == "valueCodeableConcept":
        return row.code("value", "Value", value, first=(SCT, _LOINC_URL), xsi_type="CD")
    if key == "valueInteger":
        row.say("Value", str(value))
        return E("value", value=str(value), xsi_type="INT")
    if key == "valueBoolean":
        row.say("Value", "yes" if value else "no")
        return E("value", value="true" if value else "false", xsi_type="BL")
    if key in ("valueDateTime", "valueTime"):
        return row.time("Value", value, "value", xsi_type="TS") if key == "valueDateTime" else E("value", str(value), xsi_type="ST")
    if key == "valueRange" and {"low", "high"} & value.keys():
        return _range(row, "Value", value)
    said = value if isinstance(value, str) else words(value) or "; ".join(rest(value, ()))  # a ratio, a period: its parts with their names
    row.say("Value", said)
    return E("value", said, xsi_type="ST")


def _range(row: Row, column: str, given: Json) -> E:
    low, high = given.get("low"), given.get("high")
    row.say(column, _ends(low, high))
    ends = [E(name, value=number(end["value"]), unit=ucum(end)) for name, end in (("low", low), ("high", high)) if end and "value" in end]
    return E("value", *ends, xsi_type="IVL_PQ")


def _ends(low: Json | None, high: Json | None) -> str:
    unit = unit_words(high or low or {})
    if low and high:
        return f"{number(low.get('value', ''))} to {number(high.get('value', ''))} {unit}".rstrip()
    return f"{'from' if low else 'up to'} {number((low or high or {}).get('value', ''))} {unit}".rstrip()


def _interpretations(row: Row, resource: Json) -> list[E]:
    """Those that have a code; in words alone they are comments."""
    return [row.code("interpretationCode", "Interpretation", i, first=("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",)) for i in resource.get("interpretation", ()) if code_of(i)]


def _where(row: Row, resource: Json) -> list[E]:
    """How and where on the body, where that has a code; in words alone they are comments."""
    return [row.code(tag, column, resource[key], first=(SCT,)) for tag, column, key in (("methodCode", "Method", "method"), ("targetSiteCode", "Site", "bodySite")) if code_of(resource.get(key))]


def _ranges(row: Row, resource: Json) -> list[E]:
    made = []
    for given in resource.get("referenceRange", ()):
        if {"low", "high"} & given.keys():
            if given.get("text"):
                row.say("Range", given["text"])
            inside = [_range(row, "Range", given)]
        elif given.get("text"):  # in words, which are the value too: a range has one (CONF:1198-32175)
            inside = [E("text", E("reference", value=row.say("Range", given["text"]))), E("value", given["text"], xsi_type="ST")]
        else:
            continue
        made.append(E("referenceRange", E("observationRange", *inside)))
    return made


def _tail(row: Row, resource: Json, here: Here) -> list[E | None]:
    """Who, what else, and marks: the end of every observation."""
    more = [comment(row, name, words(resource.get(key))) for key, name in (("method", "Method"), ("bodySite", "Site")) if not code_of(resource.get(key))]
    more += [comment(row, "Interpretation", words(i)) for i in resource.get("interpretation", ()) if not code_of(i)]
    value = next((k for k in resource if k.startswith("value")), "")
    written = str(resource.get("issued") or when(resource)[0])
    people = [who(row, here, "By", p, written) for p in resource.get("performer", ()) if p.get("display")] or [recorded(row, here, None, str(resource.get("issued") or ""))]
    return [*people, *more, _state(row, resource), notes(row, resource, {*_USED, value}), *marks(resource)]


def _state(row: Row, resource: Json) -> E | None:
    """The record's own word for its state, where that is not `final`."""
    return comment(row, "State", str(resource["status"])) if resource.get("status") not in ("final", None) else None


def _components(table: Table, resource: Json, here: Here, make: Any) -> list[E]:
    """Each component as an observation, with the time and the marks of the whole."""
    return [make(table.row(), {**component, "resourceType": "Observation", "id": f"{resource['id']}#{n}", "meta": resource.get("meta"), **{k: resource[k] for k in ("status", "effectiveDateTime", "effectivePeriod", "category") if k in resource}}, here)
            for n, component in enumerate(resource.get("component", ()))]  # fmt: skip


def _observation(row: Row, resource: Json, here: Here, templates: list[E], value: E | None, *, state: str = "completed", code: E | None = None, time: E | None = None) -> E:
    code = code or row.code("code", "What", resource.get("code"), first=(_LOINC_URL, SCT))
    return E(
        "observation", *templates, here.id(resource), code, row.reference, E("statusCode", code=state), time or _time(row, resource), value, *_interpretations(row, resource), *_where(row, resource), *_tail(row, resource, here),
        *_ranges(row, resource), classCode="OBS", moodCode="EVN",
    )  # fmt: skip


_STATES: Final = {"registered": "active", "partial": "active", "preliminary": "active", "cancelled": "cancelled"}
"""Result Status of C-CDA (2.16.840.1.113883.11.20.9.39) where it is not `completed`."""


def result(row: Row, resource: Json, here: Here) -> E:
    """A Result Observation (22.4.2)."""
    code = row.code("code", "What", resource.get("code"), first=(_LOINC_URL, SCT))
    return _observation(row, resource, here, template("22.4.2", "2015-08-01"), value_of(row, resource), code=code, state=_STATES.get(resource.get("status", ""), "completed"))


def organizer(table: Table, report: Json, members: Sequence[Json], here: Here) -> E:
    """A Result Organizer (22.4.1): a DiagnosticReport with its results, or a result alone."""
    inside: list[E] = []
    head: list[E | None] = []
    if report["resourceType"] == "DiagnosticReport":
        row = table.row()
        code = row.code("code", "What", report.get("code"), first=(_LOINC_URL,))
        start, _ = when(report)
        time, state = _time(row, report), _STATES.get(report.get("status", ""), "completed")
        used = {"status", "category", "code", "effectiveDateTime", "effectivePeriod", "result", "specimen", "basedOn", "encounter", "performer", "media", "presentedForm", "issued"}
        issued = str(report.get("issued") or "")
        people = [who(row, here, "By", p, issued or start) for p in report.get("performer", ()) if p.get("display")] or [recorded(row, here, None, issued)]
        told = E("observation", *template("22.4.2", "2015-08-01"), here.id(report, "#report"), _again(code), row.reference, E("statusCode", code=state), time, _conclusion(row, report), *people, _state(row, report), notes(row, report, {*used, "conclusion"}), *marks(report), classCode="OBS", moodCode="EVN")  # fmt: skip
        inside.append(told)
        head = [_again(code), E("statusCode", code=state)]
    for member in members:
        row = table.row()
        made = result(row, member, here)
        if not head:
            head = [_again(next(p for p in made.inside if isinstance(p, E) and p.name == "code")), E("statusCode", code="completed")]
        inside.append(made)
        inside += _components(table, member, here, result)
    return E("organizer", *template("22.4.1", "2015-08-01"), here.id(report, "#organizer"), *head, *(E("component", made) for made in inside), classCode="BATTERY", moodCode="EVN")


def _conclusion(row: Row, report: Json) -> E:
    if said := report.get("conclusion"):
        row.say("Value", said)
        return E("value", said, xsi_type="ST")
    return E("value", nullFlavor="NA", xsi_type="CD")


def _again(code: E) -> E:
    """The same code for what is around it: its words are said once."""
    return E(code.name, *(part for part in code.inside if isinstance(part, E)), **{k.replace("xsi:type", "xsi_type"): v for k, v in code.attributes.items()})


def vital(row: Row, resource: Json, here: Here) -> E:
    """A Vital Sign Observation (22.4.27)."""
    code = row.code("code", "What", resource.get("code"), first=(_LOINC_URL,))
    return _observation(row, resource, here, template("22.4.27", "2014-06-09"), value_of(row, resource, only="PQ"), code=code)


def _panel(row: Row, resource: Json, here: Here) -> E:
    """What holds for all parts of a panel, such as a blood pressure, that has no value of its own."""
    code = row.code("code", "What", resource.get("code"), first=(_LOINC_URL,))
    return _observation(row, resource, here, [], E("value", nullFlavor="NA", xsi_type="CD"), code=code)


def is_vital(resource: Json) -> bool:
    """Whether it can be written as a vital sign: quantities without a sign, or a panel of them; one that is absent cannot, as it has no unit."""
    if "vital-signs" not in categories(resource) or "dataAbsentReason" in resource:
        return False
    parts = [*([resource] if any(k.startswith("value") for k in resource) else []), *resource.get("component", ())]
    return bool(parts) and all("value" in p.get("valueQuantity", {}) and not p["valueQuantity"].get("comparator") and ucum(p["valueQuantity"]) for p in parts)


def vitals(table: Table, together: Sequence[Json], here: Here) -> E:
    """A Vital Signs Organizer (22.4.26): what was measured at one moment."""
    inside: list[E] = []
    for resource in together:
        if "valueQuantity" in resource:
            inside.append(vital(table.row(), resource, here))
        else:
            inside.append(_panel(table.row(), resource, here))
        inside += _components(table, resource, here, vital)
    start, _ = when(together[0])
    return E(
        "organizer", *template("22.4.26", "2015-08-01"), here.id(together[0], "#organizer"), coding("code", "http://snomed.info/sct", "46680005", "Vital signs").add(coding("translation", LOINC, "74728-7", "Vital signs panel")),
        E("statusCode", code="completed"), E("effectiveTime", value=ts(start)) if start else E("effectiveTime", nullFlavor="UNK"), *(E("component", made, typeCode="COMP") for made in inside), classCode="CLUSTER", moodCode="EVN",
    )  # fmt: skip


def scale(table: Table, resource: Json, here: Here) -> list[E]:
    """An Assessment Scale Observation (22.4.69), PHQ-9 and the like; its components stand beside it."""
    row = table.row()
    code = row.code("code", "What", resource.get("code"), first=(_LOINC_URL, SCT))
    value = None if "hasMember" in resource and not any(k.startswith(("value", "dataAbsent")) for k in resource) else value_of(row, resource)
    made = _observation(row, resource, here, template("22.4.69"), value or E("value", nullFlavor="NA", xsi_type="CD"), code=code)
    return [made, *_components(table, resource, here, _scale_part)]


def _scale_part(row: Row, resource: Json, here: Here) -> E:
    code = row.code("code", "What", resource.get("code"), first=(_LOINC_URL, SCT))
    return _observation(row, resource, here, template("22.4.86") if code_of(resource.get("code")) else [], value_of(row, resource), code=code)


_SOCIAL: Final = {"72166-2": ("22.4.78", "2014-06-09"), "76690-7": ("22.4.501", "2022-06-01"), "76691-5": ("22.4.34.3.45", "2022-06-01")}


def social(table: Table, resource: Json, here: Here) -> list[E]:
    """Smoking Status (22.4.78), Sexual Orientation (22.4.501), Gender Identity, or a Social History Observation (22.4.38)."""
    row = table.row()
    code = row.code("code", "What", resource.get("code"), first=(_LOINC_URL, SCT))
    known = next((_SOCIAL[str(c.get("code"))] for c in (resource.get("code") or {}).get("coding", ()) if c.get("code") in _SOCIAL), ("22.4.38", "2015-08-01"))
    value = value_of(row, resource) if any(k.startswith(("value", "dataAbsent")) for k in resource) or not resource.get("component") else None
    time = row.time("When", when(resource)[0]) if known[0] == "22.4.78" and resource.get("effectivePeriod") else None  # of smoking C-CDA has a moment
    return [_observation(row, resource, here, template(*known), value, code=code, time=time), *_components(table, resource, here, _social_part)]


def _social_part(row: Row, resource: Json, here: Here) -> E:
    code = row.code("code", "What", resource.get("code"), first=(_LOINC_URL, SCT))
    return _observation(row, resource, here, template("22.4.38", "2015-08-01"), value_of(row, resource), code=code)


_EXTENSIONS: Final = {
    "us-core-birthsex": ("76689-9", "Sex assigned at birth", "22.4.200", "2016-06-01"), "us-core-sex": ("46098-0", "Sex", "22.4.507", "2023-06-28"),
    "us-core-genderIdentity": ("76691-5", "Gender identity", "22.4.34.3.45", "2022-06-01"), "individual-genderIdentity": ("76691-5", "Gender identity", "22.4.34.3.45", "2022-06-01"),
    "individual-pronouns": ("90778-2", "Personal pronouns", "22.4.38", "2015-08-01"), "us-core-tribal-affiliation": ("95370-3", "Tribal affiliation", "22.4.38", "2015-08-01"),
}  # fmt: skip
_SEX: Final = {"F": ("Female", "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender"), "M": ("Male", "http://terminology.hl7.org/CodeSystem/v3-AdministrativeGender"),
               "248152002": ("Female", SCT), "248153007": ("Male", SCT)}  # fmt: skip


def person(table: Table, patient: Json, here: Here) -> list[E]:
    """What the Patient says of themself that C-CDA has in the social history: birth sex, sex, gender identity, pronouns."""
    made = []
    for extension in patient.get("extension", ()):
        known = _EXTENSIONS.get(str(extension.get("url", "")).rpartition("/")[2])
        if known is None:
            continue
        loinc, said, number_, version = known
        found: Any = next((x for x in (extension, *extension.get("extension", ())) if any(k.startswith("value") for k in x)), None)
        if found is None:
            continue
        value: Any = next(v for k, v in found.items() if k.startswith("value"))
        if isinstance(value, str):
            name, system = _SEX.get(value, ("", ""))
            value = {"coding": [{"system": system, "code": value, "display": name}]} if name else {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "code": value}], "text": value}
        elif "coding" not in value and "text" not in value:
            value = {"coding": [value]}
        row = table.row()
        code = row.code("code", "What", {"coding": [{"system": _LOINC_URL, "code": loinc, "display": said}]})
        answer = row.code("value", "Value", value, first=(SCT, _LOINC_URL), xsi_type="CD")
        time = E("effectiveTime", E("low", nullFlavor="UNK")) if number_ == "22.4.34.3.45" else E("effectiveTime", nullFlavor="UNK")
        made.append(E("observation", *template(number_, version), here.id(patient, f"#{loinc}"), code, row.reference, E("statusCode", code="completed"), time, answer, *marks(patient), classCode="OBS", moodCode="EVN"))
    return made
