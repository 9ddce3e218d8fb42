"""Other FHIR servers: a client of theirs, asking about clients and bringing documents (IHE MHD)."""
