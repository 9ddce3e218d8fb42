"""Messages to a person, whoever is on duty, a team or a unit; and the shift report of a unit."""
