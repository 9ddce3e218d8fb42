"""GET and POST /patients/{id}/reconcile: sources beside the chart, decided, read and signed."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.errors import Conflict, Malformed, NotFound, VersionConflict
from sojourn.care import levels, listing, policies
from sojourn.care.allergies import lists as allergies
from sojourn.care.medications import deciding, inforce, lines, reconciled, reconciling, writing
from sojourn.care.medications.deciding import Case, Of
from sojourn.care.medications.lines import Listed
from sojourn.care.medications.reconciling import DECISIONS, Act, Row
from sojourn.care.problems import lists as problems
from sojourn.care.summaries import charting
from sojourn.doors.staff.chart import banner
from sojourn.doors.staff.chart.summary import allowed
from sojourn.doors.staff.lists import entering, warned
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.words import day_and_time, day_text
from sojourn.fhir import codec
from sojourn.gate import drafts, origin
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response as Answer

    from sojourn.gate.access import Access

from starlette.responses import Response

NEEDS = (("Patient", "read"), ("List", "search"), ("MedicationRequest", "search"), ("EpisodeOfCare", "search"))
WRITES = (*NEEDS, ("List", "create"))
ELSEWHERE = "Another program runs this stay. Its own people reconcile it."


class Seen(NamedTuple):
    """What the page is made from. seen: a digest of it; mine: the caller's titles."""

    case: Case
    listed: Listed
    problems: list[problems.Problem]
    rules: policies.Policies
    mine: set[str]
    seen: str

    @property
    def foreign(self) -> list[Row]:
        """Rows of which none was made by a program of the caller."""
        return [r for r in self.case.rows if not r.own]


async def room(request: Request) -> Answer:
    """GET /patients/{id}/reconcile: the stays of a client, what was reconciled, and what is due."""
    access, patient = request.state.access, request.path_params["id"]
    about, stays, documents, found = await asyncio.gather(
        banner.fetch(access, patient), levels.current(access, patient), charting.of_patient(access, patient),
        access.search("List", [("patient", patient), ("code", ",".join(reconciled.code(m) for m in (*reconciled.MOMENTS, reconciled.PREPARED))), ("status", "current"), ("_sort", "-date")], count=200),
    )  # fmt: skip
    by = {str(i.get("value", "")): r for r in reversed(found.resources) for i in r.get("identifier", ()) if i.get("system") == reconciled.IDENTIFIER}
    known = await entering.looked_up(access, [str((r.get("source") or {}).get("reference", "")) for r in by.values()])
    rows = [(stay, [_moment(stay, m, title, by, known) for m, title in reconciled.MOMENTS.items()]) for stay in stays if stay.status in ("active", "onhold", "planned")]
    return PAGES.render(request, "lists/reconciliations.html", banner=about, parts=allowed(access), here="reconcile", rows=rows, may=access.may("List", "create"), documents=[d for d in documents if d.done is None and not d.over] if all(access.may(t, a) for t, a in charting.WRITES) else [])


def _moment(stay: levels.Stay, moment: str, title: str, by: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    done, begun = by.get(reconciled.value(moment, stay.id)), by.get(reconciled.value(f"{reconciled.PREPARED}.{moment}", stay.id))
    said = done or begun or {}
    who = ", ".join(filter(None, (entering.teller(str((said.get("source") or {}).get("reference", "")), known), day_and_time(said.get("date")))))
    return {"path": f"reconcile/{moment}/{stay.id}", "title": title, "state": "done" if done else "prepared" if begun else "open", "who": who}


async def show(request: Request) -> Answer:
    """The act, as it was left."""
    access, patient, moment, episode = _where(request)
    about, seen, draft, working = await asyncio.gather(banner.fetch(access, patient), _seen(request), drafts.kept(access, _key(patient, moment, episode)), deciding.prepared(access, patient, moment, episode))
    said = {str(k): str(v) for k, v in codec.loads(draft.body).items()} if draft else reconciling.fields(reconciling.kept(working, seen.case.rows, moment)) if working else {}
    return await _page(request, seen, said={**said, "stamp": draft.stamp if draft else ""}, about=about)


async def act(request: Request) -> Answer:
    """Keep, save for whoever signs, look at what will be signed, sign."""
    access, patient, moment, episode = _where(request)
    said = await sent(request)
    do = said.get("do", "")
    if do == "keep":
        return await _keep(access, patient, moment, episode, said)
    seen = await _seen(request)
    decided = reconciling.read(said, moment, seen.case.rows)
    here = f"/patients/{patient}/reconcile"
    try:
        if seen.case.program is None:
            raise Conflict(ELSEWHERE)
        if said.get("seen") != seen.seen:
            raise VersionConflict
        if do == "save":
            await deciding.prepare(access, seen.case, decided)
            await drafts.drop(access, _key(patient, moment, episode))
            return redirect(request, here, "reconcile-kept")
        if not writing.prescribes(access, seen.rules, seen.mine):
            raise Malformed("Only who prescribes signs. Save it for them.")
        missing = reconciling.unresolved(seen.case.rows, decided, seen.case.standing)
        if missing:
            return await _page(request, seen, f"{len(missing)} {'thing is' if len(missing) == 1 else 'things are'} not decided. Look at what is marked.", 422, said=said, missing=missing)
        texts = deciding.texts(seen.case, decided, await deciding.zone_of(access))
        if do == "sign" and said.get("digest") == _digest(texts):
            await deciding.sign(access, seen.case, decided, texts, entering.kept_key(said))
            await drafts.drop(access, _key(patient, moment, episode))
            return redirect(request, f"/patients/{patient}/medications", "reconciled")
        return await _sign_page(request, seen, decided, texts, said)
    except VersionConflict:
        return await _page(request, await _seen(request), "The list changed since you opened it. It is shown as it is now, with what you decided of what is the same; look again.", 412, said=said)
    except (Malformed, Conflict) as error:
        return await _page(request, seen, error.message, 409 if isinstance(error, Conflict) else 422, said=said)


def _where(request: Request) -> tuple[Access, str, str, str]:
    access, path = request.state.access, request.path_params
    if path["moment"] not in reconciled.MOMENTS:
        raise NotFound
    return access, path["id"], path["moment"], path["episode"]


def _key(patient: str, moment: str, episode: str) -> str:
    return f"reconcile/{patient}/{moment}/{episode}"


def _digest(texts: Mapping[Of, str]) -> str:
    return hashlib.sha256("\0".join(f"{of}\0{t}" for of, t in sorted(texts.items(), key=lambda x: str(x[0]))).encode()).hexdigest()


async def _keep(access: Access, patient: str, moment: str, episode: str, said: Mapping[str, str]) -> Answer:
    """What is typed, for this person alone. Another window's newer one stays; nothing of it is lost."""
    body = codec.dumps({k: v for k, v in said.items() if k not in ("csrf", "do", "tab", "stamp")})
    try:
        await drafts.keep(access, _key(patient, moment, episode), body, patient=patient, seen=said.get("stamp", ""), tab=said.get("tab", ""))
    except VersionConflict:
        return Response(status_code=409)
    return Response(status_code=204)


async def _seen(request: Request) -> Seen:
    access, patient, _, episode = _where(request)
    listed, standing, found, (table, rules, mine), stay = await asyncio.gather(
        lines.of(access, patient), allergies.of(access, patient), _problems(access, patient), _rules(access), _stay(access, patient, episode),
    )  # fmt: skip
    refs = [line.ref for line in listed.current]
    made = await origin.makers(access, [*refs, f"EpisodeOfCare/{episode}"])
    rows = reconciling.rows(listed, made, table)
    return Seen(Case(patient, stay, made[f"EpisodeOfCare/{episode}"], rows, made, standing, table), listed, found, rules, mine, reconciling.seen(rows, standing))


async def _rules(access: Access) -> tuple[Any, policies.Policies, set[str]]:
    return await asyncio.gather(inforce.of(access), policies.of(access), writing.own_titles(access))


async def _problems(access: Access, patient: str) -> list[problems.Problem]:
    return [p for p in await problems.of(access, patient) if p.current] if access.may("Condition", "search") else []


async def _stay(access: Access, patient: str, episode: str) -> levels.Stay:
    stay = levels.stay((await access.read("EpisodeOfCare", episode)).resource)
    if stay.patient != patient:
        raise NotFound
    return stay


async def _page(request: Request, seen: Seen, problem: str = "", status: int = 200, *, said: Mapping[str, str], missing: Mapping[str, str] | None = None, about: Any = None) -> Answer:
    access, patient, moment, episode = _where(request)
    about = about or await banner.fetch(access, patient)
    known = entering.names(seen.listed.beside)
    checked = warned.compare(seen.case.table, seen.listed, seen.case.standing)
    columns = [s for s in listing.SOURCES if s != listing.HERE and any(r.of(s) for r in seen.case.rows)]
    if seen.case.program is None:
        problem = problem or ELSEWHERE
    return PAGES.render(
        request, "lists/reconcile.html", status=status, banner=about, parts=allowed(access), here="reconcile", moment=moment, title=reconciled.MOMENTS[moment], stay=seen.case.stay, rows=[r for r in seen.case.rows if r.own], foreign=seen.foreign,
        columns=columns, sources=listing.SOURCES, decisions=DECISIONS, said=said, stamp=said.get("stamp", ""), tab=said.get("tab") or entering.key()[:12], seen=seen.seen, problem=problem, missing=missing or {},
        answer=seen.case.standing, problem_list=seen.problems, open_warnings=len(checked.findings), compared=checked.said(), teller=lambda by: entering.teller(by, known), day=day_text,
        signs=writing.prescribes(access, seen.rules, seen.mine) and seen.case.program is not None, may=seen.case.program is not None, path=f"reconcile/{moment}/{episode}",
    )  # fmt: skip


async def _sign_page(request: Request, seen: Seen, decided: Act, texts: Mapping[Of, str], said: Mapping[str, str]) -> Answer:
    access, patient, moment, episode = _where(request)
    about = await banner.fetch(access, patient)
    programs = access.rules.programs
    shown = [(programs[p].name if p is not None and p in programs else "", t) for (p, _), t in texts.items()]
    return PAGES.render(
        request, "lists/reconcile_sign.html", banner=about, parts=allowed(access), here="reconcile", title=reconciled.MOMENTS[moment], shown=shown, fields=reconciling.fields(decided), digest=_digest(texts), seen=seen.seen, changed=said.get("do") == "sign",
        key=entering.kept_key(said) or entering.key(), path=f"reconcile/{moment}/{episode}",
    )  # fmt: skip
