"""For those who write programs against this server."""
