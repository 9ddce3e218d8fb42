"""Roles in plain words: whose charts each opens, what it may do, how it came to be so; changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sojourn.base.errors import Conflict, Invalid
from sojourn.doors.staff.kinds import TITLES
from sojourn.doors.staff.pages import PAGES
from sojourn.gate import reach, roleediting, rolepurposes
from sojourn.gate.roleediting import FIXED, Change, Rule
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from sojourn.gate.access import Access

VERBS = {"read": "read", "search": "search for", "history": "read past versions of", "create": "make", "update": "change", "delete": "delete"}
DUTIES = {
    "emergency": "declare an emergency", "release": "release records to somebody outside", "oversee": "sit at the privacy desk", "administer Login": "manage accounts",
    "administer Role": "edit roles", "trail": "read the trail of all", "explain": "see why something is shown or withheld", "report": "read who looked", "sign Consent": "sign consents",
    "report Incident": "report incidents", "open Incident": "read incident reports", "review Incident": "look into incidents", "review-privacy Incident": "look into incidents about privacy",
    "committee Incident": "sign for the committee", "send Message": "write to colleagues", "lead GroupSession": "lead group sessions", "oversee GroupSession": "oversee group sessions",
    "order LabOrder": "order from the laboratory", "collect LabOrder": "collect specimens", "result LabOrder": "enter results of tests done here", "resolve Collision": "put double bookings right", "index Paper": "put scans and faxes into charts",
    "co-sign DocumentReference": "co-sign notes", "unlock DocumentReference": "unlock signed notes", "co-sign CarePlan": "co-sign treatment plans", "administer Credential": "keep credentials",
    "administer MedicationTable": "load medication tables", "administer App": "manage apps", "administer Policy": "change the rules of care",
    "keep Availability": "keep their own working hours and absences", "export Bulk": "take out in bulk all that it may see", "import Bulk": "bring records in in bulk",
}  # fmt: skip
_MANY = 8


def kind_words(type_: str) -> str:
    """A resource type in words."""
    return TITLES.get(type_, "".join(f" {c.lower()}" if c.isupper() and n else c for n, c in enumerate(type_)))


def words(role: str) -> str:
    """The name of a role as people say it."""
    return role.replace("-", " ").capitalize()


def reaches(found: frozenset[str]) -> list[str]:
    """Whose charts, in words, the farthest first."""
    return [text for name, text in reach.REACHES.items() if name in found]


def rule_words(rule: Rule) -> str:
    """One rule as a sentence: what may be done with what."""
    types, actions = rule
    verbs = [VERBS[a] for a in roleediting.ACTIONS if a in actions]
    said = verbs[0] if len(verbs) == 1 else ", ".join(verbs[:-1]) + " and " + verbs[-1] if verbs else "nothing with"
    return f"{said[:1].upper()}{said[1:]}: {types_words(types)}"


def types_words(types: tuple[str, ...]) -> str:
    """Resource types in words; a few by name, many by their number."""
    if "*" in types:
        return "everything in the record"
    named = [kind_words(t) for t in types]
    return ", ".join(named) if len(named) <= 30 else f"{', '.join(named[:_MANY])} and {len(named) - _MANY} more kinds"


def duty_words(rules: tuple[Rule, ...]) -> list[str]:
    """What else a role does, in words."""
    out = [DUTIES.get(f"{a} {t}", DUTIES.get(a, a)) for types, actions in rules for a in actions for t in types]
    return list(dict.fromkeys(out))


def change_words(change: Change) -> list[str]:
    """What a change brought and took away."""
    return [_said("Now", r) for r in change.added] + [_said("No longer", r) for r in change.removed]


def _said(begin: str, rule: Rule) -> str:
    known = reach.of_actions(rule[1])
    if known:
        return f"{begin}: reaches " + "; ".join(reaches(known))
    if purpose := rolepurposes.of_actions(rule[1]):
        return f"{begin}: works for {rolepurposes.PURPOSES[purpose]}"
    if set(rule[1]) & set(roleediting.ACTIONS):
        text = rule_words(rule)
        return f"{begin}: {text[:1].lower()}{text[1:]}"
    return f"{begin}: " + ", ".join(duty_words((rule,)))


async def show(request: Request) -> Response:
    """GET /roles."""
    found = await roleediting.every(request.state.access)
    rows = [{"role": r.name, "name": words(r.name), "reach": reaches(r.reach) or [_without(r.name)], "duties": duty_words(r.duties)} for r in found]
    return PAGES.render(request, "roles/roles.html", rows=rows)


def _without(role: str) -> str:
    return {"outside": "patients who consented, or whose care they share", "patient": "themselves", "proxy": "whom they act for"}.get(role, "no patient")


async def show_one(request: Request) -> Response:
    """GET /roles/{role}."""
    return await _one(request)


async def change_reach(request: Request) -> Response:
    """POST /roles/{role}/reach."""
    fields = await sent(request)
    role = request.path_params["role"]
    try:
        await roleediting.set_reach(request.state.access, role, [name for name in reach.REACHES if fields.get(f"reach-{name}") == "yes"], fields.get("reason", ""))
    except (Invalid, Conflict) as error:
        return await _one(request, error.message)
    return redirect(request, f"/roles/{role}", "saved")


async def change_purpose(request: Request) -> Response:
    """POST /roles/{role}/purpose: for what its people work."""
    fields = await sent(request)
    role = request.path_params["role"]
    try:
        await roleediting.set_purpose(request.state.access, role, fields.get("purpose", ""), fields.get("reason", ""))
    except (Invalid, Conflict) as error:
        return await _one(request, error.message)
    return redirect(request, f"/roles/{role}", "saved")


async def change_rule(request: Request) -> Response:
    """POST /roles/{role}/rule: what it may do with one kind of resource."""
    fields = await sent(request)
    role = request.path_params["role"]
    actions = [a for a in roleediting.ACTIONS if fields.get(f"may-{a}") == "yes"]
    try:
        await roleediting.set_rule(request.state.access, role, [t for t in [fields.get("type", "")] if t], actions, fields.get("reason", ""))
    except (Invalid, Conflict) as error:
        return await _one(request, error.message)
    return redirect(request, f"/roles/{role}", "saved")


async def _one(request: Request, problem: str = "") -> Response:
    access: Access = request.state.access
    role, changes = await roleediting.one(access, request.path_params["role"])
    own, fixed = role.name == access.caller.role, role.name in FIXED
    return PAGES.render(
        request, "roles/role.html", status=422 if problem else 200, role=role, name=words(role.name), reach=reaches(role.reach) or [_without(role.name)], rules=[rule_words(r) for r in role.rules],
        duties=duty_words(role.duties), choices=[(n, text, n in role.reach) for n, text in reach.REACHES.items()], types=_types(access), actions=list(VERBS.items()),
        purpose=rolepurposes.PURPOSES[role.purpose], works=role.name not in FIXED, purposes=[(code, text, code == role.purpose) for code, text in rolepurposes.PURPOSES.items()],
        changes=[(c.when.strftime("%-d %b %Y, %H:%M UTC"), c.author or "the starting rules", c.reason, change_words(c)) for c in changes], own=own, fixed=fixed, problem=problem,
    )  # fmt: skip


def _types(access: Access) -> list[tuple[str, str]]:
    return sorted(((t, kind_words(t)) for t in access.house.types), key=lambda pair: pair[1].lower())


