"""Calling people who are not signed in when something urgent waits for them."""
