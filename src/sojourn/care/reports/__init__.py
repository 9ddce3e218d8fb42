"""Operational reports: what is counted, from what, for any day; each figure opens into its rows."""
