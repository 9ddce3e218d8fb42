"""Incidents: report one on a telephone, and look into those that were reported."""
