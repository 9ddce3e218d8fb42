"""Accounts, for those who manage them, and the invitations that they give out."""
