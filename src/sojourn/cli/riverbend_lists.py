"""The sample's lists: told, from outside, reconciled, due, and a warning that was set aside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from sojourn.base.errors import SojournError
from sojourn.care import levels, policies
from sojourn.care.allergies import lists as allergies
from sojourn.care.medications import deciding, duty, inforce, lines, reconciled, reconciling, warnings, writing
from sojourn.care.medications.checking import check
from sojourn.care.medications.reconciling import Choice
from sojourn.cli.riverbend_desk import at_browser
from sojourn.gate import origin
from sojourn.gate.access import Access
from sojourn.gate.changes import Change
from sojourn.gate.gate import Gate

_TOLD: tuple[tuple[Mapping[str, str], ...], ...] = (
    (
        {"name": "Ibuprofen 600 mg tablet", "dose": "When the back hurts, most days", "source": "home"},
        {"name": "Lisinopril 10 mg tablet", "dose": "One every morning", "source": "outside", "from": "Harbor Pharmacy, list of this week", "started": "2023-05-02"},
        {"name": "Melatonin 3 mg", "dose": "One at bedtime", "source": "home", "note": "Bought by himself."},
    ),
    ({"name": "Sertraline 50 mg tablet", "dose": "One, when she remembers", "source": "home"}, {"name": "Omeprazole 20 mg capsule", "dose": "Before breakfast", "source": "outside", "from": "Bottle seen, Lakeside Primary Care"}),
    ({"name": "Gabapentin 300 mg capsule", "dose": "Three times daily", "source": "outside", "from": "Discharge list of Mercy Hospital"}, {"name": "Levothyroxine 50 mcg tablet", "dose": "Before breakfast", "source": "home"}),
    ({"name": "Clonazepam 0.5 mg tablet", "dose": "Half when panic comes", "source": "home", "note": "From a cousin; no prescription."},),
)  # fmt: skip
_CLIENTS = 4


async def lay_out(gate: Gate, today: date) -> None:  # noqa: ARG001 - as the others
    """Once: while no list was reconciled yet."""
    async with at_browser(gate, "okafor") as okafor:
        if (await okafor.search("List", [("code", reconciled.code(reconciled.ADMISSION))], count=1)).matches:
            return
        stays = await _stays(okafor)
        for n, stay in enumerate(stays):
            await _tell(gate.access_of(okafor.caller), stay, _TOLD[n % len(_TOLD)])
        for stay in stays[:1]:
            await _aside(gate.access_of(okafor.caller), stay)
        due = {stays[0].patient, stays[3].patient} if len(stays) > 3 else set()
        for stay in await _asked(okafor):
            if stay.patient not in due:
                await _reconcile(gate.access_of(okafor.caller), stay)


async def _stays(access: Access) -> list[levels.Stay]:
    """The newest stays in which something is ordered, each client once."""
    found = await access.search("EpisodeOfCare", [("status", "active"), ("_sort", "-date")], count=200)
    ordered = {str(r["subject"]["reference"]).partition("/")[2] for r in (await access.search("MedicationRequest", [("status", "active")], count=1000)).resources}
    out: dict[str, levels.Stay] = {}
    for stay in map(levels.stay, found.resources):
        if stay.patient in ordered:
            out.setdefault(stay.patient, stay)
    return list(out.values())[:_CLIENTS]


async def _asked(access: Access) -> list[levels.Stay]:
    """The stays of which a reconciliation is asked, the newest first."""
    rules = await policies.of(access)
    since = access.now - timedelta(days=rules.number("medications.reconcile-new-days"))
    found = await access.search("EpisodeOfCare", [("status", "active"), ("date", f"ge{since.date().isoformat()}"), ("_sort", "-date")], count=200)
    return [stay for stay in map(levels.stay, found.resources) if duty.asks(rules, stay.level)]


async def _tell(access: Access, stay: levels.Stay, told: tuple[Mapping[str, str], ...]) -> None:
    table = await inforce.of(access)
    program = await origin.made_by(access, "EpisodeOfCare", stay.id)
    changes: list[Change] = [writing.told(access, stay.patient, table, said, program=program) for said in told]
    standing = await allergies.of(access, stay.patient)
    if not standing.asked:
        changes += allergies.none_known(access, stay.patient, standing, program=program, made={})
    await access.write(changes, action="medication")


async def _aside(access: Access, stay: levels.Stay) -> None:
    """The gravest warning of one client, set aside with its reason; others of the list stay open."""
    listed, standing, table = await lines.of(access, stay.patient), await allergies.of(access, stay.patient), await inforce.of(access)
    found = check(table, [line.item for line in listed.current], [a.item for a in standing.current]).findings
    for finding in found:
        stored = [line.stored for line in listed.current if line.ref in finding.refs]
        try:
            program = await warnings.home(access, finding.refs)
            await access.write([warnings.overriding(access, stay.patient, finding, "Known and discussed with the client; blood pressure and pain looked at again in two weeks.", stored, program)], action="override-warning")
        except SojournError:
            continue
        return


async def _reconcile(access: Access, stay: levels.Stay) -> None:
    """Everything decided and signed, as the prescriber would."""
    listed, standing, table = await lines.of(access, stay.patient), await allergies.of(access, stay.patient), await inforce.of(access)
    made = await origin.makers(access, [*(line.ref for line in listed.current), f"EpisodeOfCare/{stay.id}"])
    rows = reconciling.rows(listed, made, table)
    if not standing.asked:
        return
    case = deciding.Case(stay.patient, stay, made[f"EpisodeOfCare/{stay.id}"], rows, made, standing, table)
    choices = {}
    for n, row in enumerate(rows):
        choices[row.key] = Choice("stop", "Not needed any more; stopped by the client two weeks ago.") if n == 0 and row.told and len(rows) > 1 else Choice("continue", order=bool(row.told and row.told.dose and n % 2))
    act = reconciling.Act(reconciled.ADMISSION, choices, allergies=True, problems=True, note="")
    texts = deciding.texts(case, act, await deciding.zone_of(access))
    try:
        await deciding.sign(access, case, act, texts, f"sample:{stay.id}")
    except SojournError:
        return  # something else changed meanwhile: then it stays due, as in life


