"""What follows from a write in its own transaction: every rule in the system."""

from __future__ import annotations

from sojourn.care.risk import opening
from sojourn.gate.consenting import episodes
from sojourn.gate.consequences import Consequence

CONSEQUENCES: tuple[Consequence, ...] = (episodes.CONSEQUENCE, opening.CONSEQUENCE)
