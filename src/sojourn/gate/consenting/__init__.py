"""From a form to a signature to an end: what patients permit and forbid, as FHIR Consents."""
