"""The cast of the gate's tests: two organizations, their programs, staff and outside organizations; and a client at the FHIR door."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from sojourn.base import clock, crypto
from sojourn.care.consequences import CONSEQUENCES
from sojourn.doors.api.app import FhirDoor
from sojourn.gate.gate import Gate
from sojourn.gate.roles import starting_rules
from sojourn.record import organization
from sojourn.record.database import Dsn

BASE = "http://sojourn.test/fhir"
SUD, MH, FAR = 1, 2, 3
"""Programs of the first organization: a Part 2 program, one that is not, and one at another site. The second has a Part 2 program, also number 1."""
START = datetime(2026, 3, 1, 8, tzinfo=UTC)

A = 1
B = 2


class Person(NamedTuple):
    """One account, and what it may act as."""

    account: str
    kind: str
    role: str
    programs: tuple[int, ...]
    acting: int | None
    agent: str | None = None
    purpose: str = "TREAT"
    tenant: int = A
    keys: tuple[str, ...] = ()


CAST = (
    Person("sys-sud", "system", "system", (SUD, MH, FAR), SUD),
    Person("sys-mh", "system", "system", (SUD, MH, FAR), MH),
    Person("sys-none", "system", "system", (SUD, MH, FAR), None),
    Person("sys-far", "system", "system", (SUD, MH, FAR), FAR),
    Person("mh-service", "app", "system", (MH,), MH),
    Person("sud-clinician", "staff", "clinician", (SUD,), SUD, "Practitioner/sud-clinician"),
    Person("mh-clinician", "staff", "clinician", (MH,), MH, "Practitioner/mh-clinician"),
    Person("both-clinician", "staff", "director", (SUD, MH, FAR), MH, "Practitioner/both-clinician"),
    Person("far-clinician", "staff", "clinician", (FAR,), FAR, "Practitioner/far-clinician"),
    Person("technician", "staff", "technician", (MH,), MH, "Practitioner/technician"),
    Person("biller", "staff", "biller", (MH,), MH, "Practitioner/biller"),
    Person("officer", "staff", "privacy-officer", (SUD, MH, FAR), MH, "Practitioner/officer"),
    Person("mh-officer", "staff", "privacy-officer", (MH,), MH, "Practitioner/mh-officer"),
    Person("ana", "patient", "patient", (), None, "Patient/nobody", "PATRQT"),
    Person("parent", "proxy", "proxy", (), None, "RelatedPerson/nobody", "FAMRQT"),
    Person("tpo", "organization", "outside", (), None, "Organization/tpo"),
    Person("tpo-billing", "organization", "outside", (), None, "Organization/tpo", "HPAYMT"),
    Person("tpo-research", "organization", "outside", (), None, "Organization/tpo", "HRESCH"),
    Person("stranger", "organization", "outside", (), None, "Organization/stranger"),
    Person("revoked", "organization", "outside", (), None, "Organization/revoked"),
    Person("expired", "organization", "outside", (), None, "Organization/expired"),
    Person("specific", "organization", "outside", (), None, "Organization/specific"),
    Person("specific-billing", "organization", "outside", (), None, "Organization/specific", "HPAYMT"),
    Person("denied", "organization", "outside", (), None, "Organization/denied"),
    Person("other-sys", "system", "system", (1,), 1, None, "TREAT", B),
    Person("other-clinician", "staff", "clinician", (1,), 1, "Practitioner/other-clinician", "TREAT", B),
)
BY_NAME = {person.account: person for person in CAST}


class Reply(NamedTuple):
    """An answer of the door, as it went over the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header, or ''."""
        return next((v for k, v in self.headers if k == name), "")

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def id(self) -> str:
        """The id of the resource that came back."""
        return str(self.json()["id"])

    @property
    def version(self) -> str:
        """The version in the ETag."""
        return self.header("etag").removeprefix('W/"').rstrip('"')

    @property
    def entries(self) -> list[Any]:
        """The resources of a Bundle, without its outcome."""
        found = [e.get("resource") for e in self.json().get("entry", ())]
        return [r for r in found if r and r["resourceType"] != "OperationOutcome"]

    @property
    def ids(self) -> list[str]:
        """The ids of the resources of a Bundle."""
        return [r["id"] for r in self.entries]


@dataclass
class Clinic:
    """The whole cast on one database, behind one FHIR door."""

    dsn: Dsn
    gate: Gate
    door: FhirDoor
    owner: asyncpg.Connection[Any]
    tokens: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, who: str | None, method: str, url: str, body: Any = None, headers: Iterable[tuple[str, str]] = (), *, chunks: int = 1
    ) -> Reply:
        """One request. `body`: bytes, or a value to send as JSON. `who`: an account, or None for a caller without a token."""
        path, _, query = url.partition("?")
        sent = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers]
        if who is not None:
            sent.append((b"authorization", f"Bearer {self.tokens.get(who, who)}".encode()))
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        if data and not any(k == b"content-type" for k, _ in sent):
            sent.append((b"content-type", b"application/fhir+json"))
        scope = {"type": "http", "method": method, "path": "/" + path.lstrip("/"), "query_string": query.encode("latin-1"), "headers": sent, "root_path": ""}
        size = max(1, -(-len(data) // chunks))
        parts = [data[i : i + size] for i in range(0, len(data), size)] or [b""]
        messages = iter([{"type": "http.request", "body": part, "more_body": n < len(parts) - 1} for n, part in enumerate(parts)])
        out: list[Any] = []

        async def receive() -> Any:
            return next(messages, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            out.append(message)

        await self.door(scope, receive, send)
        answer = b"".join(m.get("body", b"") for m in out if m["type"] == "http.response.body")
        return Reply(out[0]["status"], tuple((k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in out[0]["headers"]), answer)

    async def get(self, who: str, url: str, *headers: tuple[str, str]) -> Reply:
        """GET."""
        return await self.ask(who, "GET", url, None, headers)

    async def make(self, who: str, resource: dict[str, Any]) -> Reply:
        """Create a resource and be sure that it worked."""
        reply = await self.ask(who, "POST", resource["resourceType"], resource)
        assert reply.status == 201, reply.body
        return reply

    async def put(self, who: str, resource: dict[str, Any], *headers: tuple[str, str]) -> Reply:
        """Update a resource under its id."""
        return await self.ask(who, "PUT", f"{resource['resourceType']}/{resource['id']}", resource, headers)

    async def named(self, answer: Any) -> set[str]:
        """Whom the lines of a request name: of an answer of the staff app."""
        return {patient for line in await self.trail(answer.headers["x-request-id"]) for patient in line["patients"]}

    async def trail(self, request: str) -> list[Any]:
        """The lines of the trail about a request."""
        return list(await self.owner.fetch("SELECT * FROM record.audit WHERE request = $1 ORDER BY n", request))


async def open_clinic(dsn: Dsn, *, key: crypto.ServerKey | None = None, connections: int = 4, base: str = BASE) -> Clinic:
    """Set up both organizations on an empty database and open the gate."""
    owner = await asyncpg.connect(dsn.owner)
    if await owner.fetchval("SELECT count(*) FROM record.tenant") == 0:
        await make_organizations(owner)
    gate = Gate(dsn.app, key or crypto.ServerKey(b"k" * 64), Path(tempfile.mkdtemp(prefix="sj-")), base=base, connections=connections, consequences=CONSEQUENCES)
    await gate.open()
    clinic = Clinic(dsn, gate, FhirDoor(gate), owner)
    for person in CAST:
        secret = f"token-{person.account}".ljust(43, "x")
        if await gate.identity.caller(secret) is None:
            await gate.token(gate.house.tenants[person.tenant], person.account, purpose=person.purpose, secret=secret)
        clinic.tokens[person.account] = secret
    return clinic


def rules() -> list[tuple[str, list[str], list[str]]]:
    """The starting rules, and a role of our own: a clinician who reaches everybody."""
    given = [(role, list(types), list(actions)) for role, types, actions in starting_rules()]
    director = [("director", types, actions) for role, types, actions in given if role == "clinician" and not any(a.startswith("reach:") for a in actions)]
    return [*given, *director, ("director", ["*"], ["reach:organization"])]


async def make_organizations(owner: asyncpg.Connection[Any]) -> None:
    """Both organizations and their accounts."""
    now = clock.now()
    for number, key in ((A, "a"), (B, "b")):
        await organization.tenant(owner, number, key, key.upper(), key.encode() * 16, host=f"{key}.test")
        await organization.role_rules(owner, number, rules(), now)
    row = organization.ProgramRow
    await organization.programs(owner, A, [row(SUD, "sud", "SUD", "Organization/sud", True), row(MH, "mh", "MH", "Organization/mh", False), row(FAR, "far", "FAR", "Organization/far", False)], now)
    await organization.programs(owner, B, [row(1, "sud", "SUD", "Organization/sud", True)], now)
    for p in CAST:
        await organization.account(
            owner, p.tenant, organization.AccountRow(p.account, p.kind, p.account, p.account, None, p.agent, p.role, list(p.programs), p.acting, list(p.keys)), now
        )


async def close_clinic(clinic: Clinic) -> None:
    """Let go of everything."""
    await clinic.gate.close()
    await clinic.owner.close()


# --- what a clinic writes ---------------------------------------------------------------------------------------------------


def patient(family: str = "Rivera", **more: Any) -> dict[str, Any]:
    """A Patient."""
    return {"resourceType": "Patient", "name": [{"family": family, "given": ["Ana"]}], "birthDate": "1988-03-04", **more}


def observation(patient_id: str, value: int = 72, **more: Any) -> dict[str, Any]:
    """A heart rate."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": "2026-02-01T10:00:00Z",
        "valueQuantity": {"value": value, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
        **more,
    }


def encounter(patient_id: str, **more: Any) -> dict[str, Any]:
    """A visit; written by a program it admits the patient there."""
    act = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return {"resourceType": "Encounter", "status": "finished", "class": act, "subject": {"reference": f"Patient/{patient_id}"}, **more}


_EXT = "https://ehr.example.org/fhir/StructureDefinition/"
_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def consent(patient_id: str, recipient: str, *, kind: str = "part2_tpo_single", purposes: Iterable[str] = ("TREAT", "HPAYMT", "HOPERAT"), status: str = "active",
            provision: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A complete written consent (42 CFR 2.31) to disclose the Part 2 program's records. `provision` overrides parts of the rule."""
    statements = [
        {"url": _EXT + name, "valueBoolean": True}
        for name in ("part2-stmt-hipaa-redisclosure", "part2-stmt-redisclosure-risk", "part2-stmt-refusal", "part2-stmt-revocation")
    ]
    rule = {
        "type": "permit",
        "period": {"start": "2026-01-01"},
        "actor": [{"role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}, "reference": {"reference": f"Organization/{recipient}"}}],
        "action": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "disclose"}]}],
        "securityLabel": [{"system": _ACT, "code": "42CFRPart2"}],
        "purpose": [{"system": _REASON, "code": p} for p in purposes],
        **(provision or {}),
    }
    return {
        "resourceType": "Consent",
        "extension": [{"url": _EXT + "part2-consent-kind", "valueCode": kind}, *statements, {"url": _EXT + "part2-expiry-text", "valueString": "none"}],
        "status": status,
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{patient_id}"},
        "dateTime": "2026-01-01T10:00:00Z",
        "performer": [{"reference": f"Patient/{patient_id}"}],
        "organization": [{"reference": "Organization/sud"}],
        "verification": [{"verified": True, "verificationDate": "2026-01-01"}],
        "policy": [{"authority": "https://www.hhs.gov", "uri": "https://www.ecfr.gov/current/title-42/chapter-I/subchapter-A/part-2"}],
        "provision": rule,
        **more,
    }


INLINE = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"


def labelled(element: dict[str, Any], code: str, system: str = _ACT) -> dict[str, Any]:
    """The element with an inline label of its own."""
    return {"extension": [{"url": INLINE, "valueCoding": {"system": system, "code": code}}], **element}
