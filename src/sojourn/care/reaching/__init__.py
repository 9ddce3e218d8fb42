"""Reaching others: documents go to a partner by the first of its doors that works, and by a person where none does."""
