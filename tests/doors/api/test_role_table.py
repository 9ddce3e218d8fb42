"""Every route of the FHIR door with every role there is, and every class of type: made from the routes and the rules. A new one is in it."""

from __future__ import annotations

import pytest

from sojourn.base import clock
from sojourn.doors.api import routes
from sojourn.fhir.definitions import RESOURCE_TYPES
from sojourn.gate.roles import starting_rules
from sojourn.record import organization
from tests.doors.api.test_url_table import ROUTES, TABLE, about, asked, in_bulk
from tests.people import MH, A, Clinic, consent, encounter, observation, patient

ROLES = sorted({role for role, _, _ in starting_rules()})
KINDS = {"system": "system", "outside": "organization", "recipient": "organization", "patient": "patient", "proxy": "proxy"}
CLASSES = {
    "directory": "Organization", "person": "Patient", "related": "RelatedPerson", "clinical": "Observation", "shared": "AllergyIntolerance", "document": "DocumentReference", "law": "Consent",
    "proof": "Provenance", "care": "CarePlan", "time": "Appointment", "work": "Task", "money": "Claim", "definition": "Questionnaire", "group": "Group", "message": "Communication",
    "medication": "MedicationRequest", "risk": "Flag", "list": "List", "device": "Device", "trial": "ResearchStudy",
}  # fmt: skip
REFUSED = "Your role does not include"


async def account(clinic: Clinic, role: str) -> str:
    """An account of that role, and its token."""
    kind, agent = KINDS.get(role, "staff"), {"outside": "Organization/x", "patient": "Patient/x", "proxy": "RelatedPerson/x"}.get(role, "Practitioner/x")
    programs = [MH] if kind in ("staff", "system") else []
    name = f"of-{role}"
    await organization.account(clinic.owner, A, organization.AccountRow(name, kind, name, name, None, agent, role, programs, MH if programs else None, []), clock.now())
    return await clinic.gate.token(clinic.gate.house.tenants[A], name)


def needed(route: tuple[str, str]) -> list[tuple[str, str]]:
    """(type, action) that the role needs for the example of a route."""
    needs = TABLE[route][1].split()
    type_ = "*" if "*" in needs else "Bulk" if "Bulk" in needs else about(route[1])
    whose = [("Patient", "read")] if "T/I/*" in route[1] else [("Patient", "search")] if route == ("POST", "") else []
    return [*whose, *((type_, action) for action in needs if action not in ("*", "Bulk"))]


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_is_refused_what_it_does_not_include_on_every_route_and_nothing_else(clinic: Clinic, role: str) -> None:
    p = (await clinic.make("sys-mh", patient())).id
    await clinic.make("sys-mh", encounter(p))
    made = await clinic.make("sys-mh", observation(p))
    form = await clinic.make("sys-mh", consent(p, "nobody", status="draft"))
    chart = {"p": p, "o": made.id, "v": made.version, "c": form.id, **await in_bulk(clinic, p)}
    token = await account(clinic, role)
    rules = clinic.gate.house.rules[A]
    for route in ROUTES:
        reply = await asked(clinic, token, route, chart)
        allowed = all(rules.allows(role, action, type_) for type_, action in needed(route))
        assert reply.status < 500, (route, reply.body[:300])
        if not allowed and route[0] != "GET" and route[1] == "T":
            assert REFUSED in reply.body.decode() or reply.status in (204, 404), (role, route, reply.status)  # nothing that they may see matches the condition
        else:
            assert (REFUSED in reply.body.decode()) == (not allowed), (role, route, reply.status, reply.body[:300])
    for class_, type_ in CLASSES.items():
        for method, url, action, body in (
            ("GET", f"{type_}/nobody", "read", None), ("GET", f"{type_}?_summary=count", "search", None), ("GET", f"{type_}/_history?_count=1", "history", None),
            ("POST", type_, "create", {"resourceType": type_}), ("PUT", f"{type_}/nobody", "update", {"resourceType": type_, "id": "nobody"}), ("DELETE", f"{type_}/nobody", "delete", None),
        ):  # fmt: skip
            reply = await clinic.ask(token, method, url, body)
            assert reply.status < 500, (class_, method, reply.body[:300])
            assert (REFUSED in reply.body.decode()) == (not rules.allows(role, action, type_)), (role, class_, method, reply.status, reply.body[:300])


def test_every_route_is_in_the_table_and_every_class_is_a_type() -> None:
    assert set(CLASSES.values()) <= RESOURCE_TYPES
    assert {(r["method"], r["shape"]) for r in routes.table()} == set(TABLE)
