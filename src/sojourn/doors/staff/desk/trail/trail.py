"""The audit trail on the desk: who did what with whose record, when and why; found by any of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sojourn.care.staffing import zones
from sojourn.doors.staff.desk.frame import OVERSEE, DeskPage, render
from sojourn.doors.staff.desk.names import patient_names
from sojourn.doors.staff.desk.trail import choosing
from sojourn.gate.trail import people, words
from sojourn.gate.trail.lines import Line, Wish, page
from sojourn.web.forms import sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

NEEDS = (*OVERSEE, ("AuditEvent", "trail"))
PAGE = DeskPage("/desk/trail", "Audit trail", "Who did what with whose record, when and why. Search it, and export what you found.")
OUTCOMES = (("", "Any outcome"), ("done", "Done"), ("denied", "Denied"), ("absent", "Nothing there"), ("failed", "Failed"), ("started", "Started"))
QUICK = {"today": "Today", "denied": "Denied this week", "outside": "Outside organizations this month"}
_AT_ONCE = 50


class Row(NamedTuple):
    """One line as the table shows it."""

    when: str
    who: str
    role: str
    did: str
    about: str
    what: str
    why: str
    outcome: str
    tone: str


@dataclass(slots=True)
class Asked:
    """What was asked for, as it goes back into the form. wish: None while something is wrong or has to be chosen."""

    values: dict[str, str]
    choice: choosing.Choice
    wish: Wish | None = None
    problem: str = ""


async def show(request: Request) -> Response:
    """GET /desk/trail: the form. POST: what was found; the words travel in the body."""
    access: Access = request.state.access
    form = await sent(request) if request.method == "POST" else {}
    everybody = await people.people(access)
    asked = await wished(access, form, everybody)
    rows: list[Row] = []
    following = None
    cursor = form.get("cursor") or None
    if request.method == "POST" and asked.wish is not None:
        found = await page(access, asked.wish, count=_AT_ONCE, cursor=cursor)
        names = await patient_names(access, {p for line in found.lines for p in line.patients})
        rows, following = [_row(line, names) for line in found.lines], found.next
    return render(
        request, PAGE, "desk/trail/trail.html", block="rows" if cursor else "", rows=rows, next=following, asked=asked, people=everybody, looked=request.method == "POST",
        quick=QUICK, outcomes=OUTCOMES, actions=words.ACTIONS, purposes=words.PURPOSES,
    )  # fmt: skip


async def wished(access: Access, form: Mapping[str, str], everybody: list[people.Person]) -> Asked:
    """The form as a wish for lines, or what is wrong with it."""
    kept = {name: form.get(name, "").strip()[:100] for name in ("person", "patient", "since", "until", "did", "purpose", "outcome", "where")}
    quick = form.get("quick", "")
    if quick in QUICK:
        kept = dict.fromkeys(kept, "") | {"denied": {"outcome": "denied"}, "outside": {"where": "outside"}}.get(quick, {})
    back = {"today": 0, "denied": 7}.get(quick, 30)
    since, until, problem = choosing.days(kept, access.now, back)
    kept |= {"since": f"{since.astimezone(zones.here()):%Y-%m-%d}", "until": kept["until"] or f"{access.today:%Y-%m-%d}"}
    choice = await choosing.patient(access, form) if not quick else choosing.Choice()
    if choice.id:
        kept |= {"patient": choice.name, "patient_id": choice.id}
    asked = Asked(kept, choice, problem=problem or choice.problem)
    account = None
    if kept["person"]:
        meant = people.found(everybody, kept["person"])
        if len(meant) == 1:
            account, kept["person"] = meant[0].account, meant[0].label
        else:
            asked.problem = asked.problem or ("Nobody has this name." if not meant else "Several people fit this name; choose one from the list.")
    if not asked.problem and not choice.several:
        asked.wish = Wish(
            patient=choice.id or None, account=account, actions=words.actions(kept["did"]) if kept["did"] else None, outcome=kept["outcome"] or None,
            purpose=kept["purpose"] or None, outside=True if kept["where"] == "outside" else False if kept["where"] == "inside" else None, since=since, until=until,
        )  # fmt: skip
    return asked


def _did(line: Line) -> str:
    empty = line.action == "search" and line.outcome == "done" and not line.entities and not line.patients
    return "looked for, found nothing" if empty else words.did(line.action)


def _row(line: Line, names: Mapping[str, str]) -> Row:
    about = [names.get(p, "a patient") for p in line.patients]
    things = dict.fromkeys(words.thing(e.partition("/")[0]) for e in line.entities) or ([words.thing(line.type)] if line.type else [])
    tone = {"denied": "red", "failed": "red", "absent": "amber"}.get(line.outcome, "plain")
    at = line.recorded.astimezone(zones.here())
    return Row(
        f"{at.day} {at:%b %Y, %H:%M:%S %Z}", words.who(line), words.role(line.role), _did(line), "; ".join(about[:3]) + (f" and {len(about) - 3} more" if len(about) > 3 else ""),
        ", ".join(list(things)[:3]) + (" …" if len(things) > 3 else ""), words.purpose(line.purpose), dict(OUTCOMES).get(line.outcome, line.outcome) if line.outcome != "done" else "", tone,
    )  # fmt: skip
