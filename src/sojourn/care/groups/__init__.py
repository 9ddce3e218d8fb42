"""Group sessions: one screen for the group, one note for each client."""
