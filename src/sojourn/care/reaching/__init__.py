"""Reaching others: documents go by the first door that works, and by a person where none does."""
