"""Asking outside: a partner is asked about a client; what it has is fetched and taken in."""
