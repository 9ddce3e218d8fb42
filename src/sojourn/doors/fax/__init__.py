"""The door of faxes: a gateway that is not ours dials; what leaves has a cover sheet, what comes goes to the tray."""
