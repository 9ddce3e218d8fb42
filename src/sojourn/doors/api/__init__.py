"""FHIR REST: one file per interaction."""
