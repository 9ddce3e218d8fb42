"""What may be put in force about supervision, units, sites, days and limits of signing in: one rule at a time. No database."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import placing
from sojourn.gate.reach import starting_days

KIND = next(iter(starting_days()))


class Editor:
    """Somebody who edits roles, with the account `ana`; what was put in force lies in `done`."""

    def __init__(self, *, changes: bool = True) -> None:
        self.rules, self.caller, self.head, self.house, self.tenant = SimpleNamespace(programs={1: None}), SimpleNamespace(account="ana"), (1, 2, 3, 4), None, None
        self.changes, self.asked, self.done = changes, [], []  # type: ignore[var-annotated]

    async def check(self, action: str, type_: str, _query: str) -> None:
        self.asked.append((action, type_))

    async def require_fresh(self) -> None:
        self.asked.append("fresh")

    def entry(self, *_: str) -> None:
        return None


@pytest.fixture(autouse=True)
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    async def write(_house: Any, _tenant: Any, _line: Any, _call: str, *args: Any) -> bool:
        EDITOR[0].done.append(args[4:8])
        return EDITOR[0].changes

    monkeypatch.setattr(placing, "written", write)


EDITOR: list[Any] = [None]


async def change(what: str, subject: str, value: str, *, add: bool = True, reason: str = "agreed", changes: bool = True) -> Any:
    EDITOR[0] = Editor(changes=changes)
    await placing.change(EDITOR[0], what, subject, value, reason, add=add)
    return EDITOR[0]


SOUND = [
    ("supervises", "bo", "Practitioner/x"), ("unit", "bo", "Location/x"), ("site", "1", "North"), ("days", KIND, "3650"), ("days", KIND, "0"), ("sign-in", "*", "15,60,12,5,true"), ("sign-in", "biller", "60,300,24,60,false"),
    ("sign-in", "*", "1,15,1,1,true"), ("site", "1", "ana"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "subject", "value"), SOUND)
async def test_what_is_sound_is_put_in_force_by_who_edits_roles_and_proved_who_they_are(what: str, subject: str, value: str) -> None:
    editor = await change(what, subject, value)
    assert (editor.asked, editor.done) == ([("administer", "Role"), "fresh"], [(what, subject, value, True)])


@pytest.mark.parametrize(
    ("what", "subject", "value"),
    [
        ("rank", "bo", "x"), ("supervises", "bo", "Location/x"), ("supervises", "", "Practitioner/x"), ("supervises", "bo", ""), ("unit", "bo", "Practitioner/x"), ("unit", "", "Location/x"), ("site", "2", "North"), ("site", "x", "North"),
        ("site", "\u00b2", "North"), ("site", "1", "  "), ("days", "friendship", "3"), ("days", KIND, "3651"), ("days", KIND, "-1"), ("days", KIND, "\u00b2"), ("days", KIND, ""), ("sign-in", "", "15,60,12,5,true"),
        ("sign-in", "*", "0,60,12,5,true"), ("sign-in", "*", "61,60,12,5,true"), ("sign-in", "*", "15,14,12,5,true"), ("sign-in", "*", "15,301,12,5,true"), ("sign-in", "*", "15,60,0,5,true"), ("sign-in", "*", "15,60,25,5,true"),
        ("sign-in", "*", "15,60,12,0,true"), ("sign-in", "*", "15,60,12,61,true"), ("sign-in", "*", "15,60,12,5,yes"), ("sign-in", "*", "15,60,12,true"), ("sign-in", "*", "15,60,12,5,5,true"), ("sign-in", "*", "15,\u00b2,12,5,true"),
        ("sign-in", "*", "1,60,12,5,true"),
    ],
)  # fmt: skip
async def test_what_is_not_sound_is_refused(what: str, subject: str, value: str) -> None:
    with pytest.raises(errors.Invalid):
        await change(what, subject, value)
    assert EDITOR[0].done == []


@pytest.mark.parametrize("add", [True, False])
async def test_nobody_changes_their_own_reach_or_without_a_reason(add: bool) -> None:
    for what, value in (("supervises", "Practitioner/x"), ("unit", "Location/x")):
        with pytest.raises(errors.Forbidden):
            await change(what, "ana", value, add=add)
    with pytest.raises(errors.Invalid):
        await change("unit", "bo", "Location/x", add=add, reason=" ")


async def test_what_is_ended_need_not_be_sound_but_must_have_been_there() -> None:
    for what, subject, value in (("supervises", "bo", ""), ("site", "2", ""), ("days", KIND, ""), ("sign-in", "*", "")):
        assert (await change(what, subject, value, add=False)).done == [(what, subject, value, False)]
    for what, subject in (("days", "friendship"), ("sign-in", "")):
        with pytest.raises(errors.Invalid):
            await change(what, subject, "", add=False)
    with pytest.raises(errors.Conflict):
        await change("supervises", "bo", "Practitioner/x", changes=False)
