"""Results, orders and authorizations of the sample: some done, some waiting, some running out."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import SojournError
from sojourn.care import levels
from sojourn.care.authorizations import keeping, watching
from sojourn.care.orders import ordering, reading, standing
from sojourn.care.orders.ordering import Wish
from sojourn.care.resources import id_of
from sojourn.care.results import acting, following
from sojourn.care.results import reading as results
from sojourn.cli.riverbend_desk import TENANT, at_browser
from sojourn.gate import closing, origin
from sojourn.gate.changes import Change, new_id
from sojourn.gate.clockwork import Clockwork
from sojourn.gate.feed import Feed
from sojourn.gate.preparing import instant

if TYPE_CHECKING:
    from sojourn.gate.access import Access
    from sojourn.gate.gate import Gate

_CLINICIANS = ("okafor", "dana", "tess", "adam", "sam")
_KEPT = 2  # of what is normal, for each: the rest was looked at
_UCUM = "http://unitsofmeasure.org"
_FLAG = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


async def lay_out(gate: Gate, today: date) -> None:
    """Once: when nothing is ordered here yet."""
    async with at_browser(gate, "okafor") as okafor:
        if any(o.number for o in await reading.mine(okafor)) or (await okafor.search("Task", [ordering.code()], count=1)).matches:
            return
    await _follow(gate)
    for who in _CLINICIANS:
        with suppress(SojournError):
            async with at_browser(gate, who) as access:
                await _look(access)
    async with at_browser(gate, "okafor") as okafor:
        clients = await _clients(okafor)
        await _orders(okafor, clients, today)
        await _critical(okafor, clients[3:4])
        corrected = await _first_of_two(okafor, clients[4:5])
    await _follow(gate)
    async with at_browser(gate, "okafor") as okafor:
        await _correct(okafor, corrected)
        patients = await _signed(okafor)
    await _follow(gate)
    async with at_browser(gate, "adam") as adam:
        await _authorizations(adam, patients, today)
    clockwork = Clockwork(gate)
    await standing.run(await clockwork.access(TENANT))
    await watching.run(await clockwork.access(TENANT))


async def _follow(gate: Gate) -> None:
    """What a running server does with what was written until now."""
    feed, handle = Feed(gate.house.db, TENANT), following.follower(Clockwork(gate))
    while await feed.number():
        pass
    while await feed.follow("results", handle):
        pass


async def _look(access: Access) -> None:
    normal = [w for w in await results.mine(access) if w.review.priority == "routine"]
    for w in normal[_KEPT:]:
        with suppress(SojournError):
            await acting.acknowledge(access, w.review, "reviewed", "")


async def _clients(access: Access) -> list[str]:
    found = await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "-date")], count=60)
    return list(dict.fromkeys(levels.stay(e).patient for e in found.resources))


async def _orders(access: Access, clients: list[str], today: date) -> None:
    wishes = (
        Wish("metabolic", today, fasting=True, why="Before naltrexone is started", note="Right arm only", key="s1"), Wish("uds", today, why="Return from leave", priority="urgent", key="s2"),
        Wish("cbc", today, collector="lab", why="Fatigue", key="s3"), Wish("uds", today, why="Agreed in the plan", rhythm="random-weekly", key="s4"),
        Wish("uds", today, why="Agreed in the plan", rhythm="weekly", key="s5"),
    )  # fmt: skip
    for patient, wish in zip(clients, wishes, strict=False):
        with suppress(SojournError):
            id_ = await ordering.order(access, patient, wish)
            if wish.key == "s2":
                await ordering.collect(access, await reading.one(access, patient, id_), access.now, "Observed; 36 °C")


def _value(access: Access, patient: str, name: str, number: float, flag: str, low: float, high: float, unit: str = "mmol/L") -> dict[str, Any]:
    quantity = {"unit": unit, "system": _UCUM, "code": unit}
    return {
        "resourceType": "Observation", "status": "final", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
        "code": {"text": name, **({"coding": [{"system": "http://loinc.org", "code": code}]} if (code := {"Potassium": "2823-3", "Sodium": "2951-2"}.get(name)) else {})},
        "subject": {"reference": f"Patient/{patient}"}, "effectiveDateTime": instant(access.now - timedelta(hours=5)), "issued": instant(access.now - timedelta(minutes=12)),
        "valueQuantity": {"value": number, **quantity}, "referenceRange": [{"low": {"value": low, **quantity}, "high": {"value": high, **quantity}}],
        **({"interpretation": [{"coding": [{"system": _FLAG, "code": flag}]}]} if flag else {}),
    }  # fmt: skip


async def _report(access: Access, patient: str, title: str, values: list[dict[str, Any]]) -> list[str]:
    """A report of the laboratory; ids of its values."""
    stay = (await access.search("EpisodeOfCare", [("patient", patient), ("status", "active")], count=1)).matches
    program = await origin.made_by(access, "EpisodeOfCare", stay[0].id) if stay else None
    ids = [new_id() for _ in values]
    report = {
        "resourceType": "DiagnosticReport", "status": "final", "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB"}]}], "code": {"text": title},
        "subject": {"reference": f"Patient/{patient}"}, "effectiveDateTime": values[0]["effectiveDateTime"], "issued": values[0]["issued"], "result": [{"reference": f"Observation/{i}"} for i in ids],
    }  # fmt: skip
    await access.write([*(Change("create", "Observation", i, v, program=program) for i, v in zip(ids, values, strict=True)), Change("create", "DiagnosticReport", "", report, program=program)])
    return ids


async def _critical(access: Access, clients: list[str]) -> None:
    for patient in clients:
        await _report(access, patient, "Basic metabolic panel", [_value(access, patient, "Potassium", 6.8, "HH", 3.5, 5.0), _value(access, patient, "Sodium", 139, "", 136, 144)])


async def _first_of_two(access: Access, clients: list[str]) -> list[str]:
    """A lithium level that its laboratory will correct."""
    return [i for patient in clients for i in await _report(access, patient, "Lithium level", [_value(access, patient, "Lithium", 0.7, "", 0.6, 1.0)])]


async def _correct(access: Access, ids: list[str]) -> None:
    for id_ in ids:
        stored = await access.read("Observation", id_)
        after = {**stored.resource, "status": "corrected", "valueQuantity": {**stored.resource["valueQuantity"], "value": 1.4}, "interpretation": [{"coding": [{"system": _FLAG, "code": "H"}]}], "note": [{"text": "Specimens were mixed up; run again."}]}
        await access.write([Change("update", "Observation", id_, after, if_match=stored.version)])


async def _signed(access: Access) -> list[str]:
    """Clients of whom something was signed lately: of their authorizations something is used."""
    found = await access.search("DocumentReference", [("status", "current"), ("_sort", "-_lastUpdated")], count=80)
    return list(dict.fromkeys(id_of(r.get("subject"), "Patient") for r in found.resources if closing.read(r).state))


async def _authorizations(access: Access, patients: list[str], today: date) -> None:
    """Enough, nearly used, ending, ended without a next one, and a review that is due."""
    kinds = (("service.individual", "visits", 12, -20, 40, 12), ("service.individual", "visits", 2, -10, 20, 9), ("", "days", 10, -8, 3, 1), ("", "days", 7, -16, -2, None), ("service.group", "visits", 20, -5, 25, 0))
    found = await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "-date")], count=100)
    stays = {s.patient: s for s in map(levels.stay, found.resources) if s.level}
    wanted = [*(p for p in patients if p in stays), *(p for p in stays if p not in patients)]
    for n, (patient, (of, unit, approved, first, last, review)) in enumerate(zip(wanted, kinds, strict=False)):
        stay = stays[patient]
        said = {
            "payer": ("Hudson Valley Health Plan", "Evergreen Mutual", "State Medicaid")[n % 3], "number": f"UR-26-{4100 + 37 * n}", "of": of or f"level.{stay.level}", "unit": unit, "approved": str(approved), "stay": stay.id,
            "start": (today + timedelta(days=first)).isoformat(), "end": (today + timedelta(days=last)).isoformat(), "review": (today + timedelta(days=review)).isoformat() if review is not None else "",
            "contact": "Utilization management, 800-555-0117", "obtained": ("phone", "portal", "fax")[n % 3],
        }  # fmt: skip
        with suppress(SojournError):
            await keeping.enter(access, keeping.typed(patient, said), f"sample{n}")
