"""Screening: likely mentions in text that nobody labelled. It asks, and never labels."""
