"""From the first call to the admission: one case for each person, however often they call."""
