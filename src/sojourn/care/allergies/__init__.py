"""Allergies: what is known, what was asked and found to be none, and who says so."""
