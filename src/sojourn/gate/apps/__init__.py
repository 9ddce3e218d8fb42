"""Apps and services: registered, allowed by people, given tokens, ended."""
