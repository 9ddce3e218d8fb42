"""Release of information: choose, look at exactly what would leave, release."""
