"""Danger: which answers open it, who is told, what is done, and how it is closed."""
