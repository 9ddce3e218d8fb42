"""Group sessions: the list, the one screen on which a group is written down, and its review."""
