"""The laboratory of the sample sends by HL7 v2: results that are filed, and some that wait for people."""

from __future__ import annotations

from datetime import date, timedelta

from sojourn.base import clock
from sojourn.cli.riverbend_desk import at_browser
from sojourn.doors.hl7v2.receiving import Peer, Receiver
from sojourn.gate.access import Access
from sojourn.gate.apps import registering
from sojourn.gate.apps.registry import App
from sojourn.gate.exchange import agreed, appbench, partners, profile, terms, trying, ways
from sojourn.gate.exchange.agreed import Agreed
from sojourn.gate.exchange.partners import Envoys, Partner
from sojourn.gate.exchange.profile import Profile
from sojourn.gate.exchange.terms import Term
from sojourn.gate.exchange.ways import Way
from sojourn.gate.gate import Gate
from sojourn.sample.parts import BASE
from sojourn.wire import hl7v2write

LABORATORY = "Cedar Ridge Laboratory"
PRACTICE = "Lakeside Primary Care"
_OBX = (("2951-2", "Sodium", "139", "mmol/L", "136-144", "N"), ("2823-3", "Potassium", "5.6", "mmol/L", "3.5-5.0", "H"), ("2160-0", "Creatinine", "0.9", "mg/dL", "0.6-1.2", "N"))


async def lay_out(gate: Gate, today: date) -> None:
    """Once. The messages come in by the same way as those of a laboratory; the server does them when it starts."""
    async with at_browser(gate, "ivy") as ivy:
        if LABORATORY in {p.name for p in await partners.every(ivy)}:
            return
        known = (await ivy.search("Organization", [("name:exact", LABORATORY)], count=1)).matches
        organization = f"Organization/{known[0].id}" if known else ""
        # Orders go to a receiver of this machine, where none runs: an order that names the laboratory waits, and the desk says why.
        gets = Profile(kinds=("ORM^O01",), host="127.0.0.1", port=2576, tls=False, our_place="RIVERBEND", theirs="CEDARLIS", their_place="CEDAR RIDGE", processing="T")
        agreement = Agreed(
            data="Laboratory orders out, results in", purpose="TREAT", gives="treatment", answers=ivy.caller.account, kind="qsoa", where="In the folder of contracts, 2024-117", begins=today - timedelta(days=340),
            ends=today + timedelta(days=24), tested=today - timedelta(days=335), result="Orders and results of the test patient arrived", every=24, weekdays=True, counted=ivy.now, terms=tuple(terms.facts([Term("in", "", terms.DONE, 24, ivy.now), Term("out", "ORM^O01", terms.TAKEN, 4, ivy.now), Term("out", "ORM^O01", terms.ANSWERED, 72, ivy.now)])),
        )  # fmt: skip
        lab = Partner(
            "", LABORATORY, contact="The laboratory's help desk", applications=("CEDARLIS",), facilities=("CEDAR RIDGE",), authorities={"RIVERBEND": f"{BASE}mrn"}, types=("ORU^R01", "ORU^R30"),
            agreed=agreed.facts(agreement), organization=organization, sending=profile.facts(profile.checked(gets, organization, ivy.now)) if organization else {},
        )  # fmt: skip
        kept = await partners.put(ivy, lab, None, "Agreed with the laboratory.")
        await trying.before(ivy, kept.id, "Orders and results went to and fro before Sojourn was installed here.")
        await _reached(ivy)
    await _viewer(gate)
    async with at_browser(gate, "priya") as priya:
        found = await priya.search("EpisodeOfCare", [("status", "active"), ("_include", "EpisodeOfCare:patient")], count=60)
        people = [s.resource for s in found.included if s.resource.get("identifier") and s.resource.get("birthDate")]
        receiver = Receiver(Envoys(gate))
        for n, person in enumerate(people[:4]):
            name = person["name"][0]
            number = person["identifier"][0]["value"] if n != 2 else "CR-90417"  # noqa: PLR2004 - the third comes under a number of the laboratory's own
            await receiver.take(_result(f"CR{n + 1:05d}", number, str(name["family"]), str(name["given"][0]), str(person["birthDate"]), "R30" if n == 3 else "R01"), Peer("127.0.0.1", near=True))  # noqa: PLR2004


async def _reached(ivy: Access) -> None:
    """A practice that hand-offs go to: by fax, whose number a second person has still to confirm, and printed until then."""
    found = (await ivy.search("Organization", [("name:exact", PRACTICE)], count=1)).matches
    if found:
        there = ways.facts(ways.checked([Way(ways.FAX, "+1 518 555 0151"), Way(ways.PRINT, "35 Harbor View Road, Port Linden")], (), ivy.caller.account))
        agreement = Agreed(data="Referrals out, letters back", purpose="TREAT", gives="treatment", answers=ivy.caller.account, kind="contract", where="In the folder of contracts, 2025-044")
        practice = Partner("", PRACTICE, door="none", contact="Their front desk", organization=f"Organization/{found[0].id}", reached=there, agreed=agreed.facts(agreement))
        await partners.put(ivy, practice, None, "They ask for hand-offs by fax.")


async def _viewer(gate: Gate) -> None:
    """The same practice asks by the FHIR API: its service is registered, approved by a second person, and being tested."""
    async with at_browser(gate, "ivy") as ivy:
        found = (await ivy.search("Organization", [("name:exact", PRACTICE)], count=1)).matches
        if not found:
            return
        organization = f"Organization/{found[0].id}"
        asks = "system/Patient.rs system/Condition.rs system/MedicationRequest.rs system/Observation.rs"
        wanted = App("", f"{PRACTICE} chart viewer", ("service",), "outside", "private_key_jwt", asks, publisher=PRACTICE, contact="Their IT", jwks_uri="https://lakeside.example/jwks", organization=organization)
        app, _ = await registering.register(ivy, wanted)
    async with at_browser(gate, "priya") as priya:
        await registering.start(priya, app.id, "Looked at with the practice: what consents permit, and no more.")
    async with at_browser(gate, "ivy") as ivy:
        agreement = Agreed(data="Charts of shared patients, as far as consents go", purpose="TREAT", gives="consent", answers=ivy.caller.account, kind="contract", where="In the folder of contracts, 2026-031")
        viewer = Partner("", f"{PRACTICE}, chart viewer", door="fhir", contact="Their IT", organization=organization, client=app.id, agreed=agreed.facts(agreement))
        kept = await partners.put(ivy, viewer, None, "They read charts of patients who consented.")
        await appbench.opened(gate, ivy.tenant, kept)
        await trying.begin(ivy, await partners.one(ivy, kept.id), await appbench.planned(ivy, kept))


def _result(control: str, number: str, family: str, given: str, born: str, event: str) -> bytes:
    """A metabolic panel of this morning."""
    at = clock.now() - timedelta(hours=2)
    rows = [
        hl7v2write.segment("OBX", {1: str(n), 2: "NM", 3: (code, name, "LN"), 5: value, 6: (unit, unit, "UCUM"), 7: usual, 8: flag, 11: "F", 14: hl7v2write.moment(at - timedelta(hours=18))})
        for n, (code, name, value, unit, usual, flag) in enumerate(_OBX, 1)
    ]
    return hl7v2write.message(
        hl7v2write.header(sender=("CEDARLIS",), sender_facility=("CEDAR RIDGE",), receiver=("SOJOURN",), receiver_facility=("RIVERBEND",), at=at, type_=("ORU", event, f"ORU_{event}"), control=control, version="2.5.1"),
        hl7v2write.segment("PID", {1: "1", 3: (number, "", "", "RIVERBEND" if number.startswith("RB") else "CEDAR", "MR"), 5: (family, given), 7: born.replace("-", "")}),
        hl7v2write.segment("ORC", {1: "RE", 3: f"F{control}"}),
        hl7v2write.segment("OBR", {1: "1", 3: f"F{control}", 4: ("24323-8", "Comprehensive metabolic panel", "LN"), 7: hl7v2write.moment(at - timedelta(hours=18)), 22: hl7v2write.moment(at), 24: "CH", 25: "F"}),
        *rows,
        hl7v2write.segment("NTE", {1: "1", 3: "Specimen slightly hemolyzed; potassium may read high."}),
    ).encode()  # fmt: skip
