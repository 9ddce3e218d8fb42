"""The chain of reasons, one question at a time: what it says for what the predicate said of one row, and on which rows it rests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn.gate import bases
from sojourn.gate.caller import Caller, Program, Tenant
from sojourn.gate.decide import Decision, Rules
from sojourn.gate.explaining import chain
from sojourn.gate.explaining.callers import Met
from sojourn.gate.explaining.steps import DELETED, IN_PART, NO, NOTE, SEEN, WITHHELD, YES, Step
from sojourn.record.explaining import Moment

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
HIV, MH = 1 << 5, 1 << 4
KNOWN: dict[str, Any] = {"known_from": AT - HOUR, "known_to": AT + HOUR}
SPAN: dict[str, Any] = {"valid_from": AT - HOUR, "valid_to": AT + HOUR, **KNOWN}
PROGRAMS = {1: Program(1, "sud", "SUD", None, True), 2: Program(2, "mh", "MH", None, False)}
ROLES = Rules([("case-manager", ["Observation", "Patient"], ["read"])], PROGRAMS, b"")
ASSIGNED = {"account": "ann", "role": "case-manager", "programs": [1], "keys": ["Practitioner/ann"], **SPAN}
MAY = dict.fromkeys(("relation", "bases", "purpose", "deny", "bearing"), True)
ROW: dict[str, Any] = {
    "type": "Observation", "id": "o", "kind": "update", "patient": "p", "origin": [1], "tokens": [7], "at": AT - 5 * HOUR, "own": 0, "parts": 0, "permitted": 0, "clean": True, "body": b"", "may": MAY,
}  # fmt: skip
GRANT: dict[str, Any] = {
    "consent": "c", "version": 1, "effect": "permit", "recipient": "Organization/x", "purpose": "TREAT", "action": "use", "programs": None, "types": None, "codes": None, "data_from": None,
    "data_to": None, "resources": None, "basis": bases.PART2, **SPAN,
}  # fmt: skip
RELATION: dict[str, Any] = {"actor": "Practitioner/ann", "kind": "careteam", "source": "CareTeam/t", **SPAN}
RULES: list[dict[str, Any]] = [
    {"role": "case-manager", "types": ["Observation"], "actions": ["read", "search"], **SPAN}, {"role": "case-manager", "types": ["Observation"], "actions": ["create"], **SPAN},
    {"role": "case-manager", "types": ["*"], "actions": ["read"], **SPAN}, {"role": "case-manager", "types": ["Task"], "actions": ["read"], **SPAN},
]  # fmt: skip
STEPS = ["who", "why", "role", "relation", "labels", "deny", "decision"]


def met(*, kind: str = "staff", role: str = "case-manager", row: dict[str, Any] | None = None, programs: tuple[int, ...] = (1,), **decision: Any) -> Met:
    tenant = Tenant(1, "t", "T", None, b"")
    caller = Caller(tenant, "ann", 0, kind, "Ann", None, role, programs, None, ("Organization/x",), "api", decision.get("purpose", "TREAT"), b"", False)
    decided: dict[str, Any] = {"mask": bases.ORDINARY, "programs": [], "keys": [], "purpose": "TREAT", "action": "use", "related": True, "redacted": False, **decision}
    return Met(caller, ROLES, Decision(**decided), Moment(AT, AT), row)


def asked(one: Met | None = None, given: list[dict[str, Any]] = [], relations: list[dict[str, Any]] = [], *, may: dict[str, bool] = {}, **row: Any) -> tuple[str, dict[str, Step]]:  # noqa: B006 - read alone
    """How it comes out, and each step by its name; of several of a name the last."""
    came, steps = chain.steps(one or met(), {**ROW, "may": {**MAY, **may}, **row}, RULES, given, relations)
    return came, {s.step: s for s in steps}


@pytest.mark.parametrize(("one", "row", "role", "came"), [
    (met(), {}, True, SEEN), (met(), {}, False, WITHHELD), (met(), {"may": {**MAY, "deny": False}}, True, WITHHELD), (met(), {"kind": "delete"}, True, DELETED), (met(), {"kind": "delete"}, False, WITHHELD),
    (met(redacted=True), {}, True, IN_PART), (met(), {"clean": False}, True, IN_PART), (met(redacted=True), {"clean": False}, True, IN_PART),
])  # fmt: skip
def test_how_it_comes_out(one: Met, row: dict[str, Any], role: bool, came: str) -> None:
    assert chain.outcome(one, {**ROW, **row}, role=role) == came


def test_the_steps_stand_in_their_order_and_what_has_none_gets_a_plain_one() -> None:
    came, steps = chain.steps(met(), ROW, RULES, [], [])
    assert (came, [s.step for s in steps]) == (SEEN, STEPS)
    for passes in (True, False):
        _, found = asked(may={"scopes": passes})
        assert found["scopes"] == Step("scopes", YES if passes else NO, f"The rule “scopes” of the gate {'holds' if passes else 'does not hold'} for this record.")
    _, found = asked(may={"bearing": False})
    assert found["references"] == Step("references", NO, "It says nothing without something it refers to, and that may not be seen.")


@pytest.mark.parametrize(("one", "words"), [
    (met(row=ASSIGNED), "Ann: case manager, works in SUD."), (met(), "Ann (made up): case manager, works in SUD."), (met(programs=()), "Ann (made up): case manager, works in no program."),
    (met(kind="organization"), "Ann (no account here), outside the organization."), (met(kind="organization", row=ASSIGNED), "Ann, outside the organization."),
    (met(programs=(1, 2, 3), row=ASSIGNED), "Ann: case manager, works in SUD, MH and program 3."),
])  # fmt: skip
def test_who_asks(one: Met, words: str) -> None:
    said = chain.who(one)
    assert (said.step, said.outcome, said.words) == ("who", NOTE, words)
    assert said.rows == ((ASSIGNED,) if one.row else ())


def test_why_they_ask() -> None:
    assert chain.why(met()) == Step("why", NOTE, "Asked for treatment (TREAT), which is use within the organization. Purposes are compared exactly.", (), "42 CFR 2.31(a)(5)")


def test_the_role_and_its_rules() -> None:
    _, found = asked()
    shown = [{name: r[name] for name in r} for r in RULES]
    assert found["role"] == Step("role", YES, "The role case manager includes reading Observation.", (shown[0], shown[2]), "45 CFR 164.514(d)(2)")
    came, found = asked(type="Task")
    assert (came, found["role"]) == (WITHHELD, Step("role", NO, "The role case manager does not include reading Task.", tuple(shown), "45 CFR 164.514(d)(2)"))


def test_the_relation_that_holds_and_those_that_do_not() -> None:
    over, later, edge = ({**RELATION, "kind": k, "valid_from": a, "valid_to": b} for k, a, b in (("over", AT - 2 * HOUR, AT), ("later", AT + HOUR, AT + 2 * HOUR), ("edge", AT, AT + HOUR)))
    _, found = asked(relations=[RELATION, over, later, edge])
    step = found["relation"]
    assert (step.outcome, step.words, step.law) == (YES, "Has to do with the patient: careteam (CareTeam/t) and edge (CareTeam/t).", "45 CFR 164.502(b)")
    assert step.rows == tuple({**r, "holds": h} for r, h in ((RELATION, True), (over, False), (later, False), (edge, True)))
    assert asked()[1]["relation"].words == "Has to do with the patient."
    assert asked(patient=None, relations=[RELATION])[1]["relation"] == Step("relation", YES, "It is about no patient, so no relation is needed.")
    assert asked(met(related=False), relations=[over])[1]["relation"] == Step("relation", YES, "No relation to the patient is asked of this caller.", ({**over, "holds": False},))


def test_where_there_is_no_relation_when_one_ended_and_the_consent_that_nearly_gives_one() -> None:
    earlier, over = ({**RELATION, "valid_to": at} for at in (AT - 3 * HOUR, AT))
    going_on = {**RELATION, "valid_to": AT + HOUR}  # a relation that the predicate does not count is none that ended
    came, found = asked(may={"relation": False})
    assert (came, found["relation"]) == (WITHHELD, Step("relation", NO, "Has nothing to do with the patient at that moment.", (), "45 CFR 164.502(b)"))
    denial, near, held = {**GRANT, "consent": "d", "effect": "deny", "basis": 0, "purpose": "HRESCH"}, {**GRANT, "consent": "n", "purpose": "HRESCH"}, {**GRANT, "consent": "h"}
    _, found = asked(given=[denial, held, near], relations=[over, earlier, going_on], may={"relation": False})
    assert found["relation"].words == (
        "Has nothing to do with the patient at that moment; a relation ended on 1 March 2026, 12:00 UTC. The nearest: Consent/n, but it is for research (HRESCH)."
    )  # fmt: skip
    assert [r["holds"] for r in found["relation"].rows] == [False, False, True]


@pytest.mark.parametrize(("own", "parts", "words"), [
    (0, 0, "No law of its own protects it."), (HIV, 0, "Protected as: HIV."), (0, HIV, "Protected as: nothing special. Parts of it: HIV."), (bases.PART2, HIV, "Protected as: Part 2 record. Parts of it: HIV."),
])  # fmt: skip
def test_what_protects_it(own: int, parts: int, words: str) -> None:
    step = asked(own=own, parts=parts)[1]["labels"]
    assert (step.outcome, step.words) == (NOTE, words)
    assert [r["label"] for r in step.rows] == (["Part 2 record"] if own & bases.PART2 else [])


def consented(given: list[dict[str, Any]], one: Met | None = None, **row: Any) -> tuple[str, str, str, list[tuple[str, bool]]]:
    step = asked(one, given, **row)[1]["consent"]
    return step.outcome, step.words, step.law, [(r["consent"], r["holds"]) for r in step.rows]


def test_each_basis_wants_a_permission_of_its_own() -> None:
    law = "42 CFR 2.11, 2.12: records of a Part 2 program"
    held, near, far = GRANT, {**GRANT, "consent": "n", "purpose": "HRESCH"}, {**GRANT, "consent": "f", "purpose": "HRESCH", "types": ["Task"]}
    others = [{**GRANT, "consent": "hiv", "basis": HIV}, {**GRANT, "consent": "d", "effect": "deny"}]
    given = [far, *others, near, held]
    part2: dict[str, Any] = {"own": bases.PART2, "permitted": bases.PART2}
    assert consented(given, **part2) == (YES, "Part 2 record: permitted by Consent/c.", law, [("c", True), ("n", False), ("f", False)])
    assert consented(others, **part2) == (YES, "Part 2 record: permitted by a consent.", law, [])
    refused = "Part 2 record: no consent permits it to this caller. The nearest: Consent/n, but it is for research (HRESCH)."
    assert consented([far, *others, near], own=bases.PART2, may={"bases": False}) == (NO, refused, law, [("n", False), ("f", False)])
    assert consented(given, met(mask=bases.PART2), own=bases.PART2) == (YES, "Part 2 record: staff may see it by their role.", law, [])
    home: tuple[str, str, str, list[tuple[str, bool]]] = (YES, "Part 2 record: made in SUD, where the caller works.", "42 CFR 2.12(c)(3)", [])
    at_home = Met(met().caller, ROLES, Decision(bases.ORDINARY, [1], [], "TREAT", "use", related=True, redacted=False), Moment(AT, AT))
    assert consented(given, at_home, **part2) == home
    assert consented([GRANT | {"basis": HIV}], at_home, own=HIV, permitted=HIV)[1] == "HIV: permitted by Consent/c."  # only Part 2 has a home
    assert consented(given, at_home, own=bases.PART2)[0] == NO  # the predicate decides


def test_a_part_is_left_out_and_stops_nothing() -> None:
    came, steps = chain.steps(met(redacted=True), {**ROW, "own": MH, "parts": HIV, "permitted": MH}, RULES, [{**GRANT, "basis": MH}], [])
    mine = [(s.outcome, s.words) for s in steps if s.step == "consent"]
    assert (came, mine) == (IN_PART, [(YES, "mental health: permitted by Consent/c."), (NOTE, "the parts with HIV: no consent permits it to this caller.")])
    assert consented([{**GRANT, "basis": HIV}], parts=HIV, permitted=HIV)[1] == "the parts with HIV: permitted by Consent/c."
    waiting = "It is not labelled yet; until then nobody sees it."
    assert consented([GRANT], own=bases.UNLABELLED, may={"bases": False})[:2] == (NO, waiting)
    assert consented([GRANT], parts=bases.UNLABELLED)[:2] == (NOTE, waiting)


def test_outside_another_purpose_wants_an_authorization() -> None:
    one = met(kind="organization", mask=0, purpose="HRESCH", action="disclose", redacted=True)
    held = {**GRANT, "basis": bases.ORDINARY, "purpose": "HRESCH", "action": "disclose"}
    near, other, denial = {**held, "consent": "n", "purpose": "TREAT"}, {**held, "consent": "o", "basis": HIV}, {**held, "consent": "d", "effect": "deny"}
    law = "45 CFR 164.502(a), 164.508"
    step = asked(one, [near, other, denial, held])[1]["purpose"]
    assert (step.outcome, step.words, step.law) == (YES, "For research (HRESCH) it is authorized by Consent/c.", law)
    assert [(r["consent"], r["holds"]) for r in step.rows] == [("c", True), ("n", False)]
    assert asked(one, [near, other, denial])[1]["purpose"].words == "For research (HRESCH) no authorization beside these is needed."
    came, found = asked(one, [other, denial, near], may={"purpose": False})
    assert (came, found["purpose"].outcome, found["purpose"].law) == (WITHHELD, NO, law)
    assert found["purpose"].words == (
        "What no law of its own protects: for research (HRESCH) it needs an authorization, and none permits it to this caller. The nearest: Consent/n, but it is for treatment (TREAT)."
    )  # fmt: skip
    assert [r["consent"] for r in found["purpose"].rows] == ["n"]
    assert "purpose" not in asked(given=[held])[1]


def test_what_the_patient_forbids() -> None:
    law = "45 CFR 164.522(a)"
    held, over, other = {**GRANT, "effect": "deny", "basis": 0, "purpose": "*"}, {**GRANT, "consent": "o", "effect": "deny", "basis": 0, "valid_to": AT}, {**GRANT, "consent": "p"}
    came, found = asked(given=[over, other, held], may={"deny": False})
    assert (came, found["deny"].outcome, found["deny"].law) == (WITHHELD, NO, law)
    assert found["deny"].words == "The patient forbids it: Consent/c. What is forbidden goes before what is permitted."
    assert [(r["consent"], r["holds"], r["why_not"]) for r in found["deny"].rows] == [("c", True, []), ("o", False, ["it ended on 1 March 2026, 12:00 UTC"])]
    assert asked(may={"deny": False})[1]["deny"].words == "The patient forbids it. What is forbidden goes before what is permitted."
    step = asked(given=[over, other])[1]["deny"]
    assert (step.outcome, step.words, step.law, [r["consent"] for r in step.rows]) == (YES, "The patient forbids it to this caller in nothing that is in force.", law, ["o"])


@pytest.mark.parametrize(("one", "row", "outcome", "words"), [
    (met(), {}, YES, "Seen, as it is."), (met(), {"may": {**MAY, "bases": False}}, NO, "Withheld. To the caller it looks as if it were not there."),
    (met(), {"kind": "delete"}, YES, "It was deleted; the caller is told so."), (met(), {"clean": False}, YES, "Seen without references to what may not be seen."),
    (met(redacted=True), {}, YES, "Seen without narrative, display texts and copies, as for every caller who may not see everything."),
    (met(redacted=True), {"parts": HIV | MH, "permitted": MH, "own": bases.PART2 | MH}, YES,
     "Seen without parts with Part 2 record and HIV and narrative, display texts and copies, as for every caller who may not see everything."),
    (met(mask=HIV), {"parts": HIV, "clean": False}, YES, "Seen without references to what may not be seen."),
])  # fmt: skip
def test_what_comes_of_it(one: Met, row: dict[str, Any], outcome: str, words: str) -> None:
    said = asked(one, **{k: v for k, v in row.items() if k != "may"}, may=row.get("may", {}))[1]["decision"]
    assert (said.outcome, said.words) == (outcome, words)
