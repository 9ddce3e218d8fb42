"""Requests of patients about their record: amendments and restrictions."""
