"""Operational reports: the page of tiles, one report with its rows, and its table as a file."""
