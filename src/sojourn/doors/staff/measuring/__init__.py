"""Answer a measure with somebody, or hand them the tablet: choose it, answer it, see what it comes to."""
