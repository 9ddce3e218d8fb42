"""Forms: the room of a chart, a form being filled in, the library and its editor."""
