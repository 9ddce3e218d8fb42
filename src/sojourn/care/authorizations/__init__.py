"""Authorizations of payers: what was approved, what signed services took of it, and when it runs out."""
