"""Who is on call and who is away: the week, and changing it."""
