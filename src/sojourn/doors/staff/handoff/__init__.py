"""Hand-offs of a client to somebody outside, from the preview to the report back."""
