"""Why somebody can or cannot see something."""
