"""The log of disclosures at the desk."""
