"""Measures: questionnaires as data, and what their answers come to."""
