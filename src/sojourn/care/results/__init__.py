"""Results of the laboratory: who looks at them by when, what was done about them, and how values move."""
