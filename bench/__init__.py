"""Measurements of the whole server; `make bench`."""
