"""Forms: any FHIR Questionnaire filled in, checked and kept; the organization's own in versions."""
