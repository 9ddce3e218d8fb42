"""Why somebody can or cannot see something: the chain of reasons behind one answer of the gate."""
