"""The trail on the privacy officer's desk: search, export, reports for patients, unusual looking."""
