"""Incidents: reported in a minute, told to whom the law names, learned from; outside the chart."""
