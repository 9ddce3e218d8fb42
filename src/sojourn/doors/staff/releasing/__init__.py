"""Requests for the release of information: list, form, packet, black passages, letters."""
