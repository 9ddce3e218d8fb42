"""One TOML file per instrument: its items, its rules for scoring, and where each comes from."""
