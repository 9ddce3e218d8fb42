"""A signed document: its words, who signed it, how it stands, and what may be done with it."""
