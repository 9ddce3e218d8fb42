"""FHIR R4 as plain values: codec, definitions, validation, search terms. No input, no output."""
