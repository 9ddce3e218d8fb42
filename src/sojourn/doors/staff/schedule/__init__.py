"""The schedule: calendars, arrivals, groups, who waits, reminders, hours delivered."""
