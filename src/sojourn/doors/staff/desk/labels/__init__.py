"""Labels: questions that wait, decisions, lists of codes and laws with their dates, and what changed."""
