"""Admissions: the call sheet, the board of cases, and one case from the first call to the admission."""
