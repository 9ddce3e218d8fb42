"""Subscriptions at the FHIR door: begun and asked for by callers, told by a task of the server."""
