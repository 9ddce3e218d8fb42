"""Roles: what each may do, and whom it reaches."""
