"""Many doors: each turns its own language into calls on care, money and Access."""
