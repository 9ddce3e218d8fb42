"""Cards that other systems show beside a chart: what is open in danger, consents and plans."""
