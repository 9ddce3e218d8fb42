"""Registration: the Patient, family and guardians, and who pays."""

from __future__ import annotations

from datetime import date, timedelta

from sojourn.sample.chart import Chart
from sojourn.sample.localtime import at
from sojourn.sample.names import LANGUAGES
from sojourn.sample.parts import BASE, HL7, LOINC, R4, SNOMED, US_CORE, Json, coding, concept, extension, hl7, moment
from sojourn.sample.parts import period as span
from sojourn.sample.people import Person
from sojourn.sample.stories import DAYS_SINCE_DEATH

_RACE = {
    "2106-3": "White",
    "2054-5": "Black or African American",
    "2028-9": "Asian",
    "1002-5": "American Indian or Alaska Native",
    "2076-8": "Native Hawaiian or Other Pacific Islander",
}
_CDC = "urn:oid:2.16.840.1.113883.6.238"
_NULL = HL7 + "v3-NullFlavor"
_IDENTITY = {
    "female": ("446141000124107", "Woman"),
    "male": ("446151000124109", "Man"),
    "nonbinary": ("33791000087105", "Nonbinary"),
}
_PRONOUNS = {
    "she": ("LA29519-8", "she/her/hers"),
    "he": ("LA29518-0", "he/him/his"),
    "they": ("LA29520-6", "they/them/theirs"),
}


def register(chart: Chart, number: int) -> None:
    """Add the Patient, related persons and coverage; `number` makes the record number."""
    chart.put("central", "Patient", "us-core-patient", _patient(chart, number))
    if "sparse" not in chart.person.tags:
        _relatives(chart)
        _coverage(chart, number)


def _patient(chart: Chart, number: int) -> Json:
    person = chart.person
    body: Json = {
        "extension": _extensions(person),
        "identifier": _identifiers(person, number),
        "active": "deceased" not in person.tags,
        "name": _names(person),
    }
    if "sparse" in person.tags:
        return body | {"gender": person.gender, "birthDate": person.born.isoformat()}
    body |= {
        "telecom": _telecom(chart, number),
        "gender": person.gender,
        "birthDate": person.born.isoformat(),
        "address": _addresses(chart),
        "maritalStatus": hl7("v3-MaritalStatus", chart.rng.choice(("S", "S", "M", "D", "W" if _old(chart) else "S"))),
        "communication": [_communication(person)],
        "generalPractitioner": [chart.at("Practitioner", "whelan")],
        "managingOrganization": chart.at("Organization", "riverbend"),
    }
    if "deceased" in person.tags:
        body["deceasedDateTime"] = moment(at(chart.today - timedelta(days=DAYS_SINCE_DEATH), 6, 40))
    return body


def _old(chart: Chart) -> bool:
    return chart.person.age(chart.today) > 64


def _extensions(person: Person) -> list[Json]:
    made = [_race(person), _ethnicity(person)]
    if "tribal" in person.tags:
        # v3-TribalEntityUS: a code of the published list; the person is made up.
        tribe = concept("Oneida Nation of New York", (HL7 + "v3-TribalEntityUS", "179"))
        inner = [extension("tribalAffiliation", valueCodeableConcept=tribe), extension("isEnrolled", valueBoolean=True)]
        made.append({"extension": inner, "url": US_CORE + "us-core-tribal-affiliation"})
    if person.gender in {"female", "male"}:
        made.append(extension(US_CORE + "us-core-birthsex", valueCode="F" if person.gender == "female" else "M"))
        sex = "248152002" if person.gender == "female" else "248153007"
        made.append(extension(US_CORE + "us-core-sex", valueCode=sex))
    if person.identity:
        code, text = _IDENTITY[person.identity]
        value = concept(text, (SNOMED, code))
        made.append(extension(US_CORE + "us-core-genderIdentity", valueCodeableConcept=value))
    if person.pronouns and "sparse" not in person.tags:
        code, text = _PRONOUNS[person.pronouns]
        value = extension("value", valueCodeableConcept=concept(text, (LOINC, code)))
        made.append({"extension": [value], "url": R4 + "individual-pronouns"})
    if person.interpreter:
        made.append(extension(R4 + "patient-interpreterRequired", valueBoolean=True))
    return made


def _race(person: Person) -> Json:
    inner = [extension("ombCategory", valueCoding=coding(_CDC, code, _RACE[code])) for code in person.race]
    if not person.race:
        inner = [extension("ombCategory", valueCoding=coding(_NULL, "UNK", "Unknown"))]
    if "tribal" in person.tags:
        inner.append(extension("detailed", valueCoding=coding(_CDC, "1288-0", "Oneida")))
    inner.append(extension("text", valueString=person.race_text))
    return {"extension": inner, "url": US_CORE + "us-core-race"}


def _ethnicity(person: Person) -> Json:
    code, text = ("2135-2", "Hispanic or Latino") if person.hispanic else ("2186-5", "Not Hispanic or Latino")
    inner = [extension("ombCategory", valueCoding=coding(_CDC, code, text)), extension("text", valueString=text)]
    if person.key == "ana":
        inner.insert(1, extension("detailed", valueCoding=coding(_CDC, "2180-8", "Puerto Rican")))
    return {"extension": inner, "url": US_CORE + "us-core-ethnicity"}


def _identifiers(person: Person, number: int) -> list[Json]:
    record = {"use": "usual", "type": hl7("v2-0203", "MR"), "system": BASE + "mrn", "value": f"RB{10000 + number}"}
    if person.payer != "medicaid":
        return [record]
    member = {"type": hl7("v2-0203", "MA"), "system": BASE + "medicaid-id", "value": f"XX{40000 + number * 7}Z"}
    return [record, member]


def _names(person: Person) -> list[Json]:
    official: Json = {"use": "official", "family": person.family, "given": list(person.given)}
    if person.suffix:
        official["suffix"] = [person.suffix]
    names = [official]
    if person.called:
        names.append({"use": "usual", "family": person.family, "given": [person.called]})
    if person.former:
        ended = date(person.born.year + 27, 6, 1)
        names.append({"use": "old", "family": person.former, "given": [person.given[0]], "period": {"end": ended.isoformat()}})
    return names


def _telecom(chart: Chart, number: int) -> list[Json]:
    mobile: Json = {"system": "phone", "value": f"518-555-01{number % 100:02d}", "use": "mobile", "rank": 1}
    if chart.rng.random() < 0.15:
        return [mobile]
    handle = "".join(c for c in chart.person.given[0].lower() if c.isascii() and c.isalpha()) or "client"
    return [mobile, {"system": "email", "value": f"{handle}{number}@example.org", "use": "home"}]


def _addresses(chart: Chart) -> list[Json]:
    person = chart.person
    city, postal_code = person.town
    home: Json = {"use": "home", "line": [person.street], "city": city, "state": "NY", "postalCode": postal_code, "country": "US"}
    if chart.rng.random() > 0.2:
        return [home]
    moved = chart.today - timedelta(days=chart.rng.randint(120, 1500))
    old = {
        "use": "old",
        "line": ["14 Lower Mill Road"],
        "city": "Gray Heron",
        "state": "NY",
        "postalCode": "10096",
        "country": "US",
        "period": {"end": moved.isoformat()},
    }
    return [home | {"period": {"start": moved.isoformat()}}, old]


def _communication(person: Person) -> Json:
    language = concept(LANGUAGES[person.language], ("urn:ietf:bcp:47", person.language))
    return {"language": language, "preferred": True}


def _relatives(chart: Chart) -> None:
    minor = chart.person.age(chart.today) < 18
    if minor:
        chart.relatives.append(_relative(chart, "Parent and guardian", ("MTH", "GUARD"), "Renata"))
    elif chart.rng.random() < 0.72:
        kind = chart.rng.choice(
            (("Sister", "SIS"), ("Partner", "DOMPART"), ("Friend", "FRND"), ("Mother", "MTH"), ("Spouse", "SPS"), ("Adult child", "CHILD"))
        )
        given = chart.rng.choice(("Lee", "Morgan", "Jordan", "Casey", "Robin", "Jamie", "Alex", "Sasha"))
        chart.relatives.append(_relative(chart, f"{kind[0]}, emergency contact", (kind[1], "ECON"), given))


def _relative(chart: Chart, text: str, codes: tuple[str, ...], given: str) -> str:
    person = chart.person
    known = [(HL7 + "v3-RoleCode", code) for code in codes if code != "ECON"]
    emergency = [(HL7 + "v2-0131", "C")] if "ECON" in codes else []
    city, postal_code = person.town
    body = {
        "active": True,
        "patient": chart.subject,
        "relationship": [concept(text, *known, *emergency)],
        "name": [{"use": "official", "family": person.family.split("-")[0], "given": [given]}],
        "telecom": [{"system": "phone", "value": f"518-555-01{chart.rng.randint(10, 99)}", "use": "mobile"}],
        "address": [{"use": "home", "line": [person.street], "city": city, "state": "NY", "postalCode": postal_code}],
    }
    return chart.put("central", "RelatedPerson", "us-core-relatedperson", body)


# Source of Payment Typology (https://nahdo.org/sopt): 1 Medicare, 2 Medicaid, 5 private insurance.
_PLANS = {
    "medicaid": ("2", "Medicaid managed care", "TCM-STD", "Standard Plan"),
    "blueheron": ("5", "Commercial insurance", "BH-PPO-2", "Heron Choice"),
    "silverlake": ("1", "Medicare Advantage", "SL-MA-1", "Shoreline"),
}


def _coverage(chart: Chart, number: int) -> None:
    person = chart.person
    if person.payer not in _PLANS:
        return
    sopt, text, plan, plan_name = _PLANS[person.payer]
    self_insured = person.age(chart.today) >= 18 or person.payer == "medicaid"
    member = f"{person.payer[:2].upper()}{700000 + number * 13}"
    body: Json = {
        "identifier": [{"type": hl7("v2-0203", "MB"), "system": f"{BASE}payer/{person.payer}/member", "value": member}],
        "status": "active",
        "type": concept(text, ("https://nahdo.org/sopt", sopt)),
        "subscriberId": member if self_insured else f"{member}-01",
        "beneficiary": chart.subject,
        "relationship": hl7("subscriber-relationship", "self" if self_insured else "child"),
        "period": span(date(chart.today.year, 1, 1)),
        "payor": [chart.at("Organization", person.payer)],
        "class": [
            {"type": hl7("coverage-class", "group"), "value": f"G{200 + number % 9}", "name": "Employer or county group"},
            {"type": hl7("coverage-class", "plan"), "value": plan, "name": plan_name},
        ],
    }
    if not self_insured and chart.relatives:
        body["subscriber"] = {"reference": chart.relatives[0]}
    chart.put("central", "Coverage", "us-core-coverage", body)
