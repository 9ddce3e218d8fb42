"""Code systems and value sets as one asks them: from releases, from FHIR's own tables, from the organization's resources."""
