"""Notes: the list of a chart, the editor that loses nothing, one note, what waits for its author."""
