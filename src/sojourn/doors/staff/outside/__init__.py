"""Asking outside: a partner is asked about a client, and what it has is fetched and taken into the chart."""
