"""Subscriptions: who is told of what; each notification decided when it is sent."""
