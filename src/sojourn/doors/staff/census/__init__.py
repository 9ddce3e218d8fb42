"""Beds and census: who is where now, and who was at any midnight."""
