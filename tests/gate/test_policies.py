"""The organization's own values of rules, and its rules of labels: who changes them, what is refused, what was in force."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import bases, labelsettings, policies
from tests.gate.test_seeing import access
from tests.people import Clinic

KEY = "visit.days"


async def test_whose_role_administers_rules_changes_them_with_a_reason(clinic: Clinic) -> None:
    officer = await access(clinic, "officer")
    for who in ("both-clinician", "sys-mh", "biller", "ana"):
        one = await access(clinic, who)
        with pytest.raises(errors.Forbidden):
            await policies.change(one, KEY, "3.5", 3, "We are quicker.")
        assert [(r["action"], r["outcome"], r["type"], r["query"]) for r in await clinic.trail(one.request)] == [("administer", "denied", "Policy", f"{KEY} 3.5")]
    for reason in ("", " \n"):
        with pytest.raises(errors.Malformed):
            await policies.change(officer, KEY, "", 3, reason)
    assert await policies.history(officer) == []
    await policies.change(officer, KEY, "", [3, "a"], " We are quicker. ")
    await policies.change(await access(clinic, "biller", role="administrator"), KEY, "3.5", False, "At night.")
    one = await access(clinic, "technician")
    assert [(o.key, o.level, o.value, o.account, o.reason, o.until) for o in await policies.in_force(one)] == [(KEY, "", [3, "a"], "officer", "We are quicker.", None), (KEY, "3.5", False, "biller", "At night.", None)]
    assert await policies.in_force(await access(clinic, "other-clinician")) == [], "another organization's"
    assert [(r["action"], r["outcome"], r["query"]) for r in await clinic.trail(officer.request)] == [("policy", "done", KEY)]


async def test_what_was_in_force_is_what_it_was_then(clinic: Clinic) -> None:
    first = await access(clinic, "officer")
    await policies.change(first, KEY, "", 3, "Quick.")
    then = first.now
    for n, value in enumerate((5, None), 1):
        one = await access(clinic, "officer")
        one.now = then + timedelta(days=n)
        await policies.change(one, KEY, "", value, f"Reason {n}.")

    async def values(days: float) -> list[Any]:
        return [o.value for o in await policies.in_force(first, then + timedelta(days=days))]

    one = await access(clinic, "officer")
    one.now = then + timedelta(days=3)
    assert [await values(days) for days in (-1, 0.5, 1.5, 2.5)] == [[], [3], [5], []]
    assert [(o.value, o.since - then, o.until and o.until - then) for o in await policies.history(one)] == [(5, timedelta(days=1), timedelta(days=2)), (3, timedelta(0), timedelta(days=1))]


LAW = ("HIV", "hiv")
CODE: dict[str, Any] = {"prefix": False, "tags": ["HIV"], "source": "Our committee."}


async def test_the_rules_of_labels_are_seen_and_changed_by_who_oversees(clinic: Clinic) -> None:
    officer = await access(clinic, "officer")
    named = {b.name: b.bit for b in bases.BASES}
    assert set(named) - set(labelsettings.LAWS) == {name for name, bit in named.items() if bit in (bases.UNLABELLED, bases.PART2, bases.SUD_COUNSELING, bases.PSYCHOTHERAPY)}, "these follow from program and author"
    await labelsettings.add_law(officer, *LAW, source=" N.Y. Pub. Health Law 2782 ")
    await labelsettings.add_code(officer, " urn:own ", " HARM ", **CODE)
    (law,), (code,) = (await labelsettings.standing(officer)).laws, (await labelsettings.standing(officer)).codes
    for who in ("both-clinician", "sys-mh", "biller"):
        one = await access(clinic, who)
        for act in (labelsettings.standing(one), labelsettings.changes(one), labelsettings.add_code(one, "urn:own", "X", **CODE), labelsettings.add_law(one, *LAW, source="x"), labelsettings.end(one, law["n"])):
            with pytest.raises(errors.Forbidden):
                await act
        assert {(r["action"], r["outcome"]) for r in await clinic.trail(one.request)} == {("oversee", "denied")}
    standing = await labelsettings.standing(officer)
    assert ([tuple(r) for r in standing.laws], [tuple(r) for r in standing.codes]) == ([tuple(law)], [tuple(code)])
    assert (law["source"], code["system"], code["code"], code["source"]) == ("N.Y. Pub. Health Law 2782", "urn:own", "HARM", "Our committee.")
    for n in (law["n"], code["n"]):
        await labelsettings.end(officer, n)
        with pytest.raises(errors.NotFound):
            await labelsettings.end(officer, n)
    with pytest.raises(errors.NotFound):
        await labelsettings.end(officer, 99)
    assert [r["query"] for r in await clinic.trail(officer.request) if r["action"] == "rules"] == [
        "label law added: HIV hiv", "label code added: urn:own|HARM HIV", *(f"label rule ended: {n}" for n in (law["n"], code["n"])),
    ]  # fmt: skip
    after = await access(clinic, "officer")
    after.now += timedelta(seconds=1)
    assert ((await labelsettings.standing(after)).laws, (await labelsettings.standing(after)).codes) == ([], [])


async def test_a_rule_of_labels_says_what_it_is_about_and_where_it_comes_from(clinic: Clinic) -> None:
    officer = await access(clinic, "officer")
    part2 = next(b.name for b in bases.BASES if b.bit == bases.PART2)
    wrong = [("", "X", CODE), ("urn:own", " ", CODE), ("urn:own", "X", {**CODE, "source": " "}), ("u" * 400, "X" * 100, CODE), ("urn:own", "X", {**CODE, "tags": []}), ("urn:own", "X", {**CODE, "tags": ["HIV", "nothing"]})]
    for system, code, more in wrong:
        with pytest.raises(errors.Invalid):
            await labelsettings.add_code(officer, system, code, **more)
    for tag, basis, source in (("nothing", "hiv", "x"), ("HIV", part2, "x"), ("HIV", "nothing", "x"), (*LAW, " "), (*LAW, "x" * 501)):
        with pytest.raises(errors.Invalid):
            await labelsettings.add_law(officer, tag, basis, source=source)
    standing = await labelsettings.standing(officer)
    assert (standing.laws, standing.codes) == ([], [])
    await labelsettings.add_law(officer, *LAW, source="x" * 500)
    await labelsettings.add_code(officer, "u" * 480, "X" * 6, **CODE)
