"""The sample's apps: one for clinicians, one that patients choose; and a patient who can sign in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg

from sojourn.base import clock, crypto
from sojourn.cli.riverbend_desk import TENANT, at_browser, signed_in_as
from sojourn.gate.apps import registering
from sojourn.gate.apps.registry import App
from sojourn.record import organization as house

if TYPE_CHECKING:
    from sojourn.gate.gate import Gate

PAGE = "/sandbox/app"
"""Where the sample app is served, which both of them are (doors/smart/sandbox.py)."""
_SCOPES = "openid fhirUser launch launch/patient launch/encounter offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs patient/MedicationRequest.rs"


class PatientLogin(NamedTuple):
    """A patient of the sample who can sign in on the way to an app."""

    login: str
    name: str


def _wanted(place: str) -> Iterable[App]:
    shared: dict[str, Any] = {"method": "none", "redirects": (place + PAGE,), "publisher": "Sojourn, as a sample", "scopes": _SCOPES, "contact": "nobody: it is a sample", "policy": place + PAGE + "?privacy"}
    yield App(id="", name="Trend Lines", uses=("staff",), whose="inside", launch=place + PAGE, description="Shows scores and vital signs of one client over time, beside the chart.", **shared)
    yield App(id="", name="My Trend Lines", uses=("patient",), whose="chosen", home=place + PAGE, description="Shows you your own scores and vital signs over time.", **shared)


async def set_up(gate: Gate, owner: str, place: str, password: str, administrator: str) -> PatientLogin | None:
    """Register the apps at the address of this start, and let one patient sign in. Does nothing twice."""
    async with at_browser(gate, administrator) as access:
        known = {app.name: app for app in await registering.every(access)}
        for wanted in _wanted(place):
            before = known.get(wanted.name)
            if before is None:
                await registering.register(access, wanted)
            elif before.redirects != wanted.redirects:  # started at another port
                await registering.change(access, before.id, redirects=wanted.redirects, launch=wanted.launch, home=wanted.home, policy=wanted.policy, origins=())
    return await _patient(gate, owner, password)


async def _patient(gate: Gate, owner: str, password: str) -> PatientLogin | None:
    """An account for somebody with scores to look at."""
    async with signed_in_as(gate, "app-inside") as inside:
        found = await inside.search("Observation", [("code", "http://loinc.org|44261-6"), ("_sort", "-date")], count=200)
        if not found.matches:
            return None
        reference, _ = Counter(str(s.resource["subject"]["reference"]) for s in found.matches).most_common(1)[0]
        name = (await inside.read("Patient", reference.removeprefix("Patient/"))).resource["name"][0]
    given, family = str(name["given"][0]), str(name["family"])
    login = f"{given}.{family}".lower().replace(" ", "").replace("'", "")
    connection = await asyncpg.connect(owner)
    try:
        taken = await connection.fetchval("SELECT agent FROM record.account WHERE tenant = $1 AND kind = 'patient' ORDER BY account LIMIT 1", TENANT)
        if taken is None:
            row = house.AccountRow(f"patient-{login}", "patient", login, f"{given} {family}", crypto.hash_password(password), reference, "patient", [], None, [])
            await house.account(connection, TENANT, row, clock.now())
        kept = await connection.fetchrow("SELECT login, name FROM record.account WHERE tenant = $1 AND kind = 'patient' ORDER BY account LIMIT 1", TENANT)
    finally:
        await connection.close()
    return PatientLogin(kept["login"], kept["name"])
