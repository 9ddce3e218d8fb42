"""Danger in the chart: the state now, what to do next, and everything that happened."""
