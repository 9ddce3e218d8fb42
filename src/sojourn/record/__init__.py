"""One record: every version of everything. The only SQL in the system."""
