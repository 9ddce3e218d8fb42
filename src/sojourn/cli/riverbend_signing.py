"""What waits for signatures at the sample organization: an intern's notes, and hours of supervision."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sojourn.base.errors import SojournError
from sojourn.care.credentials import supervision
from sojourn.care.notes import writing
from sojourn.care.notes.model import NewNote
from sojourn.care.resources import CARE, id_of
from sojourn.care.signing import acting, documents
from sojourn.cli.riverbend_desk import at_browser
from sojourn.gate.access import Access
from sojourn.gate.gate import Gate

TENANT = 1
INTERN, SUPERVISOR = "jules", "sam"
_TEXTS = (
    ("Came on time and had done the thought record. Two urges, both on payday, both ridden out with a call.", "Uses the plan without being reminded; the payday pattern is clear to her now.", "Plan the next payday hour by hour. Same time next week."),
    ("Talked about the argument with his brother. Left the house instead of drinking and walked for an hour.", "First time that leaving came before the craving peaked.", "Practice two sentences for the next call with his brother."),
    ("Quiet today; slept badly. Says that work has cut his hours and that rent is on his mind.", "Money worry is the likeliest trigger of the coming weeks.", "Case management for the rent fund; check sleep next week."),
    ("Brought her sponsor's number and asked how to say no at the wedding. Role-played three ways.", "Found her own words in the third try and laughed; confidence 7 of 10.", "Wedding is on Saturday: call before and after."),
    ("Missed the first ten minutes for the bus. Reviewed the week: no use, one meeting.", "Steady. Transport is a risk to attendance.", "Ask the front desk for bus passes."),
)  # fmt: skip
_LOG = ((3, 60, "individual", "Boundaries in group"), (10, 60, "individual", "Writing the assessment part"), (17, 90, "group", "Documentation"), (24, 45, "individual", "Ending a session on time"))


async def lay_out(gate: Gate, today: date) -> None:
    """Once. Everything goes through the gate as the intern and her supervisor would do it, each at a screen of their own."""
    async with at_browser(gate, SUPERVISOR) as supervisor:
        there = await supervisor.search("Basic", [("code", f"{CARE}|{supervision.CODE}")], count=1)
        if there.resources:
            return
    async with at_browser(gate, INTERN) as intern:
        written = await _notes(intern)
        who = intern.caller.agent or ""
    async with at_browser(gate, SUPERVISOR) as supervisor:
        for days, minutes, kind, topic in _LOG:
            await supervision.log(supervisor, [who], day=today - timedelta(days=days), minutes=minutes, kind=kind, topic=topic)
        if len(written) > 2:
            first = await documents.read(supervisor, written[0])
            await acting.cosign(supervisor, first, version=first.version)
            second = await documents.read(supervisor, written[1])
            await acting.give_back(supervisor, second, "Good session. Please say which objective it worked toward, and how you checked risk.", version=second.version)


async def _notes(intern: Access) -> list[str]:
    """Notes about the last visits of the program, one a client, signed. Their ids."""
    found = await intern.search("Encounter", [("status", "finished"), ("_sort", "-date")], count=100)
    seen: dict[str, dict[str, Any]] = {}
    for visit in found.resources:
        patient = id_of(visit.get("subject"), "Patient")
        if patient and (visit.get("period") or {}).get("end"):
            seen.setdefault(patient, visit)
    written = []
    for (patient, visit), (data, assessment, plan) in zip(seen.items(), _TEXTS, strict=False):
        start, end = (datetime.fromisoformat(str(visit["period"][key])) for key in ("start", "end"))
        note = NewNote(
            patient=patient, template="dap", sections={"data": data, "assessment": assessment, "plan": plan}, start=start, stop=end, service="individual",
            modality="in-person", encounter=str(visit["id"]), no_objective="The plan is being revised.", risk="none", final=True,
        )  # fmt: skip
        try:
            ready = await writing.ready(intern, note)
            outcome = await documents.signing(intern, ready.changes, ready.document, ready.shown, service="individual")
            await intern.write(outcome.changes, action="sign")
        except SojournError:  # this visit cannot carry a note of hers: the next one may
            continue
        written.append(ready.document)
    return written
