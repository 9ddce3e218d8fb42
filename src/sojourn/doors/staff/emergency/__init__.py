"""Emergency access: declare it, see that it is in force, end it."""
