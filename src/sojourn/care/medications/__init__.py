"""Medications by every source: changed with reasons, reconciled, compared with dated tables."""
