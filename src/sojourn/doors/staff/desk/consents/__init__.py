"""Consents: of one patient, captured, signed, taken back; and the queue of what needs somebody."""
