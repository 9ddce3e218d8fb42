"""Deadlines, limits and lists of care: what is shipped, and what this organization set instead."""
