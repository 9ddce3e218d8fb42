"""GET /desk/labels: questions that wait, decisions, the rules with their dates, what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sojourn.base.digits import digits
from sojourn.base.errors import Invalid, NotFound
from sojourn.doors.staff.desk.frame import DeskPage, Waiting, render
from sojourn.doors.staff.desk.labels.words import LABELS, LAWS, labels
from sojourn.doors.staff.desk.names import moment, patient_names
from sojourn.gate import bases, labelsettings, overriding, puttingapart
from sojourn.gate.labelling import bits_of
from sojourn.gate.labelrules import tag_codes, value_sets
from sojourn.gate.screening import asking
from sojourn.gate.screening.text import words
from sojourn.web.forms import Field, Form, sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access


async def waiting(access: Access) -> Waiting:
    """How many questions nobody answered."""
    number = len(await asking.waiting(access))
    return Waiting(number, "questions about what may be sensitive", number > 0)


PAGE = DeskPage("/desk/labels", "Labels", "What is marked as sensitive and why: questions, decisions, lists of codes and laws.", waiting)

_SUBJECTS = tuple((code, LABELS.get(code, code)) for code in sorted(tag_codes(), key=lambda c: LABELS.get(c, c)))
CODE = (
    Field("system", "Code system", "Enter the address of the code system.", hint="Such as http://loinc.org, or your own."),
    Field("code", "Code", "Enter the code."),
    Field("prefix", "All codes that begin like it", type="checkbox"),
    Field("tag", "It is about", "Choose what it is about.", options=(("", "Choose"), *_SUBJECTS)),
    Field("source", "Where it comes from", "Say where the code comes from.", hint="Such as a decision of your privacy committee, with its date."),
)
LAW = (
    Field("subject", "Subject", "Choose a subject.", options=(("", "Choose"), *_SUBJECTS)),
    Field("law", "Law", "Choose the kind of law.", options=(("", "Choose"), *((name, LAWS[name]) for name in labelsettings.LAWS))),
    Field("section", "Section and state", "Name the law: its section, and its state."),
)


class Question(NamedTuple):
    """A question as the list shows it. n: its name (asking.name)."""

    n: str
    who: str
    patient: str
    what: str
    why: str
    labels: str
    asked: str
    author: str


async def show(request: Request) -> Response:
    """The page."""
    return await _page(request, Form(CODE), Form(LAW))


async def answer(request: Request) -> Response:
    """POST /desk/labels/questions/{n}."""
    said = await sent(request)
    try:
        await asking.answer(request.state.access, request.path_params["n"], said.get("answer", ""), [], said.get("note", ""))
    except Invalid as error:
        return await _page(request, Form(CODE), Form(LAW), problem=error.message, status=422)
    return redirect(request, PAGE.path, "saved")


async def add_code(request: Request) -> Response:
    """POST /desk/labels/codes."""
    form = Form(CODE)
    if form.fill(await sent(request)):
        value = form.values
        await labelsettings.add_code(request.state.access, value["system"], value["code"], prefix=value["prefix"] == "yes", tags=[value["tag"]], source=value["source"])
        return redirect(request, PAGE.path, "saved")
    return await _page(request, form, Form(LAW), status=422)


async def add_law(request: Request) -> Response:
    """POST /desk/labels/laws."""
    form = Form(LAW)
    if form.fill(await sent(request)):
        await labelsettings.add_law(request.state.access, form.values["subject"], form.values["law"], source=form.values["section"])
        return redirect(request, PAGE.path, "saved")
    return await _page(request, Form(CODE), form, status=422)


async def end(request: Request) -> Response:
    """POST /desk/labels/rules/{n}/end."""
    await labelsettings.end(request.state.access, number(request))
    return redirect(request, PAGE.path, "saved")


async def _page(request: Request, code: Form, law: Form, *, problem: str = "", status: int = 200) -> Response:
    access = request.state.access
    standing = await labelsettings.standing(access)
    asked = await asking.waiting(access)
    decided = await overriding.overrides(access)
    names = await patient_names(access, [r["patient"] for r in (*asked, *decided) if r["patient"]])
    changed = await labelsettings.changes(access)
    apart = await puttingapart.decisions(access)
    return render(
        request, PAGE, "desk/labels/list.html", status=status, problem=problem, code=code, law=law, questions=[question(access, row, names) for row in asked],
        decisions=[decision(row, names) for row in decided], state=state(standing), lists=_lists(), codes=standing.codes, laws=standing.laws, labels=labels, law_names=LAWS,
        subjects=LABELS, moment=moment, changed=[change(row) for row in changed], apart=[put_apart(row) for row in apart], screened=words(),
    )  # fmt: skip


def number(request: Request) -> int:
    """The number in the address."""
    text = request.path_params["n"]
    if not digits(text) or len(text) > 18:
        raise NotFound("There is no such entry of the list.")
    return int(text)


def question(access: Access, row: Any, names: dict[str, str]) -> Question:
    """One question."""
    who = names.get(row["patient"] or "", "")
    return Question(asking.name(access, row), who or "Somebody whom you may not see", row["patient"] if who else "", row["type"], row["why"], labels(row["codes"]), moment(row["asked"]), row["author"])


def decision(row: Any, names: dict[str, str]) -> dict[str, Any]:
    """One decision as a row of the table."""
    over = row["ended_by"] is not None
    return {
        "when": moment(row["valid_from"]), "about": f"{names.get(row['patient'] or '', '') or 'no patient'}, {row['type']}", "path": f"/desk/labels/{row['type']}/{row['id']}",
        "effect": "Put on" if row["effect"] == "raise" else "Taken off", "labels": labels(row["codes"]), "reason": row["reason"], "by": row["account"],
        "until": f"until {moment(row['valid_to'])}" if over else "",
    }  # fmt: skip


def put_apart(row: Any) -> dict[str, str]:
    """One decision that put something apart: nothing of what it is about."""
    return {"entry": f"{row['type']}/{row['id']}", "codes": " ".join(row["codes"]), "path": f"/desk/labels/apart/{row['type']}/{row['id']}", "labels": labels(row["codes"]), "when": moment(row["valid_from"]), "by": row["account"]}


async def undo(request: Request) -> Response:
    """POST /desk/labels/apart/{type}/{id}: what was put apart by mistake comes back."""
    access, sent_ = request.state.access, await sent(request)
    type_, id_ = request.path_params["type"], request.path_params["id"]
    codes = [code for row in await puttingapart.decisions(access, (type_, id_)) for code in row["codes"] if bits_of([code]) & bases.APART]
    if not codes:
        raise NotFound("There is no such entry.")
    reason = sent_.get("reason", "").strip()
    if not reason:
        raise Invalid("Write why; it stays with the record.")
    await access.relabel(type_, id_, "lower", codes, reason)
    return redirect(request, PAGE.path, "saved")


def change(row: Any) -> dict[str, str]:
    """Labels that changed together."""
    said = [f"{LAWS[b.name]} {verb}" for verb, mask in (("put on", row["raised"]), ("taken off", row["lowered"])) for b in bases.BASES if b.bit & mask]
    why = {"inherited": "It hangs on something with this label", "admitted": "Another program admitted the patient"}.get(row["reason"], row["reason"])
    return {"when": moment(row["known"]), "what": f"{row['n']:,} × {row['type']}", "said": ", ".join(said) or "Only what it is about", "why": why.partition(":")[0] if ":" in why else why}


def state(standing: labelsettings.Standing) -> tuple[str, str]:
    """Whether everything has its labels by the rules in force; as a sentence with its tone."""
    job = standing.job
    if standing.current:
        since = f" since {moment(job['finished'])}" if job is not None else ""
        return f"Everything has its labels by the rules in force{since}.", "good"
    if job is None or job["finished"] is not None:
        return "The rules changed. Labels are given again in the background; this begins within a minute.", "amber"
    step = "Labels are put on" if job["phase"] == "raise" else "Labels are taken off where no rule asks for them any more"
    return f"{step}: {job['looked']:,} versions looked at, {job['changed']:,} changed.", "info"


_GROUPS = {"sud.toml": "SUD", "mh.toml": "MH", "hiv.toml": "HIV", "sex.toml": "SEX", "sdv.toml": "SDV", "gdis.toml": "GDIS"}


def _lists() -> list[dict[str, Any]]:
    """The lists of codes that are shipped, by subject."""
    found = []
    for file, code in _GROUPS.items():
        sets = [v for v in value_sets() if v.file == file]
        rows = [
            {
                "title": v.title, "number": f"{len(v.codes) + len(v.prefixes)}", "since": f"{v.since.day} {v.since:%b %Y}", "source": v.source,
                "sure": "asks only" if v.question else f"checked: {v.checked}" if v.checked else "compared by hand" if v.sure else ("not checked yet", "amber"),
            }
            for v in sets
        ]  # fmt: skip
        number = sum(len(v.codes) + len(v.prefixes) for v in sets)
        found.append({"about": LABELS[code], "rows": rows, "number": number, "unsure": sum(not v.sure and not v.question for v in sets)})
    return found
