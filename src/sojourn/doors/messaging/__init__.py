"""FHIR messages: what partners send to $process-message is read, and filed as what comes by HL7 v2 is."""
