"""Laboratory orders: what can be ordered, from the order to the result, and orders that come again."""
