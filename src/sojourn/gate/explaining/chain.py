"""The chain of reasons, from who to decision, out of what the predicate said of one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sojourn.gate import bases
from sojourn.gate.explaining import grants, labelling, words
from sojourn.gate.explaining.callers import Met
from sojourn.gate.explaining.steps import DELETED, IN_PART, NO, NOTE, SEEN, WITHHELD, YES, Step

Row = Mapping[str, Any]

_OWN = ("relation", "bases", "purpose", "deny", "bearing")
"""Sentences of the predicate that have a step of their own here; any other gets a plain one."""


def outcome(met: Met, row: Row, *, role: bool) -> str:
    """How it comes out: the role, and every sentence of the predicate."""
    if not role or not all(row["may"].values()):
        return WITHHELD
    if row["kind"] == "delete":
        return DELETED
    return IN_PART if met.decision.redacted or not row["clean"] else SEEN


def steps(met: Met, row: Row, rules: Sequence[Row], given: Sequence[Row], relations: Sequence[Row]) -> tuple[str, tuple[Step, ...]]:
    """(outcome, steps) for one row. rules: of the caller's role; given: permits and denials for the caller's keys."""
    may, role = row["may"], met.rules.allows(met.caller.role, "read", row["type"])
    came = outcome(met, row, role=role)
    chain = [who(met), why(met), _role(met, row, rules, allowed=role), _relation(met, row, relations, given)]
    chain += [
        Step(name, YES if passes else NO, f"The rule “{name}” of the gate {'holds' if passes else 'does not hold'} for this record.")
        for name, passes in may.items()
        if name not in _OWN
    ]
    chain += [_labels(met, row), *_consents(met, row, given), *_authorization(met, row, given), _deny(met, row, given)]
    if not may["bearing"]:
        chain.append(Step("references", NO, "It says nothing without something it refers to, and that may not be seen."))
    chain.append(_decision(met, row, came, chain))
    return came, tuple(chain)


def who(met: Met) -> Step:
    """Who asks, by which assignment."""
    return Step("who", NOTE, met.words + ".", tuple([_dated(met.row, "account", "role", "programs", "keys")] if met.row else ()))


def why(met: Met) -> Step:
    """For what purpose; a consent must name the same one."""
    return Step("why", NOTE, f"Asked for {words.purpose(met.caller.purpose)}, which is {words.action(met.decision.action)}. Purposes are compared exactly.", (), "42 CFR 2.31(a)(5)")


def _role(met: Met, row: Row, rules: Sequence[Row], *, allowed: bool) -> Step:
    used = [r for r in rules if "read" in r["actions"] and (row["type"] in r["types"] or "*" in r["types"])]
    role = met.caller.role.replace("-", " ")
    if not allowed:
        return Step("role", NO, f"The role {role} does not include reading {row['type']}.", tuple(_dated(r, "role", "types", "actions") for r in rules), "45 CFR 164.514(d)(2)")
    return Step("role", YES, f"The role {role} includes reading {row['type']}.", tuple(_dated(r, "role", "types", "actions") for r in used), "45 CFR 164.514(d)(2)")


def _relation(met: Met, row: Row, relations: Sequence[Row], given: Sequence[Row]) -> Step:
    at = met.moment.at
    shown = tuple({**_dated(r, "actor", "kind", "source"), "holds": r["valid_from"] <= at < r["valid_to"]} for r in relations)
    if row["patient"] is None:
        return Step("relation", YES, "It is about no patient, so no relation is needed.")
    if not met.decision.related:
        return Step("relation", YES, "No relation to the patient is asked of this caller.", shown)
    if row["may"]["relation"]:
        held = words.joined(sorted({f"{r['kind']} ({r['source']})" for r in relations if r["valid_from"] <= at < r["valid_to"]}))
        return Step("relation", YES, f"Has to do with the patient{': ' + held if held else ''}.", shown, "45 CFR 164.502(b)")
    ended = [r for r in relations if r["valid_to"] <= at]
    over = f"; a relation ended on {words.day(max(r['valid_to'] for r in ended))}." if ended else "."
    near = [(g, missed) for g in given if g["effect"] == "permit" and (missed := grants.misses(g, row, met.decision, at))]
    return Step("relation", NO, f"Has nothing to do with the patient at that moment{over}{grants.nearest(near)}", shown, "45 CFR 164.502(b)")


def _labels(met: Met, row: Row) -> Step:
    found = labelling.sources(row, met.rules.programs, met.rules.labels)
    if not row["own"] and not row["parts"]:
        return Step("labels", NOTE, "No law of its own protects it.", tuple(found))
    parts = f" Parts of it: {words.listed(row['parts'])}." if row["parts"] else ""
    return Step("labels", NOTE, f"Protected as: {words.listed(row['own'])}.{parts}", tuple(found))


def _consents(met: Met, row: Row, given: Sequence[Row]) -> list[Step]:
    """One step a basis: every one needs a permission of its own."""
    out = []
    for bit in words.split(row["own"] | row["parts"]):
        name, law = words.basis(bit)
        whole = bool(bit & row["own"])
        what = name if whole else f"the parts with {name}"
        permits = [(g, grants.misses(g, row, met.decision, met.moment.at)) for g in given if g["effect"] == "permit" and g["basis"] & bit]
        shown = tuple(grants.told(g, holds=not missed, why_not=missed) for g, missed in sorted(permits, key=lambda p: len(p[1])))
        if bit & met.decision.mask:
            out.append(Step("consent", YES, f"{name}: staff may see it by their role.", (), law))
        elif row["permitted"] & bit and bit == bases.PART2 and grants.at_home(met.decision, row):
            out.append(Step("consent", YES, f"{name}: made in {words.named(row['origin'], met.rules.programs)}, where the caller works.", (), "42 CFR 2.12(c)(3)"))
        elif row["permitted"] & bit:
            held = words.joined(sorted({words.consent(g["consent"]) for g, missed in permits if not missed}))
            out.append(Step("consent", YES, f"{what}: permitted by {held or 'a consent'}.", shown, law))
        elif bit == bases.UNLABELLED:
            out.append(Step("consent", NO if whole else NOTE, "It is not labelled yet; until then nobody sees it.", (), law))
        else:
            out.append(Step("consent", NO if whole else NOTE, f"{what}: no consent permits it to this caller.{grants.nearest(permits)}", shown, law))
    return out


def _authorization(met: Met, row: Row, given: Sequence[Row]) -> list[Step]:
    """For whom ordinary records, too, need a permission: outside, for anything but treatment, payment and operations."""
    if met.decision.mask & bases.ORDINARY:
        return []
    name, law = words.basis(bases.ORDINARY)
    permits = [(g, grants.misses(g, row, met.decision, met.moment.at)) for g in given if g["effect"] == "permit" and g["basis"] & bases.ORDINARY]
    shown = tuple(grants.told(g, holds=not missed, why_not=missed) for g, missed in sorted(permits, key=lambda p: len(p[1])))
    if row["may"]["purpose"]:
        held = words.joined(sorted({words.consent(g["consent"]) for g, missed in permits if not missed}))
        return [Step("purpose", YES, f"For {words.purpose(met.caller.purpose)} {f'it is authorized by {held}' if held else 'no authorization beside these is needed'}.", shown, law)]
    return [Step("purpose", NO, f"{name}: for {words.purpose(met.caller.purpose)} it needs an authorization, and none permits it to this caller.{grants.nearest(permits)}", shown, law)]


def _deny(met: Met, row: Row, given: Sequence[Row]) -> Step:
    denials = [(g, grants.misses(g, row, met.decision, met.moment.at)) for g in given if g["effect"] == "deny"]
    shown = tuple(grants.told(g, holds=not missed, why_not=missed) for g, missed in sorted(denials, key=lambda p: len(p[1])))
    if row["may"]["deny"]:
        return Step("deny", YES, "The patient forbids it to this caller in nothing that is in force.", shown, "45 CFR 164.522(a)")
    held = words.joined(sorted({words.consent(g["consent"]) for g, missed in denials if not missed}))
    return Step("deny", NO, f"The patient forbids it{': ' + held if held else ''}. What is forbidden goes before what is permitted.", shown, "45 CFR 164.522(a)")


def _decision(met: Met, row: Row, came: str, chain: Sequence[Step]) -> Step:
    if came == WITHHELD:
        return Step("decision", NO, "Withheld. To the caller it looks as if it were not there.")
    if came == DELETED:
        return Step("decision", YES, "It was deleted; the caller is told so.")
    if came == SEEN:
        return Step("decision", YES, "Seen, as it is.")
    hidden = (row["own"] | row["parts"]) & ~met.decision.mask & ~row["permitted"]
    left_out = [f"parts with {words.listed(hidden)}"] if hidden else []
    left_out += ["narrative, display texts and copies, as for every caller who may not see everything"] if met.decision.redacted else []
    left_out += [] if row["clean"] else ["references to what may not be seen"]
    return Step("decision", YES, f"Seen without {words.joined(left_out)}.")


def _dated(row: Row, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in (*names, "valid_from", "valid_to", "known_from", "known_to")}
