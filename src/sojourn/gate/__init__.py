"""One gate: who asks, why, and what may pass. Nothing reaches the record another way."""
