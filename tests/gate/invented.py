"""Worlds of consents that hypothesis invents: forms of all kinds, whole and broken, records, callers, relations, moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hypothesis import strategies as st

from sojourn.gate import bases
from sojourn.gate.consenting import terms
from sojourn.gate.policy.release import Tie
from sojourn.gate.policy.signed import Thing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACT = bases.ACT_CODE
SUD, MH, MAT = 1, 2, 3
PROGRAMS = {SUD: ("Organization/sud", True), MH: ("Organization/mh", False), MAT: ("Organization/mat", True)}
HOUSE = "Organization/house"
PATIENTS = ("p1", "p1", "p1", "p2")
TYPES = ("Observation", "Condition", "Patient", "AllergyIntolerance", "Encounter", "MedicationRequest", "DocumentReference")
CODED = ("Observation", "Condition", "AllergyIntolerance", "MedicationRequest")
"""Types of which search knows a `code`: a limit by code looks at that and at nothing else."""
CODES = (("http://loinc.org", "8867-4"), ("http://snomed.info/sct", "73211009"), ("http://snomed.info/sct", "66590003"))
LABELS = ("42CFRPart2", "HIV", "MH", "PSYTHPN", "HIPAAPsyNotes", "SUDCN", "PRS", "SUD", "no-such-label")
PARTIES = ("Organization/x", "Organization/x", "Organization/y", "Organization/net", "Practitioner/z")
PURPOSES = ("TREAT", "COC", "HPAYMT", "COVERAGE", "HOPERAT", "HRESCH", "HLEGAL", "PATRQT", "FUNDRAISE", "HMARKT")
KINDS = (*sorted(set(terms.forms()["kinds"]) - {"treatment"}), "treatment", "state_specific_release", "no_such_kind", "")
COMMON = ("part2_tpo_single", "part2_tpo_single", "part2_specific", "part2_specific", "part2_counseling_notes", "hipaa_authorization", "patient_directive_deny")
RIGHT_KIND = {"part2_criminal_justice": "criminal_justice_element", "part2_central_registry": "central_registry", "part2_director_payment": "health_plan"}
STATEMENTS = ("part2-stmt-hipaa-redisclosure", "part2-stmt-redisclosure-risk", "part2-stmt-refusal", "part2-stmt-revocation", "part2-stmt-fundraising")

Resource = dict[str, Any]


class Viewer(NamedTuple):
    """Somebody who asks. keys: what they answer to."""

    outside: bool
    keys: tuple[str, ...]
    programs: tuple[int, ...]
    purpose: str
    now: datetime


class World(NamedTuple):
    """Everything that one statement is asked about."""

    things: list[Thing]
    consents: list[Resource]
    ties: list[Tie]
    viewers: list[Viewer]


def rarely(strategy: st.SearchStrategy[Any], one_in: int = 8) -> st.SearchStrategy[Any]:
    """None most of the time."""
    return st.integers(0, one_in - 1).flatmap(lambda n: strategy if n == one_in - 1 else st.none())


def mostly(value: Any, otherwise: st.SearchStrategy[Any], one_in: int = 8) -> st.SearchStrategy[Any]:
    """The value most of the time."""
    return st.integers(0, one_in - 1).flatmap(lambda n: otherwise if n == one_in - 1 else st.just(value))


def some(values: Any, least: int = 0, most: int = 2) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(tuple(values)), min_size=least, max_size=most, unique=True)


days = st.integers(-4, 4)
moments = days.map(lambda n: NOW + timedelta(days=n)) | st.just(NOW)
texts = days.map(lambda n: (NOW + timedelta(days=n)).date().isoformat()) | moments.map(lambda m: m.isoformat().replace("+00:00", "Z"))


def ext(name: str, **value: Any) -> Resource:
    return {"url": terms.BASE + name, **value}


@st.composite
def periods(draw: Any) -> Resource | None:
    start, end = draw(rarely(texts, 2)), draw(rarely(texts, 2))
    found = {k: v for k, v in (("start", start), ("end", end)) if v}
    return found or None


def codings(codes: list[str], system: str = ACT) -> list[Resource]:
    return [{"system": bases.LOCAL if c == "SUDCN" else system, "code": c} for c in codes]


@st.composite
def actors(draw: Any) -> Resource:
    reference = draw(mostly(draw(st.sampled_from(PARTIES)), st.sampled_from(["", "Group/g"])))
    made: Resource = {"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": reference} if reference else {"display": "Somebody"}}
    sort = draw(st.sampled_from(("plain",) * 8 + ("class", "network", "treating", "kind")))
    found = {
        "class": [ext("recipient-class", valueCode=draw(st.sampled_from(("tpo", "treating-provider", "health-plan", "no-such-class"))))],
        "network": [ext("part2-intermediary", valueReference={"reference": "Organization/net"})],
        "treating": [ext("part2-intermediary", valueReference={"reference": "Organization/net"}), ext("part2-general-designation", valueCode="treating")],
        "kind": [ext("recipient-kind", valueCode=draw(st.sampled_from(("criminal_justice_element", "central_registry", "health_plan", "nonsense"))))],
        "plain": [],
    }[sort]
    return {**made, **({"extension": found} if found else {})}


@st.composite
def rules(draw: Any, type_: str, *, nested: bool = False) -> Resource:
    """A provision, its limits included."""
    deny = type_ == "deny"
    made: Resource = {"type": type_}
    made["actor"] = draw(st.lists(actors(), min_size=0 if deny else 1, max_size=2)) if draw(mostly(True, st.just(False))) else []
    usual = ["TREAT"] if draw(st.booleans()) and not deny else []
    made["purpose"] = codings(list(dict.fromkeys([*usual, *draw(some(PURPOSES, 0 if deny or usual else 1, 3))])), terms.ACT_REASON)
    labels = draw(mostly([] if deny else ["42CFRPart2"], some(LABELS, 0, 2), 2 if deny else 3))
    made["securityLabel"] = codings(labels)
    action = draw(mostly([] if deny else ["disclose"], some(("use", "disclose", "access", "correct"), 0, 2), 4))
    made["action"] = [{"coding": [{"code": a}]} for a in action]
    made["period"] = draw(rarely(periods(), 3))
    made["class"] = draw(rarely(st.lists(st.sampled_from((*({"code": t} for t in TYPES), {"display": "labs"})), max_size=2)))
    made["code"] = draw(rarely(st.lists(st.sampled_from((*({"coding": [{"system": s, "code": c}]} for s, c in CODES), {"coding": [{"code": CODES[0][1]}]}, {"text": "words"})), max_size=2)))
    made["data"] = draw(rarely(st.lists(st.integers(0, 24).map(lambda n: {"meaning": "instance", "reference": {"reference": name(n)} if n else {"display": "that"}}), max_size=2)))
    made["dataPeriod"] = draw(rarely(periods()))
    made["modifierExtension"] = draw(rarely(st.just([{"url": "https://example.org/turns-it-around", "valueBoolean": True}]), 30))
    if not nested and draw(st.booleans()):
        made["provision"] = draw(rarely(st.lists(st.sampled_from(("deny", "deny", "permit")).flatmap(lambda t: rules(t, nested=True)), max_size=2), 5))
    return {k: v for k, v in made.items() if v}


@st.composite
def consents(draw: Any) -> Resource:
    """A Consent: as often whole as with things wrong."""
    whole = draw(st.booleans())
    kind = draw(st.sampled_from(COMMON) | st.sampled_from(KINDS))
    deny = kind in ("patient_directive_deny", "hie_opt_out") or draw(st.integers(0, 19)) == 0
    rule = draw(rules("deny" if deny != (draw(st.integers(0, 24)) == 0) else "permit"))
    if whole and not deny:
        rule["actor"] = [{"reference": {"reference": "Organization/x"}}, *rule.get("actor", [])]
        rule["period"] = {"end": (NOW + timedelta(days=30)).date().isoformat()}
    if whole and kind in RIGHT_KIND:
        rule["actor"] = [{"reference": {"reference": "Organization/x"}, "extension": [ext("recipient-kind", valueCode=RIGHT_KIND[kind])]}]
        rule["purpose"] = codings([draw(st.sampled_from(("TREAT", "HLEGAL", "HPAYMT")))], terms.ACT_REASON)
    own = {"part2_counseling_notes": ("SUDCN",), "hipaa_authorization": ("PSYTHPN", "HIPAAPsyNotes", "HIV", "HIV")}.get(kind)
    if own and draw(st.integers(0, 3)):
        rule["securityLabel"] = codings([draw(st.sampled_from(own))])
    if kind == "part2_proceedings" and draw(st.integers(0, 3)):
        rule["purpose"] = codings(["HLEGAL"])
    who = draw(st.sampled_from(PATIENTS))
    said = [ext(name_, valueBoolean=True) for name_ in STATEMENTS if whole or draw(mostly(True, st.just(False), 12))]
    expiry = draw(mostly("none", st.sampled_from(("None.", "the end of treatment", "")), 4))
    if expiry == "none" and not whole and kind != "part2_tpo_single" and draw(st.booleans()):
        rule["period"] = {"end": (NOW + timedelta(days=30)).date().isoformat()}
    said += [ext("part2-expiry-text", valueString=expiry)] if expiry else []
    said += [ext("part2-consent-kind", valueCode=kind)] if kind else []
    for name_, value in (("part2-expiry-event", {"valueCode": "other"}), ("part2-combined-with", {"valueCode": draw(st.sampled_from(KINDS))}),
                         ("consent-event-occurred", {"valueDateTime": draw(texts)}), ("consent-event-confirmed", {"valueDateTime": draw(texts)}),
                         ("consent-signer-authority", {"valueCode": draw(st.sampled_from(("minor", "patient")))}), ("restriction-grounds", {"valueCode": draw(st.sampled_from(("self_pay", "wish")))}), ("part2-content-text", {"valueString": "all"})):  # fmt: skip
        if draw(st.integers(0, 60 if whole else 14)) == 0:
            said.append(ext(name_, **value))
    status = draw(mostly("active", st.just("inactive") if whole else st.sampled_from(("inactive", "rejected", "proposed", "entered-in-error")), 6))
    if status == "inactive" and (whole or draw(st.booleans())) or draw(st.integers(0, 40)) == 0:
        said.append(ext("consent-ended-at", valueDateTime=draw(texts)))
    made: Resource = {
        "resourceType": "Consent", "status": status, "extension": said, "patient": {"reference": f"Patient/{who}"},
        "meta": {"lastUpdated": draw(mostly(NOW + timedelta(days=5), moments, 2)).isoformat()}, "dateTime": draw(mostly("2026-01-01T10:00:00Z", texts)),
        "performer": draw(mostly([{"reference": f"Patient/{who}"}], st.just([]) | st.just([{"display": "A. Person"}]), 15)),
        "organization": [{"reference": r} for r in draw(mostly([draw(st.sampled_from((PROGRAMS[SUD][0], HOUSE)))], some((HOUSE, "Organization/elsewhere", *(r for r, _ in PROGRAMS.values())), 0, 3), 2))],
        "category": [{"coding": codings(draw(mostly([], some(("HIPAASelfPay", "OPTOUT"), 1, 1), 12)))}],
        "modifierExtension": draw(rarely(st.just([{"url": "https://example.org/turns-it-around", "valueBoolean": True}]), 40)),
        "verification": [{"verified": True, "verificationDate": "2026-01-01"}],
        "provision": rule,
    }  # fmt: skip
    if draw(st.integers(0, 30)) == 0:
        made.pop(draw(st.sampled_from(("patient", "dateTime", "performer", "organization"))))
    return {k: v for k, v in made.items() if v}


def name(n: int) -> str:
    """The record with that number."""
    return f"{TYPES[n % len(TYPES)]}/r{n}"


@st.composite
def things(draw: Any, n: int) -> Thing:
    """A record; what it is about and where it was made as it comes."""
    laws = {"": 0, "part2": bases.PART2, "hiv": 1 << 5, "psy": bases.PSYCHOTHERAPY, "notes": bases.SUD_COUNSELING | bases.PART2, "two": bases.PART2 | 1 << 5,
            "minor": bases.MINOR, "new": bases.UNLABELLED, "asked": bases.PATIENT_REQUESTED}  # fmt: skip
    law = laws[draw(st.sampled_from(("", "", "part2", "part2", "part2", "hiv", "hiv", "psy", "notes", "two", "minor", "new", "asked")))]
    labels = frozenset(str(c["code"]) for c in bases.codings(law)) | frozenset(draw(rarely(some(("SUD",), 1, 1))) or ())
    origin = draw(mostly([SUD] if law & bases.PART2 else [MH], some((SUD, MH, MAT, 9)), 3))
    patient = draw(mostly(draw(st.sampled_from(PATIENTS)), st.none(), 12))
    return Thing(name(n).partition("/")[0], f"r{n}", patient, frozenset(origin), law, labels, frozenset(draw(some(CODES)) if name(n).partition("/")[0] in CODED else ()), draw(mostly(NOW, rarely(moments, 2), 2)))


@st.composite
def viewers(draw: Any) -> Viewer:
    purpose = draw(mostly("TREAT", st.sampled_from(PURPOSES), 2))
    now = draw(mostly(NOW, moments, 3))
    if draw(st.integers(0, 5)):
        others = ("class:treating-provider", "class:health-plan", "participant:Organization/net", "participant:Organization/net:Organization/x")
        return Viewer(True, tuple({draw(st.sampled_from(PARTIES[:4])), *draw(some(others))}), (), purpose, now)
    return Viewer(False, ("Practitioner/z",), tuple(draw(some(PROGRAMS, 0, 3))), purpose, now)


@st.composite
def ties(draw: Any) -> Tie:
    return Tie(draw(st.sampled_from(PATIENTS)), draw(st.sampled_from(PARTIES)), NOW + timedelta(days=draw(st.integers(-5, 1))), NOW + timedelta(days=draw(st.integers(0, 5))))


@st.composite
def named(draw: Any, signed: list[Resource]) -> Viewer:
    """Somebody whom one of the consents names, for a purpose that it names."""
    rule = draw(st.sampled_from(signed)).get("provision", {})
    references = [a["reference"].get("reference") for a in rule.get("actor", ()) if a["reference"].get("reference")] or ["Organization/x"]
    purposes = [p["code"] for p in rule.get("purpose", ())] or ["TREAT"]
    return Viewer(True, (draw(st.sampled_from(references)), *(draw(rarely(some(("class:treating-provider",), 1, 1))) or ())), (), draw(st.sampled_from(purposes)), draw(mostly(NOW, moments, 4)))


@st.composite
def worlds(draw: Any, *, records: int = 8, callers: int = 10) -> World:
    """A few patients' consents, and `records` times `callers` questions about them; half of the callers are named in one."""
    signed = draw(st.lists(consents(), min_size=1, max_size=4))
    asking = [draw(named(signed) if n % 2 else viewers()) for n in range(callers)]
    return World([draw(things(n)) for n in range(records)], signed, draw(st.lists(ties(), max_size=4)), asking)
