"""Code systems and value sets: from releases, FHIR's own tables, resources of the organization."""
