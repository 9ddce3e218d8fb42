"""Code systems and the maps between them, for whoever looks after the exchange."""
