"""One patient on one screen."""
