"""A device in a client's hands: hand it over, one page on it, and take it back."""
