"""Warm hand-off to somebody outside: sent with consent, acknowledged, seen, reported back."""
