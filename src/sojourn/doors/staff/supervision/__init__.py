"""Credentials, the queue to co-sign, and the log of supervision."""
