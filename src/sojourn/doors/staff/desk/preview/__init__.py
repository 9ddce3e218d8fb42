"""What somebody else would see of a patient's record."""
