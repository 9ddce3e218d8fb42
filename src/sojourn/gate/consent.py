"""What the patient permits and forbids, as the gate knows it: see consenting/compiling.py."""

from __future__ import annotations

from sojourn.gate.consenting.compiling import Grant, Relation, _id_of, _moment, compiled, missing, self_paid
from sojourn.gate.consenting.validity import EVER, FOREVER

__all__ = ["EVER", "FOREVER", "Grant", "Relation", "_id_of", "_moment", "compiled", "missing", "self_paid"]
