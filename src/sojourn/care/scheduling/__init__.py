"""Scheduling: appointments, groups and their weeks, who waits, and the hours delivered."""
