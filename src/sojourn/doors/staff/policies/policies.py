"""GET and POST /policies: every dated rule of care with its source, and changing one with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from sojourn.base.errors import Malformed
from sojourn.care import policies
from sojourn.doors.staff.pages import PAGES
from sojourn.doors.staff.policies import speaking
from sojourn.gate import policies as own
from sojourn.web.forms import sent
from sojourn.web.page import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

NEEDS = (("Policy", "administer"),)
PATH = "/policies"


class Value(NamedTuple):
    """What is in force for one level of care. raw: as it is typed; here: whether the organization set it."""

    level: str
    value: str
    raw: str
    here: bool
    source: str


class Rule(NamedTuple):
    """One rule as it stands on the page, with what was changed before."""

    key: str
    title: str
    unit: str
    values: list[Value]
    past: list[str]
    choices: Mapping[str, str]
    steps: Mapping[str, str]

    @property
    def chosen(self) -> list[str]:
        """The codes that hold where no level has a list of its own."""
        return next((v.raw.split(", ") for v in self.values if not v.level), [])


async def show(request: Request) -> Response:
    """Every rule, by room."""
    return await _page(request)


async def change(request: Request) -> Response:
    """Set one rule for one level of care, or go back to what is shipped."""
    said = await sent(request)
    ticked = [v for k, v in (await request.form()).multi_items() if k == "item" and isinstance(v, str)]
    try:
        await policies.change(request.state.access, said.get("key", ""), said.get("level", ""), ", ".join(ticked) or said.get("value", ""), said.get("reason", ""))
    except Malformed as error:
        return await _page(request, error.message, said.get("key", ""), 422)
    return redirect(request, f"{PATH}#{said.get('key', '')}", "saved")


async def _page(request: Request, problem: str = "", about: str = "", status: int = 200) -> Response:
    access = request.state.access
    before = await own.history(access)
    in_force = policies.Policies(access.today, {(o.key, o.level): o.value for o in before if o.until is None})
    rooms: dict[str, list[Rule]] = {}
    for policy in policies.shipped().values():
        rooms.setdefault(speaking.room(policy.key.partition(".")[0]), []).append(_rule(policy, in_force, before))
    return PAGES.render(request, "policies/policies.html", status=status, rooms=rooms, problem=problem, about=about)


def _rule(policy: policies.Policy, in_force: policies.Policies, before: list[own.Own]) -> Rule:
    here = {level for key, level in in_force.set_here if key == policy.key}
    values = []
    for level in sorted({*policies.levels(policy), *here}):
        reason = next((o.reason for o in before if o.key == policy.key and o.level == level and o.until is None), "")
        source = max((row for row in policy.rows if row.level == level), key=lambda row: row.effective, default=None)
        now = in_force.value(policy.key, level)
        values.append(Value(speaking.level(policy.key, level), speaking.value(policy, now), policies.shown(now), level in here, reason if level in here else source.source if source else ""))
    past = [f"{o.since:%-d %b %Y} to {o.until:%-d %b %Y}: {speaking.value(policy, o.value)}. {o.reason}" for o in before if o.key == policy.key and o.until is not None]
    return Rule(policy.key, policy.title, policy.unit, values, past, speaking.choices(policy.key), speaking.steps(policy.key))
