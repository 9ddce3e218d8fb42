"""GET and POST /patients/{id}/records: the records of one person, merged and taken apart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sojourn.base.errors import Malformed, NotFound, VersionConflict
from sojourn.care.admissions import merging, people
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.patients.terms import search_params
from sojourn.doors.staff.words import born_with_age, code_text, each, full_name, record_number
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.doors.staff.words import Resource
    from sojourn.gate.access import Access

_FOUND = 8
_TELLING = {"Name": "names", "Born": "birth dates", "Gender": "genders"}


async def show(request: Request) -> Response:
    """What there is. with: the id of another record to look at beside this one."""
    return await _page(request, other=str(request.query_params.get("with", ""))[:64])


async def act(request: Request) -> Response:
    """Look for another record, merge with it, or take a merge or a link back."""
    access, patient = request.state.access, request.path_params["id"]
    said = await sent(request)
    other, why = said.get("other", "")[:64], said.get("why", "")
    try:
        match said.get("do"):
            case "find":
                return await _page(request, typed=said.get("q", "").strip()[:80])
            case "merge":
                keep = said.get("keep", "")
                if keep not in (patient, other):
                    raise Malformed("Choose which record goes on.")
                await merging.merge(access, keep, patient if keep == other else other, why)
                return redirect(request, f"/patients/{keep}/records", "merged")
            case "unmerge":
                await merging.unmerge(access, said.get("linkage", ""), why)
                return redirect(request, f"/patients/{patient}/records", "unmerged")
            case "unlink":
                await people.unlink(access, said.get("linkage", ""))
                return redirect(request, f"/patients/{patient}/records", "saved")
            case _:
                raise Malformed("Choose what to do.")
    except VersionConflict:
        return await _page(request, "Somebody else changed this a moment ago. Look again; nothing of yours was saved.", 412)
    except Malformed as error:
        return await _page(request, error.message, 422, other=other, why=why)


async def _page(request: Request, problem: str = "", status: int = 200, *, other: str = "", typed: str = "", why: str = "") -> Response:
    access, patient = request.state.access, request.path_params["id"]
    about, one, links, found = await asyncio.gather(banner.fetch(access, patient), merging.of(access, patient), people.others(access, patient), _found(access, typed, patient))
    merged = {r.id: r for r in one.merged}
    ids = [*one.ids, *(id_ for id_, _ in links if id_ not in one.ids)]
    wanted = sorted({*ids, *([other] if other else [])})
    persons = {str(p["id"]): p for p in (await access.search("Patient", [("_id", ",".join(wanted))], count=len(wanted))).resources}
    if other and (other not in persons or other in one.ids):
        raise NotFound
    lines = [
        {"id": id_, **_words(persons[id_]), "here": id_ == patient, "goes_on": id_ == one.survivor and bool(merged), "why": merged[id_].why if id_ in merged else "",
         "linkage": merged[id_].linkage if id_ in merged else "", "link": next((linkage for p, linkage in links if p == id_ and id_ not in one.ids), "")}
        for id_ in ids if id_ in persons
    ]  # fmt: skip
    compared = _compared(persons[patient], persons[other]) if other and patient in persons else []
    return PAGES.render(
        request, "admissions/records.html", status=status, banner=about, parts=allowed(access), here="records", lines=lines, found=found, typed=typed, other=other, compared=compared, why=why, problem=problem,
        apart=_apart(compared),
        one=_words(persons[patient]) if patient in persons else {}, two=_words(persons[other]) if other else {}, may=all(access.may(*need) for need in merging.WRITES),
    )  # fmt: skip


async def _found(access: Access, typed: str, patient: str) -> list[dict[str, str]]:
    params = search_params(typed)
    if not params:
        return []
    try:
        answer = await access.search("Patient", params, count=_FOUND)
    except Malformed:
        return []
    return [{"id": str(p["id"]), **_words(p)} for p in answer.resources if p["id"] != patient]


def _words(person: Resource) -> dict[str, str]:
    phones = ", ".join(str(t.get("value", "")) for t in each(person, "telecom") if t.get("system") == "phone" and t.get("value"))
    return {"name": full_name(person), "born": born_with_age(person), "record": record_number(person) or "without a number", "phone": phones}


def _compared(one: Resource, two: Resource) -> list[tuple[str, str, str, bool]]:
    """What to hold against each other: label, one, the other, and whether both say something different."""
    rows: list[tuple[str, Any]] = [
        ("Name", full_name), ("Born", born_with_age), ("Gender", lambda p: str(p.get("gender", ""))), ("Record", lambda p: _words(p)["record"]),
        ("Other numbers", lambda p: ", ".join(sorted(str(i["value"]) for i in each(p, "identifier") if i.get("value") and str(i["value"]) != record_number(p)))),
        ("Telephone", lambda p: _words(p)["phone"]), ("Address", lambda p: "; ".join(_address(a) for a in each(p, "address"))),
        ("Language", lambda p: ", ".join(code_text(c.get("language") or {}) for c in each(p, "communication"))),
    ]  # fmt: skip
    out = [(label, say(one), say(two)) for label, say in rows]
    return [(label, a, b, bool(a and b and a.casefold() != b.casefold() and label not in ("Record", "Other numbers"))) for label, a, b in out if a or b]


def _apart(compared: list[tuple[str, str, str, bool]]) -> str:
    """What tells two people apart and is not the same in both: `Names and birth dates`, or ''."""
    *first, last = [_TELLING[label] for label, _, _, differs in compared if differs and label in _TELLING] or [""]
    return " and ".join(filter(None, (", ".join(first), last))).capitalize()


def _address(address: Resource) -> str:
    return ", ".join(filter(None, (*each(address, "line"), str(address.get("city", "")), str(address.get("state", "")), str(address.get("postalCode", "")))))
