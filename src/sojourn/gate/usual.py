"""The purposes that need no authorization for what no law of its own protects: TPO."""

from __future__ import annotations

from sojourn.gate import bases
from sojourn.gate.policy import tables


def outside_mask(purpose: str) -> int:
    """What passes to somebody outside whom a relation connects with the patient.

    For treatment, payment and operations what no law of its own protects (45 CFR 164.506); for anything else nothing (45 CFR 164.502(a), 164.508).
    """
    return bases.ORDINARY if any(purpose in tables.purposes(kind) for kind in ("treatment", "payment", "operations")) else 0
