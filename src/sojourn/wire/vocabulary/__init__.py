"""Official release formats of code systems, read into concepts and maps: nothing is stored here."""
