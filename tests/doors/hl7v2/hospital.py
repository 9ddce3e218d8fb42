"""A hospital at the other end, for the tests of the message door: what it says of people and their visits."""

from __future__ import annotations

from sojourn.wire.hl7v2write import segment
from tests.doors.hl7v2.lab import LAB

HOSPITAL = LAB.__class__("mercy", "Mercy Hospital", applications=("MERCY",), authorities=LAB.authorities, timezone="America/New_York")


def adt(event: str, control: str = "H1", *, mrn: str = "R1", family: str = "Rivera", given: str = "Ana", born: str = "19880304", visit: str = "V1", kind: str = "I", place: str = "ICU^12^A",
        at: str = "20260304083000-0500", left: str = "", extra: str = "", pid: str = "", by: str = "RIVER") -> bytes:  # fmt: skip
    """What happened to somebody. pid: PID-11 and what follows."""
    fields = {1: "1", 2: kind, 3: (*place.split("^"), "MERCY"), 7: ("99", "Okafor", "Ngozi"), 14: "7", 19: (visit, "", "", "MERCY"), 36: "01", 44: "20260304080000-0500", 45: left}
    pv1 = segment("PV1", fields) + "\r" if visit else ""
    return (
        f"MSH|^~\\&|MERCY|MERCY|SOJOURN|RIVER|{at}||ADT^{event}|{control}|P|2.5.1\rEVN|{event}|{at}\rPID|1||{mrn}^^^{by}^MR||{family}^{given}||{born}|F|||{pid}\r{pv1}{extra}"
    ).encode()


IN1 = segment("IN1", {1: "1", 2: ("PPO", "Plan"), 3: "77", 4: "Blue Payer", 8: "G9", 12: "20260101", 16: ("Rivera", "Ana"), 17: "SEL", 36: "POL1"}) + "\r"
