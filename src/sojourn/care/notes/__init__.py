"""Notes: templates, what is written from them, checks before a signature, warnings while one types."""
