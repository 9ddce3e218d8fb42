"""What every screen shares. Knows no medicine."""
