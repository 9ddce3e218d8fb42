"""One task: what it asks, and taking or ending it."""
