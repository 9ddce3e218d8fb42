"""What a change of a role makes of its rules, and whose role nobody changes: one condition at a time. No database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import reach, roleediting, rolepurposes
from sojourn.gate.reach import prefixed

NOW, NEVER = datetime(2026, 3, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
TYPES = ("Condition", "Consent", "Observation", "Patient")
FAR, NEAR = sorted(reach.REACHES)[:2]
WORK = next(p for p in rolepurposes.PURPOSES if p != rolepurposes.USUAL)
Rules = list[tuple[list[str], list[str]]]


def row(types: list[str], actions: list[str], since: datetime = NOW, until: datetime = NEVER, **more: str) -> dict[str, Any]:
    return {"role": "nurse", "types": types, "actions": actions, "known_from": since, "known_to": until, "name": "", "author": "ana", "reason": "r", **more}


class Editor:
    """Somebody of another role who edits the role `nurse`, which has these rows."""

    def __init__(self, *rows: dict[str, Any], role: str = "director") -> None:
        self.rows, self.caller, self.head, self.tenant = list(rows), SimpleNamespace(role=role, account="ana"), (1, 2, 3, 4), None
        self.house = SimpleNamespace(db=self, types=TYPES)
        self.asked: list[Any] = []
        self.put: Any = None

    async def call(self, _sql: str, *args: Any) -> list[Any]:
        return [r for r in self.rows if args[4] in (None, r["role"])]

    async def check(self, action: str, type_: str, _query: str) -> None:
        self.asked.append((action, type_))

    async def require_fresh(self) -> None:
        self.asked.append("fresh")

    async def note(self, _entry: Any) -> None:
        self.asked.append("noted")

    def entry(self, *_: str, **__: str) -> None:
        return None


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    async def write(house: Any, _tenant: Any, _line: Any, _call: str, *args: Any) -> bool:
        editor = house.db
        if json.loads(args[5]) != sorted([list(r["types"]), list(r["actions"])] for r in editor.rows if r["known_to"] == NEVER):
            return False
        editor.put = sorted((tuple(t), tuple(a)) for t, a in json.loads(args[6]))
        return True

    monkeypatch.setattr(roleediting, "written", write)


def rules(*listed: tuple[list[str], list[str]]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return sorted((tuple(t), tuple(a)) for t, a in listed)


@pytest.mark.parametrize(
    ("rows", "types", "actions", "after"),
    [
        ([], ["Condition"], ["read"], [(["Condition"], ["read"])]),
        ([(["Condition", "Patient"], ["read", "search"])], ["Condition"], ["read"], [(["Patient"], ["read", "search"]), (["Condition"], ["read"])]),
        ([(["Condition"], ["read"])], ["Condition"], [], []),
        ([(["Condition"], ["read"])], ["Condition"], ["update", "read"], [(["Condition"], ["read", "update"])]),
        ([(["*"], ["read"])], ["Condition"], [], [(["Consent", "Observation", "Patient"], ["read"])]),
        ([(["*"], ["read", "release"])], ["Condition"], ["read", "create"], [(["*"], ["release"]), (["Consent", "Observation", "Patient"], ["read"]), (["Condition"], ["read", "create"])]),
        ([(["*"], [prefixed(FAR)]), (["Bulk"], ["export"])], ["Condition"], ["read"], [(["*"], [prefixed(FAR)]), (["Bulk"], ["export"]), (["Condition"], ["read"])]),
        ([(["Consent", "Patient"], ["read", "sign"])], ["Consent"], [], [(["Patient"], ["read"]), (["Consent", "Patient"], ["sign"])]),
    ],
)  # fmt: skip
async def test_a_role_does_exactly_this_with_these_types_and_with_others_what_it_did(rows: Rules, types: list[str], actions: list[str], after: Rules) -> None:
    """At first a rule that a duty stood in lost it, with the rights about the type."""
    more = (["Observation"], ["search"])
    editor: Any = Editor(row(["Observation"], ["search"]), *(row(t, a) for t, a in rows))
    await roleediting.set_rule(editor, "nurse", types, actions, "agreed")
    assert editor.put == rules(more, *after)
    assert editor.asked == [("administer", "Role"), "fresh"]


@pytest.mark.parametrize(("types", "actions"), [([], ["read"]), (["Nonsense"], ["read"]), (["*"], ["read"]), (["Condition"], ["release"]), (["Condition"], ["read", prefixed(FAR)])])
async def test_no_rule_gives_out_a_duty_a_reach_or_every_type(types: list[str], actions: list[str]) -> None:
    editor: Any = Editor(row(["Observation"], ["search"]))
    with pytest.raises(errors.Invalid):
        await roleediting.set_rule(editor, "nurse", types, actions, "agreed")
    assert editor.put is None


async def test_a_reach_and_a_purpose_take_the_place_of_the_one_before_and_nothing_else_changes() -> None:
    held = [row(["Observation"], ["search"]), row(["*"], [prefixed(FAR), "release"]), row(["*"], [rolepurposes.prefixed(WORK)])]
    editor: Any = Editor(*held)
    await roleediting.set_reach(editor, "nurse", [NEAR], "agreed")
    assert editor.put == rules((["Observation"], ["search"]), (["*"], ["release"]), (["*"], [rolepurposes.prefixed(WORK)]), (["*"], [prefixed(NEAR)]))
    await roleediting.set_reach(editor, "nurse", [], "agreed")
    assert editor.put == rules((["Observation"], ["search"]), (["*"], ["release"]), (["*"], [rolepurposes.prefixed(WORK)]))
    await roleediting.set_purpose(editor, "nurse", rolepurposes.USUAL, "agreed")
    assert editor.put == rules((["Observation"], ["search"]), (["*"], [prefixed(FAR), "release"]), (["*"], [rolepurposes.prefixed(rolepurposes.USUAL)]))
    for change in (roleediting.set_reach(editor, "nurse", ["everywhere"], "agreed"), roleediting.set_purpose(editor, "nurse", "FUN", "agreed")):
        with pytest.raises(errors.Invalid):
            await change


@pytest.mark.parametrize(
    ("name", "role", "error"),
    [("nurse", "nurse", errors.Forbidden), *((n, "director", errors.Forbidden) for n in sorted(roleediting.FIXED)), ("gardener", "director", errors.NotFound)],
)
async def test_nobody_changes_their_own_role_or_one_of_which_the_law_speaks(name: str, role: str, error: type[Exception]) -> None:
    editor: Any = Editor(row(["Observation"], ["search"]), *(row(["Observation"], ["search"]) | {"role": n} for n in roleediting.FIXED), role=role)
    with pytest.raises(error):
        await roleediting.set_rule(editor, name, ["Condition"], ["read"], "agreed")
    assert editor.put is None
    assert {"system", "interface", "recipient", "outside", "patient", "proxy"} == roleediting.FIXED


async def test_a_role_is_changed_with_a_reason_and_as_it_stands() -> None:
    editor: Any = Editor(row(["Observation"], ["search"]), row(["Patient"], ["read"], NOW - timedelta(days=9), NOW))
    with pytest.raises(errors.Invalid):
        await roleediting.set_rule(editor, "nurse", ["Condition"], ["read"], "  ")
    await roleediting.set_rule(editor, "nurse", ["Condition"], ["read"], "agreed")
    assert editor.put == rules((["Observation"], ["search"]), (["Condition"], ["read"]))


async def test_who_was_second_is_told_and_a_rule_that_stayed_is_no_change() -> None:
    editor: Any = Editor(row(["Observation"], ["search", "history", "delete"], NOW - timedelta(days=9), NOW), row(["Patient"], ["read"], NOW - timedelta(days=9), NOW), row(["Observation"], ["search", "history", "delete"]))
    changes = (await roleediting.one(editor, "nurse"))[1]
    assert [(c.added, c.removed) for c in changes][:1] == [((), ((("Patient",), ("read",)),))]
    await roleediting.set_rule(editor, "nurse", ["Condition"], ["delete", "history"], "agreed")
    assert (("Condition",), ("history", "delete")) in editor.put
    rows = await roleediting._mine(editor, "nurse")
    editor.rows.append(row(["Consent"], ["read"]))
    with pytest.raises(errors.Conflict):
        await roleediting._put(editor, "nurse", rows, [], "agreed")


async def test_a_role_is_shown_as_it_is_with_what_each_change_brought_and_took() -> None:
    before = NOW - timedelta(days=9)
    editor: Any = Editor(
        row(["Observation"], ["search", "sign", prefixed(FAR)], before), row(["Patient"], ["read"], before, NOW), row(["Condition"], ["read"], name="Ana Lee", reason="less"), row(["*"], [rolepurposes.prefixed(WORK)], before),
    )
    role, changes = await roleediting.one(editor, "nurse")
    assert (role.rules, role.duties, role.reach, role.purpose, role.since) == (((("Observation",), ("search",)), (("Condition",), ("read",))), ((("Observation",), ("sign",)),), {FAR}, WORK, NOW)
    assert (changes[0].author, changes[0].reason, changes[0].added, changes[0].removed) == ("Ana Lee", "less", ((("Condition",), ("read",)),), ((("Patient",), ("read",)),))
    assert [c.author for c in changes] == ["Ana Lee", "ana"]
    assert editor.asked == [("administer", "Role"), "noted"]
    assert [r.name for r in await roleediting.every(editor)] == ["nurse"]
    assert editor.asked[2:] == [("administer", "Role"), "noted"]
    with pytest.raises(errors.NotFound):
        await roleediting.one(editor, "gardener")
