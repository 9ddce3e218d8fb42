"""Problems: what is treated, since when, by which program, and what has resolved."""
