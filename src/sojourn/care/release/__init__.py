"""Requests for the release of a record: asked, checked, looked at, released or refused, answered."""
