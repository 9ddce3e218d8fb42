"""Rooms of clinical work: what is done with the record, and by which rules."""
