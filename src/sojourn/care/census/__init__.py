"""Beds and who is in them: units, holds that expire, and the census of any midnight."""
