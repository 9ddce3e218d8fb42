"""The shared directory: Riverbend, its programs, sites, beds and staff, and the outside organizations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from sojourn.sample.credentials import qualifications, supervisor_of
from sojourn.sample.identity import Ids, made_up_npi
from sojourn.sample.parts import (
    BASE,
    HL7,
    LOCAL,
    NUCC,
    SNOMED,
    US_CORE,
    Json,
    coding,
    concept,
    hl7,
    ref,
)
from sojourn.sample.programs import PROGRAMS, SITES, Program, Site
from sojourn.sample.staff import JOBS, STAFF, Staff


class Partner(NamedTuple):
    """An outside organization. `kind`: code of organization-type (http://hl7.org/fhir/organization-type)."""

    key: str
    name: str
    kind: str
    street: str
    city: str
    postal_code: str
    phone: str


PARTNERS = (
    Partner("lakeside", "Lakeside Primary Care", "prov", "35 Harbor View Road", "Port Linden", "10097", "518-555-0150"),
    Partner("mercy", "Tamarack Valley Hospital", "prov", "900 Summit Drive", "East Tamarack", "10098", "518-555-0151"),
    Partner("lab", "Cedar Ridge Laboratory", "prov", "61 Quarry Road", "Alder Falls", "10099", "518-555-0152"),
    Partner("pharmacy", "Corner Bridge Pharmacy", "prov", "3 Bridge Street", "Alder Falls", "10099", "518-555-0153"),
    Partner("hie", "Three Rivers Health Exchange", "other", "500 Canal Plaza", "Alder Falls", "10099", "518-555-0154"),
    Partner("medicaid", "Tri-County Medicaid Plan", "pay", "18 Statehouse Square", "Alder Falls", "10099", "518-555-0155"),
    Partner("blueheron", "Blue Heron Health Plan", "pay", "77 Marsh Boulevard", "East Tamarack", "10098", "518-555-0156"),
    Partner("silverlake", "Silver Lake Medicare Advantage", "pay", "240 Shoreline Way", "Port Linden", "10097", "518-555-0157"),
)

OUTSIDE_PEOPLE = (
    Staff("whelan", "Margaret", "Whelan", "MD", "family-np", (), "female"),
    Staff("lindgren", "Oskar", "Lindgren", "PharmD", "family-np", (), "male"),
)

BEDS = {"detox": 16, "residential": 24}
ZONE = "America/New_York"
MEETING_ROOMS = (
    ("day-1", "Group Room 1", "day"), ("day-2", "Group Room 2", "day"), ("north-1", "Group Room", "north"), ("north-2", "Office 2", "north"), ("north-3", "Office 3", "north"),
    ("harbor-1", "Group Room", "harbor"), ("house-1", "Living Room", "house"),
)  # fmt: skip
"""Rooms in which visits and groups take place."""
_KIND_TEXT = {"prov": "Healthcare Provider", "dept": "Hospital Department", "pay": "Payer", "other": "Other"}


class Directory:
    """Makes the directory's resources; the ids follow from the seed alone."""

    def __init__(self, seed: int, today: date | None = None) -> None:
        """today: the day on which credentials are told; without, they have no dates."""
        self._ids = Ids(seed)
        self._today = today

    def reference(self, kind: str, key: str) -> str:
        """Return the literal reference of a directory entry, such as ('Organization', 'lab')."""
        return f"{kind}/{self._ids(f'{kind}:{key}')}"

    def _made(self, kind: str, key: str, profile: str, **body: object) -> Json:
        head: Json = {"resourceType": kind, "id": self._ids(f"{kind}:{key}")}
        if profile:
            head["meta"] = {"profile": [US_CORE + profile]}
        return head | body

    def __iter__(self) -> Iterator[Json]:
        yield self._riverbend()
        yield from (self._partner(n, partner) for n, partner in enumerate(PARTNERS))
        yield self._endpoint()
        for site in SITES:
            yield self._site(site)
        for n, program in enumerate(PROGRAMS):
            yield self._program(n, program)
        for key, count in BEDS.items():
            yield from self._unit(key, count)
        for key, name, site_key in MEETING_ROOMS:
            yield self._meeting_room(key, name, next(s for s in SITES if s.key == site_key))
        yield from (self._service(p) for p in PROGRAMS if p.key != "central")
        for n, person in enumerate(STAFF + OUTSIDE_PEOPLE):
            yield self._practitioner(n, person)
            yield from self._roles(person)
        yield self._tpo_recipients()

    def _riverbend(self) -> Json:
        site = SITES[1]
        return self._organization("riverbend", "Riverbend Behavioral Health", "prov", 1, site.phone, _address(site))

    def _organization(self, key: str, name: str, kind: str, number: int, phone: str, address: Json) -> Json:
        return self._made(
            "Organization",
            key,
            "us-core-organization",
            identifier=[{"system": "http://hl7.org/fhir/sid/us-npi", "value": made_up_npi(70000000 + number)}],
            active=True,
            type=[hl7("organization-type", kind, _KIND_TEXT[kind])],
            name=name,
            telecom=[{"system": "phone", "value": phone, "use": "work"}],
            address=[address],
        )

    def _partner(self, number: int, partner: Partner) -> Json:
        address = {
            "line": [partner.street],
            "city": partner.city,
            "state": "NY",
            "postalCode": partner.postal_code,
            "country": "US",
        }
        made = self._organization(partner.key, partner.name, partner.kind, 100 + number, partner.phone, address)
        if partner.kind == "pay":
            made["identifier"] = [{"system": BASE + "payer-id", "value": f"RBPAY{number:03d}"}]
        return made

    def _program(self, number: int, program: Program) -> Json:
        site = next(s for s in SITES if s.key == program.site)
        made = self._organization(f"program:{program.key}", f"Riverbend {program.name}", "dept", 10 + number, site.phone, _address(site))
        return made | {"partOf": ref(self.reference("Organization", "riverbend"), "Riverbend Behavioral Health")}

    def _site(self, site: Site) -> Json:
        zone = {"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": ZONE}
        return {**self._location(site.key, site.name, "si", "Site", site, None), "extension": [zone]}

    def _meeting_room(self, key: str, name: str, site: Site) -> Json:
        made = self._location(f"meeting:{key}", f"{name}, {site.name}", "ro", "Room", site, site.key)
        return {**made, "type": [concept("Room to meet in", ("https://sojourn.example/fhir/CodeSystem/care", "meeting-room"))]}

    def _location(self, key: str, name: str, form: str, form_text: str, site: Site, part_of: str | None) -> Json:
        made = self._made(
            "Location",
            key,
            "us-core-location",
            identifier=[{"system": BASE + "place", "value": key}],
            status="active",
            name=name,
            mode="instance",
            telecom=[{"system": "phone", "value": site.phone, "use": "work"}],
            address=_address(site),
            physicalType=hl7("location-physical-type", form, form_text),
            managingOrganization=ref(self.reference("Organization", "riverbend")),
        )
        if part_of:
            made["partOf"] = ref(self.reference("Location", part_of))
        return made

    def _unit(self, key: str, beds: int) -> Iterator[Json]:
        program = next(p for p in PROGRAMS if p.key == key)
        site = next(s for s in SITES if s.key == program.site)
        unit = f"unit:{key}"
        yield self._location(unit, f"{site.name}, {program.name}", "wa", "Ward", site, site.key)
        for number in range(1, beds + 1):
            room = f"room:{key}:{(number + 1) // 2}"
            if number % 2:
                room_name = f"Room {(number + 1) // 2}, {program.name}"
                yield self._location(room, room_name, "ro", "Room", site, unit)
            yield self._location(f"bed:{key}:{number}", f"Bed {number}, {program.name}", "bd", "Bed", site, room)

    def _service(self, program: Program) -> Json:
        return self._made(
            "HealthcareService",
            program.key,
            "",
            active=True,
            providedBy=ref(self.reference("Organization", f"program:{program.key}")),
            category=[concept("Behavioral health", (HL7 + "service-category", "22"))],
            type=[concept(program.name, (LOCAL + "level-of-care", program.level_of_care))],
            location=[ref(self.reference("Location", program.site))],
            name=program.name,
            appointmentRequired=program.key not in {"detox", "residential"},
        )

    def _practitioner(self, number: int, person: Staff) -> Json:
        name: Json = {"use": "official", "family": person.family, "given": [person.given]}
        if person.credential:
            name["suffix"] = person.credential.split(", ")
        made = self._made(
            "Practitioner",
            person.key,
            "us-core-practitioner",
            identifier=[
                {"system": "http://hl7.org/fhir/sid/us-npi", "value": made_up_npi(80000000 + number)},
                {"system": BASE + "staff-id", "value": f"S{1000 + number}"},
            ],
            active=True,
            name=[name],
            telecom=[
                {"system": "phone", "value": f"518-555-01{60 + number % 30}", "use": "work"},
                {"system": "email", "value": f"{person.key}@riverbend.example.org", "use": "work"},
            ],
            address=[_address(SITES[number % len(SITES)]) | {"use": "work"}],
            gender=person.gender,
        )
        if person.credential and self._today and person.programs:
            over = supervisor_of(person)
            made["qualification"] = qualifications(person, ref(self.reference("Practitioner", over)) if over else None, self._today)
        elif person.credential:
            made["qualification"] = [{"code": concept(person.credential)}]
        return made

    def _roles(self, person: Staff) -> Iterator[Json]:
        if not person.programs:
            employer = "lakeside" if person.key == "whelan" else "pharmacy"
            text = "Primary care physician" if person.key == "whelan" else "Pharmacist"
            taxonomy = "207Q00000X" if person.key == "whelan" else "183500000X"
            yield self._role(person, employer, employer, text, taxonomy, "", None)
            return
        job = JOBS[person.job]
        wide = len(person.programs) > 4
        for key in ("riverbend",) if wide else person.programs:
            program = next((p for p in PROGRAMS if p.key == key), None)
            employer = f"program:{program.key}" if program else key
            yield self._role(person, key, employer, job.text, job.taxonomy, job.snomed, program)

    def _role(self, person: Staff, key: str, employer: str, text: str, taxonomy: str, snomed: str, program: Program | None) -> Json:
        codes = [(SNOMED, snomed)] if snomed else [(NUCC, taxonomy)] if taxonomy else []
        made = self._made(
            "PractitionerRole",
            f"{person.key}:{key}",
            "us-core-practitionerrole",
            active=True,
            practitioner=ref(self.reference("Practitioner", person.key), person.name),
            organization=ref(self.reference("Organization", employer)),
            code=[concept(text, *codes)],
            location=[ref(self.reference("Location", program.site if program else "north"))],
            telecom=[{"system": "phone", "value": "518-555-0100", "use": "work"}],
        )
        if taxonomy:
            made["specialty"] = [concept(text, (NUCC, taxonomy))]
        if person.key == "whelan":
            made["endpoint"] = [ref(self.reference("Endpoint", "hie"))]
            del made["location"]
        return made

    def _endpoint(self) -> Json:
        return self._made(
            "Endpoint",
            "hie",
            "",
            status="active",
            connectionType=coding(HL7 + "endpoint-connection-type", "direct-project"),
            name="Three Rivers Health Exchange, Direct inbox",
            managingOrganization=ref(self.reference("Organization", "hie")),
            payloadType=[concept("Any document")],
            address="mailto:inbox@direct.threerivers.example.org",
        )

    def _tpo_recipients(self) -> Json:
        return self._made(
            "Group",
            "tpo-recipients",
            "",
            active=True,
            type="practitioner",
            actual=False,
            name="My treating providers, health plans, third-party payers, and people helping to operate this program",
        )


def _address(site: Site) -> Json:
    return {
        "line": [site.street],
        "city": site.city,
        "state": "NY",
        "postalCode": site.postal_code,
        "country": "US",
    }
