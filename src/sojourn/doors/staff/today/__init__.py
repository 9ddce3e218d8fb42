"""Today: what needs the person who signed in, now."""
