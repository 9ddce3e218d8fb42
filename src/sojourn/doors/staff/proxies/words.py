"""What an account of a client or proxy opens, in plain words."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sojourn.doors.staff.desk.labels.words import LAWS
from sojourn.gate import bases, minors
from sojourn.gate.patientaccounts import Right

RIGHTS = {
    "self": "It is their own record",
    "parent": "A parent acts for a child (45 CFR 164.502(g)(3))",
    "guardian": "A guardian or health care power of attorney (45 CFR 164.502(g)(2))",
    "consent": "A signed consent names them",
    "": "Nothing that you can see lets them in",
}
_APART = "Psychotherapy notes and SUD counseling notes, which nobody sees by an account."
_MINORS = "Care that a minor of {age} may consent to alone under the law of {states}: {subjects}.{doubt}"
_DOUBT = " No lawyer has checked this rule of ours yet."


def day(at: datetime | date) -> str:
    """`3 Mar 2026`."""
    return f"{at.day} {at:%b %Y}"


def term(right: Right) -> str:
    """From when until when."""
    start = f"since {day(right.since)}" if right.since else ""
    last = f"until {day(right.until - timedelta(seconds=1))}, then it ends by itself" if right.until else "with no end set" if right.kind not in ("", "self") else ""
    return ", ".join(filter(None, (start, last)))


def sees(right: Right) -> list[str]:
    """What they would see."""
    if right.kind == "self":
        return ["The whole record, of every program here: also what is under 42 CFR Part 2, and what is kept from others (45 CFR 164.524)."]
    if right.kind == "consent":
        kinds = f"Of the record only these kinds of entries: {', '.join(right.types)}." if right.types is not None else "Every kind of entry that the consent is about."
        return [kinds, "From whom, and what is under a law of its own, only as the words of the consent say."]
    if right.kind in ("parent", "guardian"):
        return ["The record of this client, of every kind, as it is written."]
    return []


def withheld(right: Right) -> list[str]:
    """What they would not see."""
    if right.kind == "":
        return []
    if right.kind == "self":
        return [_APART]
    said = []
    if right.kind in ("parent", "guardian"):
        said.append("Records of a Part 2 program, without a consent that says so (42 CFR 2.12, 2.14).")
    said.append(_APART)
    said.append("Care that the client consented to alone as a minor, and records of domestic or sexual violence, unless a consent opens them.")
    kept = [LAWS[b.name].lower() if b.name != "hiv" else "HIV" for b in bases.BASES if right.withheld & b.bit and b.name in ("mental_health", "hiv", "reproductive", "genetic", "part2")]
    if kept:
        said.append(_MINORS.format(age=right.age, states=" and ".join(right.states) or "the strictest state that is known here, since this organization has not said in which it works", subjects=", ".join(kept), doubt=_DOUBT if minors.unverified(right.states) else ""))
    said.append("What the client has asked to be kept from them, once that is agreed to.")
    return said
