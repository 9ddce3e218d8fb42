"""The first page: what this is, and how to get in."""
