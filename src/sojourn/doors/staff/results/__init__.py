"""Results: the inbox, one result with what is written about it, and the room of a chart."""
