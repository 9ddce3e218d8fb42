"""Clinical documents from outside (C-CDA): opened, labelled, compared, taken over line by line."""
