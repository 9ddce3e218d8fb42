"""The privacy officer's desk: what waits for a decision, what left, and what may be seen."""
