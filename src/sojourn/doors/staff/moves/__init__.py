"""Moving on: transitions between levels of care, and discharges."""
