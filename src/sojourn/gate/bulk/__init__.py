"""Bulk Data: exports walked in parts, decided again as they leave; imports of the same."""
