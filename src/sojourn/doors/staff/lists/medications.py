"""GET and POST /patients/{id}/medications: the list by every source, its warnings, and adding to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Conflict, Malformed
from sojourn.care import policies
from sojourn.care.allergies import lists as allergies
from sojourn.care.allergies.lists import Standing
from sojourn.care.listing import SOURCES, Item, note
from sojourn.care.medications import inforce, lines, warnings, writing
from sojourn.care.medications.checking import Finding
from sojourn.care.medications.lines import ORDER, TOLD, Line, Listed
from sojourn.care.medications.tables import Table
from sojourn.care.medications.warnings import Aside
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lists import entering, warned
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_text
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access
    from sojourn.gate.changes import Change
    from sojourn.gate.found import Stored

KINDS = {ORDER: "order", TOLD: "told"}
TYPES = {v: k for k, v in KINDS.items()}


class Chart(NamedTuple):
    """What the page is made from."""

    listed: Listed
    standing: Standing
    aside: Aside
    table: Table
    rules: policies.Policies
    mine: set[str]
    programs: entering.Programs


async def chart(access: Access, patient: str) -> Chart:
    """Eight questions at once."""
    found, rest = asyncio.gather(lines.of(access, patient), allergies.of(access, patient), warnings.of(access, patient)), asyncio.gather(inforce.of(access), policies.of(access), writing.own_titles(access), entering.programs(access, patient))
    (listed, standing, aside), (table, rules, mine, programs) = await asyncio.gather(found, rest)
    return Chart(listed, standing, aside, table, rules, mine, programs)


async def show(request: Request) -> Response:
    """The list."""
    return await _page(request)


async def act(request: Request) -> Response:
    """Write down what is taken, order, or set a warning aside."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    about = await banner.fetch(access, patient)
    c = await chart(access, patient)
    try:
        if said.get("do") == "override":
            await _override(access, patient, c, said)
        else:
            new = await _add(access, patient, c, said)
            if new:
                return await _page(request, "Look at these first. Write it all the same with a reason, or leave it.", 422, said, new, about=about, c=c)
    except (Malformed, Conflict) as error:
        return await _page(request, error.message, 409 if isinstance(error, Conflict) else 422, said, about=about, c=c)
    return redirect(request, f"/patients/{patient}/medications", "saved")


async def _override(access: Access, patient: str, c: Chart, said: Mapping[str, str]) -> None:
    found = next((f for f in warned.compare(c.table, c.listed, c.standing).findings if warned.name_of(f) == said.get("finding")), None)
    if found is None:
        raise Malformed("This warning is gone. Look at the list as it is now.")
    stored = _about(c, found)
    program = await warnings.home(access, found.refs)
    change = warnings.overriding(access, patient, found, said.get("reason", ""), stored, program)
    await _once(access, [change], "override-warning")


async def _add(access: Access, patient: str, c: Chart, said: Mapping[str, str]) -> list[Finding]:
    """Write it; or what the table says against it, where no reason was given yet."""
    key, program, patient = entering.kept_key(said), c.programs.chosen(said), c.programs.record(said, patient)
    ordering = said.get("source") == "here"
    if ordering and not writing.prescribes(access, c.rules, c.mine):
        raise Malformed("Only who prescribes orders a medication. Write down what the client takes, and ask for the order.")
    made = (writing.ordered if ordering else writing.told)(access, patient, c.table, said, program=program, key=key)
    ref = f"{made.type}/{made.id}"
    if any(line.ref == ref for line in c.listed.lines):
        return []  # the second click
    assert made.resource is not None  # noqa: S101 - a create has one
    concept = made.resource["medicationCodeableConcept"]
    item = Item(ref, concept["text"], tuple((x["system"], x["code"]) for x in concept.get("coding", ())), said.get("source", ""))
    new = [f for f in warned.compare(c.table, c.listed, c.standing, [item]).findings if ref in f.refs and c.aside.of(f) is None]
    reason = said.get("despite", "").strip()
    if new and len(reason) < warnings.LEAST:
        return new
    changes: list[Change] = [made]
    if new:
        made.resource["note"].append(note(access, f"Written despite a warning: {reason}"))
    for finding in new if warned.may_override(access) else ():
        stored = _about(c, finding)
        try:
            home = await warnings.home(access, [f"{s.type}/{s.id}" for s in stored], program)
            changes.append(warnings.overriding(access, patient, finding, reason, stored, home, refs=[ref]))
        except Conflict:
            continue  # kept with the medication alone
    await _once(access, changes, "medication")
    return []


def _about(c: Chart, finding: Finding) -> list[Stored]:
    """What a finding is about, as stored."""
    return [*(x.stored for x in c.listed.lines if x.ref in finding.refs), *(a.stored for a in c.standing.found if a.ref in finding.refs)]


async def _once(access: Access, changes: list[Change], action: str) -> None:
    """Write; a form that is sent twice finds it written."""
    try:
        await access.write(changes, action=action)
    except Conflict:
        first = changes[0]
        await access.read(first.type, first.id)  # there already: this is the second click


async def _page(request: Request, problem: str = "", status: int = 200, said: Mapping[str, str] | None = None, new: list[Finding] | None = None, *, about: Any = None, c: Chart | None = None) -> Response:
    access, patient = request.state.access, request.path_params["id"]
    if about is None or c is None:
        about, c = await asyncio.gather(banner.fetch(access, patient), chart(access, patient))
    known = entering.names(c.listed.beside | c.aside.beside)
    checked = warned.compare(c.table, c.listed, c.standing)
    rows = [row(line, known, c.table) for line in c.listed.lines]
    return PAGES.render(
        request, "lists/medications.html", status=status, banner=about, parts=allowed(access), here="medications", on_list=[r for r in rows if r["current"]], over=[r for r in rows if not r["current"]], said=said or {}, problem=problem,
        found=warned.shown(checked.findings, c.aside, known), compared=checked.said() if c.listed.current or c.standing.current else [], new=warned.shown(new or [], Aside([], {}), {}), programs=c.programs, key=entering.kept_key(said or {}) or entering.key(),
        may_tell=access.may(TOLD, "create"), may_order=writing.prescribes(access, c.rules, c.mine), may_override=warned.may_override(access), sources=SOURCES,
    )  # fmt: skip


def row(line: Line, known: Mapping[str, str], table: Table) -> dict[str, Any]:
    """A line as the page shows it."""
    about = ", ".join(sorted({table.ingredients[i].about for i in table.ingredients_in(line.name, line.codes) if table.ingredients[i].about}))
    tone = "amber" if line.status in ("on-hold", "unknown", "draft") else "plain"
    return {
        "line": line, "current": line.current, "path": f"medications/{KINDS[line.type]}/{line.id}", "status": line.said, "tone": tone, "about": about, "by": entering.teller(line.by, known), "when": day_text(line.when),
        "source": line.from_where, "reason": line.reason,
    }  # fmt: skip
