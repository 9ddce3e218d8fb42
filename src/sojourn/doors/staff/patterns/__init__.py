"""Every component, once."""
