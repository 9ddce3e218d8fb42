"""Treatment plans: problem, goal, objective, intervention; their reviews, signatures and thread."""
