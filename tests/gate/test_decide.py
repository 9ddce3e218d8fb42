"""The decision, its reach, its scopes and the ages of minors, each said for callers of every kind: no database, for mutation testing too."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.base import errors
from sojourn.gate import bases, decide, minors, narrowing, reach, scopes
from sojourn.gate.caller import Caller, Program, Standing, Tenant
from sojourn.gate.consent import EVER
from sojourn.gate.usual import outside_mask
from sojourn.record.index import Keys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = Keys(b"k" * 16)
TENANT = Tenant(1, "a", "A", None, b"k" * 16)
PROGRAMS = {n: Program(n, f"p{n}", f"P{n}", None, n == 1) for n in (1, 2, 3)}
ORDINARY_LAWS = bases.ALL & ~(bases.UNLABELLED | bases.PART2 | bases.APART)
VIOLENCE = minors.FROM_PROXIES & ~bases.MINOR
ROWS = (
    ("chief", ["*"], ["read", "search", "reach:organization"]), ("nurse", ["Patient", "Observation"], ["read", "reach:care-team"]), ("nurse", ["Observation"], ["create", "purpose:HOPERAT"]),
    ("coach", ["*"], ["read", "reach:programs", "reach:unheard-of"]), ("biller", ["Claim"], ["read", "purpose:HPAYMT"]), ("biller", ["Patient"], ["read"]),
)  # fmt: skip


def rules(**more: Any) -> decide.Rules:
    return decide.Rules(ROWS, PROGRAMS, b"digest", **more)


def caller(kind: str = "staff", role: str = "nurse", programs: tuple[int, ...] = (1,), **more: Any) -> Caller:
    known = {"agent": "Practitioner/z", "keys": ("Practitioner/z", "bare"), "purpose": "TREAT", **more}
    return Caller(TENANT, "ann", 0, kind, "Ann", known.pop("agent"), role, programs, None, known.pop("keys"), "api", known.pop("purpose"), b"", False, **known)


def test_rules_allow_what_a_row_names_and_nothing_else() -> None:
    made = rules(sites={2: frozenset({"s"})}, days={"care-team": 3})
    assert [made.allows("nurse", a, t) for a, t in (("read", "Patient"), ("create", "Observation"), ("create", "Patient"), ("search", "Patient"), ("read", "Encounter"))] == [True, True, False, False, False]
    assert made.allows("chief", "search", "Encounter")
    assert not made.allows("nobody", "read", "Patient")
    assert made.types("nurse", "read", ("Encounter", "Patient", "Observation")) == ["Patient", "Observation"]
    assert (made.reach("nurse"), made.reach("coach"), made.reach("nobody")) == ({"care-team"}, {"programs"}, frozenset())
    assert (made.purpose("nurse"), made.purpose("chief"), made.purpose("nobody")) == ("HOPERAT", "TREAT", "TREAT")
    assert made.purpose("biller") == "HPAYMT", "a later row says nothing about it"
    assert (made.digest, made.programs, made.sites, made.days["care-team"], made.days["episode"]) == (b"digest", PROGRAMS, {2: {"s"}}, 3, reach.starting_days()["episode"])
    assert rules().sites == {}
    own: Any = object()
    assert rules().labels is not None
    assert rules(labels=own).labels is own
    decide.require(caller(), made, "read", "Patient")
    with pytest.raises(errors.Forbidden, match="Your role does not include search on Patient"):
        decide.require(caller(), made, "search", "Patient")


def test_staff_see_by_role_what_no_law_keeps_from_it_and_part_2_within_their_programs() -> None:
    made = decide.decide(caller(), rules())
    assert made.mask == ORDINARY_LAWS | bases.ORDINARY | (made.mask & ~bases.ALL)
    assert made.mask & (bases.UNLABELLED | bases.PART2 | bases.APART | scopes.SCOPED | reach.ACROSS) == 0
    assert made.mask & bases.ORDINARY
    assert (made.programs, made.purpose, made.action, made.related, made.redacted) == ([1], "TREAT", "use", True, True)
    assert set(made.keys) == {"Practitioner/z", "for:TREAT:Practitioner/z", "Practitioner/z@0", "Practitioner/z@1"}
    assert made.args == (made.mask, [1], made.keys, "TREAT", "use", True)
    assert made.reasons
    assert decide.staff_mask() == made.mask


def test_whoever_reaches_everybody_needs_no_relation_and_sees_bytes_as_they_are_only_if_they_work_everywhere() -> None:
    part, whole = decide.decide(caller(role="chief", programs=(1, 2)), rules()), decide.decide(caller(role="chief", programs=(1, 2, 3)), rules())
    assert (part.related, part.redacted) == (False, True)
    assert (whole.related, whole.redacted) == (False, False)
    assert part.mask == whole.mask == decide.staff_mask() | reach.ACROSS
    assert decide.decide(caller(role="coach", programs=(1, 2, 3)), rules()).redacted, "who does not reach everybody is redacted, wherever they work"


@pytest.mark.parametrize("purpose", ["BTG", "ETREAT"])
@pytest.mark.parametrize("role", ["nurse", "chief"])
def test_in_an_emergency_only_what_was_declared_opens(purpose: str, role: str) -> None:
    made = decide.decide(caller(role=role, purpose=purpose, programs=(1, 2, 3)), rules())
    assert (made.mask, made.keys, made.related, made.purpose, made.action, made.programs) == (decide.staff_mask(), ["emergency:ann"], True, purpose, "use", [1, 2, 3])
    assert made.redacted == (role != "chief")
    assert decide.decide(caller("organization", "outside", (), purpose=purpose, keys=("Organization/x",)), rules()).keys[0] == "Organization/x", "nobody outside declares one"


def test_who_is_outside_is_named_by_keys_with_a_kind_and_by_everyone() -> None:
    made = decide.decide(caller("organization", "outside", (), keys=("Organization/x", "class:tpo", "bare")), rules())
    assert set(made.keys) == {"Organization/x", "class:tpo", "for:TREAT:Organization/x", "for:TREAT:class:tpo", decide.EVERYONE}
    assert (made.mask, made.programs, made.action, made.related, made.redacted) == (bases.ORDINARY, [], "disclose", True, True)
    for purpose, mask in (("HPAYMT", bases.ORDINARY), ("HOPERAT", bases.ORDINARY), ("HRESCH", 0), ("HLEGAL", 0), ("", 0)):
        assert outside_mask(purpose) == mask
        assert decide.decide(caller("organization", "outside", (), purpose=purpose), rules()).mask == mask


def test_a_patient_has_all_of_their_own_record_but_the_notes_kept_apart() -> None:
    made = decide.decide(caller("patient", "patient", (1,), agent="Patient/p", keys=()), rules())
    assert made.mask == decide.staff_mask() | bases.PART2
    assert (made.programs, made.keys, made.action, made.related, made.redacted) == ([], ["Patient/p"], "disclose", True, True)
    assert decide.decide(caller("patient", "patient", agent=None, keys=()), rules()).keys == []


def test_a_proxy_has_what_law_and_consent_let_them_and_no_care_a_minor_consented_to_alone() -> None:
    def of(standing: Standing | None, agent: str | None = "RelatedPerson/r") -> decide.Decision:
        return decide.decide(caller("proxy", "proxy", (), agent=agent, keys=(), standing=standing), rules())

    parent = of(Standing("p", VIOLENCE, None))
    assert parent.mask == decide.staff_mask() & ~bases.MINOR & ~VIOLENCE
    assert (parent.keys, parent.action, parent.related, parent.redacted, parent.programs) == (["RelatedPerson/r", "for:TREAT:RelatedPerson/r"], "disclose", True, True, [])
    assert of(Standing("p", 0, None, by_law=False)).mask == decide.staff_mask() & ~bases.MINOR & ~bases.ORDINARY
    assert (of(None).keys, of(None).mask) == ([], decide.staff_mask() & ~bases.MINOR & ~bases.ORDINARY)
    assert of(Standing("p", 0, None), agent=None).keys == []


def test_scopes_of_a_token_and_data_classes_of_a_consent_each_narrow() -> None:
    plain, decision = narrowing.narrowed(caller(), rules(), KEYS)
    assert type(plain) is decide.Rules
    assert not decision.mask & scopes.SCOPED
    narrowed, decision = narrowing.narrowed(caller(scopes="user/Observation.rs patient/Patient.rs", context="p9"), rules(), KEYS)
    assert decision.mask == decide.staff_mask() | scopes.SCOPED
    assert decision.unscoped == (decide.staff_mask(), *decision.args[1:])
    assert {k for k in decision.keys if k.startswith("scope ")} == {"scope 0 - - ", "scope 0 Observation * ", "scope 0 Patient p9 "}
    assert [narrowed.allows("nurse", "read", t) for t in ("Observation", "Patient", "Encounter")] == [True, True, False]
    assert not narrowed.allows("nurse", "create", "Observation"), "the role could, the scopes do not"
    assert not narrowed.allows("nurse", "search", "Patient"), "the scopes could, the role does not"
    assert narrowed.reach("nurse") == {"care-team"}
    assert set(decision.keys) >= {"Practitioner/z", "Practitioner/z@0"}, "beside the scopes it is named as before"
    by_law = caller("proxy", "chief", (), agent="RelatedPerson/r", keys=(), standing=Standing("p", 0, None))
    assert type(narrowing.narrowed(by_law, rules(), KEYS)[0]) is decide.Rules, "whom the law lets act no data classes narrow"
    by_consent = caller("proxy", "chief", (), agent="RelatedPerson/r", keys=(), standing=Standing("p", 0, ("Observation",), by_law=False))
    narrowed, decision = narrowing.narrowed(replace(by_consent, scopes="patient/*.rs"), rules(), KEYS)
    assert {k for k in decision.keys if k.startswith("scope ")} == {"scope 0 - - ", "scope 0 * p ", "scope 1 - - ", "scope 1 Observation * "}
    assert [narrowed.allows("chief", "read", t) for t in ("Observation", "Patient")] == [True, False]
    nobody = caller("patient", "chief", (), agent=None, keys=(), scopes="patient/*.rs")
    assert not narrowing.narrowed(nobody, rules(), KEYS)[0].allows("chief", "read", "Patient"), "a patient scope without a patient grants nothing"
    assert "scope 0 * me " in narrowing.narrowed(caller("patient", "chief", (), agent="Patient/me", keys=(), scopes="patient/*.rs", context="other"), rules(), KEYS)[1].keys


def acting(kind: str, patient: str = "p", born: int | None = 2012, types: list[str] | None = None, since: datetime = EVER) -> dict[str, Any]:
    day = None if born is None else datetime(born, 3, 2, tzinfo=UTC)
    return {"kind": kind, "patient": patient, "born": day, "latest": day, "types": types, "since": since}


def test_for_whom_somebody_acts_now_follows_from_kind_age_and_consent() -> None:
    def stands(*rows: dict[str, Any], states: tuple[str, ...] = ("NY",)) -> Standing | None:
        return narrowing.stands(rows, states, NOW)

    child = minors.withheld(["NY"], 13, NOW)
    assert stands() is None
    assert stands(acting("parent", born=1990)) is None, "a parent acts for a child"
    assert stands(acting("parent", born=2008) | {"born": datetime(2008, 3, 1, tzinfo=UTC)}) is None, "of age today"
    assert stands(acting("consent"), acting("consent", types=["Observation"])) == Standing("p", minors.FROM_PROXIES, None, by_law=False)
    assert stands(acting("parent", born=None)) is None, "and not for somebody whose age nobody knows"
    assert stands(acting("neighbour")) is None
    assert stands(acting("parent")) == Standing("p", child | minors.FROM_PROXIES, None, by_law=True)
    assert stands(acting("guardian", born=1990, since=datetime(2008, 3, 2, tzinfo=UTC))) == Standing("p", minors.FROM_PROXIES, None, by_law=True)
    for early in (EVER, datetime(2008, 3, 1, tzinfo=UTC)):
        assert stands(acting("guardian", born=1990, since=early)) is None, "a guardianship of a child ends with childhood"
    assert stands(acting("guardian", born=1990, since=datetime(2008, 3, 2, tzinfo=UTC)), states=("NE",)) is None, "which lasts longer there"
    assert stands(acting("guardian", born=1990, since=datetime(2008, 6, 1, tzinfo=UTC)) | {"latest": datetime(1990, 12, 31, tzinfo=UTC)}) is None, "of whom only the year of birth is known"
    assert stands(acting("guardian", born=None, since=datetime(2026, 1, 1, tzinfo=UTC))) is None
    assert stands(acting("guardian")) == Standing("p", child | minors.FROM_PROXIES, None, by_law=True)
    assert stands(acting("consent", born=1990, types=["Observation"])) == Standing("p", minors.FROM_PROXIES, ("Observation",), by_law=False)
    assert stands(acting("consent", born=1990)) == Standing("p", minors.FROM_PROXIES, None, by_law=False)
    both = stands(acting("consent", types=["Observation"]), acting("consent", types=["Encounter", "Observation"]))
    assert both == Standing("p", minors.FROM_PROXIES, ("Encounter", "Observation"), by_law=False), "several ways to one patient add up"
    assert stands(acting("consent", types=["Observation"]), acting("consent")) == Standing("p", minors.FROM_PROXIES, None, by_law=False)
    assert stands(acting("consent", types=["Observation"]), acting("parent")) == Standing("p", child | minors.FROM_PROXIES, None, by_law=True)
    two = stands(acting("parent"), acting("consent", "q", 1990, ["Observation"]))
    assert two == Standing("", child | minors.FROM_PROXIES, ("Observation",), by_law=False), "several patients do not"
    three = stands(acting("consent", "o", 1990, ["Encounter", "Observation"]), acting("consent", "q", 1990, ["Observation", "Goal"]))
    assert three is not None
    assert three.types == ("Observation",)


def test_ages_of_minors_by_state_and_the_strictest_where_a_state_is_not_known() -> None:
    def day(*parts: int) -> datetime:
        return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type] # a date

    assert [minors.age(day(2012, 3, 1), on) for on in (day(2026, 2, 28), day(2026, 3, 1), day(2026, 3, 2), day(2026, 4, 1))] == [13, 14, 14, 14]
    assert minors.age(day(2012, 3, 15), day(2026, 3, 1)) == 13
    assert minors.age(None, NOW) is None
    assert [minors.majority(s, NOW) for s in ([], ["CA"], ["AL"], ["NE", "AL"], ["AL", "CA"])] == [18, 18, 19, 19, 18]
    mental, hiv, reproductive = (next(b.bit for b in bases.BASES if b.name == n) for n in ("mental_health", "hiv", "reproductive"))
    assert minors.withheld(["CA"], 11, NOW) == minors.FROM_PROXIES | reproductive
    assert minors.withheld(["CA"], 12, NOW) & (mental | hiv) == mental | hiv
    assert minors.withheld(["CA"], 12, day(2010, 12, 31)) & (mental | hiv) == 0, "before the law was"
    assert minors.withheld(["CA"], 12, day(2011, 1, 1)) & (mental | hiv) == mental, "the day it came"
    assert minors.withheld(["WA"], 12, NOW) & (mental | hiv) == 0
    assert minors.withheld(["WA"], 13, NOW) & (mental | hiv) == mental
    assert minors.withheld(["WA", "CA"], 12, NOW) & (mental | hiv) == mental | hiv
    assert minors.withheld(["ZZ"], 12, NOW) == minors.withheld([], 12, NOW) == minors.withheld(["WA", "ZZ"], 12, NOW)
    assert {r.state for r in minors.rules(["WA"], NOW)} == {"WA"}
    assert minors.FROM_PROXIES & bases.MINOR
    assert bases.MINOR | next(b.bit for b in bases.BASES if b.name == "violence") == minors.FROM_PROXIES
