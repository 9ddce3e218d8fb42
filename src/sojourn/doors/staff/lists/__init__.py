"""Medications, allergies, problems of a chart; reconciling; the table they are compared with."""
