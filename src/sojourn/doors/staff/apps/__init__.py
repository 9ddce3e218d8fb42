"""Apps: the gallery, one's own, those opened from a chart, and registering and stopping them."""
