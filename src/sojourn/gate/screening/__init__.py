"""Screening: likely mentions of something sensitive in text that nobody labelled. It asks, and never labels."""
