"""Questions to the author of a note about what may be sensitive in it."""
