"""Messages between colleagues, and the hand-over of a unit."""
