"""The plan of a client: building, reviewing, signing it, and following one objective through time."""
