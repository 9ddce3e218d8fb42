"""Authorizations: the board of whoever watches them, and those of one client."""
