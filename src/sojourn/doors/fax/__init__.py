"""The door of faxes: a gateway dials; what leaves has a cover, what comes is in the tray."""
