"""The decision: every step for every record, AND across laws, one answer with its reasons and duties."""

from __future__ import annotations

from typing import Any, NamedTuple

from sojourn.gate.policy import denials, duties, hipaa, links, notes, overlays, part2, tables
from sojourn.gate.policy.case import Case, Record
from sojourn.gate.policy.findings import PARTIAL, PERMIT, WITHHOLD, Finding, permit, withhold


class Step(NamedTuple):
    """One link of the chain of reasons."""

    record: str
    effect: str
    reason: str
    words: str
    citations: tuple[str, ...]


class Decision(NamedTuple):
    """The answer to one question."""

    decision: str
    """permit: all released whole; deny: none; redact: a mix, or parts."""
    records: dict[str, str]
    obligations: tuple[str, ...]
    reason: str
    chain: tuple[Step, ...]

    @property
    def answer(self) -> dict[str, Any]:
        """In the form of `expected` of the scenario format."""
        return {"decision": self.decision, "records": self.records, "obligations": list(self.obligations), "reason": self.reason}


class _Judged(NamedTuple):
    record: Record
    result: str
    main: Finding
    findings: tuple[Finding, ...]


def decide(case: Case) -> Decision:
    """Decide one case. What raises is withheld (fail closed): a rule that fails must not open anything."""
    if not case.records:
        return _answered(case, [_Judged(Record(""), WITHHOLD, withhold("NO_RECORDS"), ())])
    judged = [_judge(case, record) for record in case.records]
    withheld = [j.record for j in judged if j.result == WITHHOLD]
    return _answered(case, [_partly(case, j, withheld) for j in judged])


def _judge(case: Case, record: Record) -> _Judged:
    try:
        findings = _bases(case, record)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a rule, nothing is released
        findings = (withhold("FAIL_CLOSED", detail=f"a rule failed: {type(error).__name__}"),)
    refused = [f for f in findings if not f.permits]
    if refused:
        return _Judged(record, WITHHOLD, refused[0], findings)
    return _Judged(record, PERMIT, min(findings, key=lambda f: f.rank), findings)


def _bases(case: Case, record: Record) -> tuple[Finding, ...]:
    """The answers of all laws for one record, hard bars first; the first refusal ends it."""
    emergency = part2.exception(case, record)
    urgent = emergency is not None and emergency.flag("emergency")
    for check in (_unknown_purpose, links.unscoped):
        if found := check(case, record):
            return (found,)
    laws = _laws(case, record)
    basis = laws[0]
    if basis.permits and case.part2(record) is False and (closed := _unlabelled(case, record)):
        basis = closed
    denied = _wish(case, record, urgent=urgent)
    if denied is not None and not denied.permits:
        return (denied,) if basis.permits or not _harder(basis) else (basis,)
    if not basis.permits:
        return (links.sharpened(basis, case, record),)
    return _closing(case, record, [*laws, *([denied] if denied else [])], urgent=urgent)


def _harder(basis: Finding) -> bool:
    """Bars that stand before any wish of the patient: proceedings, notes kept apart."""
    return 20 <= int(basis.entry["rank"]) < 40


def _laws(case: Case, record: Record) -> list[Finding]:
    """Part 2 or HIPAA, whichever protects the record; notes kept apart by their own rule, and by both if both hold: the refusal, or every permission, for each
    brings duties of its own.
    """
    is_part2 = case.part2(record)
    apart = notes.counseling(case, record, part2.exception(case, record))
    therapy = notes.psychotherapy(case, record)
    general = part2.permitted(case, record) if is_part2 and apart is None else None
    found = [f for f in (apart, therapy, general) if f is not None]
    refused = [f for f in found if not f.permits]
    return refused[:1] or found or [hipaa.permitted(case, record)]


def _wish(case: Case, record: Record, *, urgent: bool) -> Finding | None:
    """The patient's own restrictions. In an emergency they yield, and the recipient is asked to go no further (2.26, 164.522(a)(1)(iv))."""
    found = denials.denied(case, record)
    treating = (
        case.purpose in tables.purposes("emergency")
        and not case.part2(record)
        and found is not None
        and found.reason == "AGREED_RESTRICTION"
    )
    if found is not None and (urgent or treating) and denials.yields_to_emergency(found):
        return permit("RESTRICTION_YIELDS", detail=found.reason)
    return found


def _unlabelled(case: Case, record: Record) -> Finding | None:
    """A record that nobody labelled is withheld, unless its origin says what it is."""
    return None if record.labels else withhold("FAIL_CLOSED", detail="the record has no labels")


def _closing(case: Case, record: Record, found: list[Finding], *, urgent: bool) -> tuple[Finding, ...]:
    """State law, necessity, and what must be known: each can still refuse."""
    state = overlays.overlaid(case, record)
    if state is not None and not state.permits:
        if not case.part2(record) and not record.has("psychotherapy"):
            return (state,)
        if state.adds:
            return (state,)
        return (withhold("ALL_BASES_MUST_BE_SATISFIED", *state.adds, detail=f"{found[0].reason} permits; {state.words()}"),)
    if state is not None:
        found = [*found, state, *([permit("ALL_BASES_SATISFIED")] if case.part2(record) else [])]
    if needless := _needless(case, record):
        return (needless,)
    if case.says("sls_available") is False and not urgent:
        return (withhold("FAIL_CLOSED", detail="the labeler gave no answer"),)
    if case.says("audit_available") is False:
        return (withhold("FAIL_CLOSED", detail="the release cannot be written down"),)
    if case.unknown:
        return (withhold("FAIL_CLOSED", detail="not understood: " + ", ".join(case.unknown)),)
    return tuple(found)


def _unknown_purpose(case: Case, record: Record) -> Finding | None:
    return None if case.purpose in tables.known_purposes() else withhold("UNKNOWN_PURPOSE")


def _needless(case: Case, record: Record) -> Finding | None:
    """2.13(a), 164.502(b), 164.514(d): what policy marks as not needed. Patients' own access has no such limit."""
    needed = case.context.get("needed_for_purpose")
    if needed is None or record.id in needed or case.recipient.is_("patient"):
        return None
    if not case.recipient.is_("workforce", "administrative_control"):
        return withhold("MINIMUM_NECESSARY")
    return withhold("MINIMUM_NECESSARY_ROLE") if needed else withhold("NO_DUTY_NEED")


def _partly(case: Case, judged: _Judged, withheld: list[Record]) -> _Judged:
    """A permitted record that would tell of a withheld one goes without those parts."""
    part = links.partial(case, judged.record, withheld) if judged.result == PERMIT else None
    return judged._replace(result=PARTIAL, main=part, findings=(*judged.findings, part)) if part else judged


def _answered(case: Case, judged: list[_Judged]) -> Decision:
    results = [j.result for j in judged]
    decision = "permit" if all(r == PERMIT for r in results) else "deny" if all(r == WITHHOLD for r in results) else "redact"
    gathered = {
        duty for j in judged for f in ((j.main,) if j.result == WITHHOLD else j.findings) for duty in duties.of_record(case, j.record, f)
    }
    return Decision(
        decision,
        {j.record.id: j.result for j in judged if j.record.id},
        tuple(sorted(duties.of_case(case, [(j.result, j.main) for j in judged], gathered))),
        _main(case, judged).reason,
        tuple(_step(j, f) for j in judged for f in (j.findings or (j.main,))) + _not_understood(case),
    )


def _not_understood(case: Case) -> tuple[Step, ...]:
    """What nobody understood stands at the end of the chain, also where the answer was no anyway."""
    found = withhold("FAIL_CLOSED", detail="not understood: " + ", ".join(case.unknown))
    return (Step("", found.effect, found.reason, found.words(), tuple(found.entry["cite"])),) if case.unknown else ()


def _main(case: Case, judged: list[_Judged]) -> Finding:
    """The reason that stands for all: of what was refused the earliest step; what a patient's own access leaves out by default is no refusal of it."""
    refused = [j.main for j in judged if j.result != PERMIT]
    released = [j.main for j in judged if j.result == PERMIT]
    if released and case.recipient.is_("patient") and all(f.flag("patient") for f in refused):
        refused = []
    return min(refused or released, key=lambda f: f.rank)


def _step(judged: _Judged, found: Finding) -> Step:
    return Step(judged.record.id, found.effect, found.reason, found.words(), tuple(found.entry["cite"]))
