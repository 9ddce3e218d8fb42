"""C-CDA: clinical documents in XML, read into plain facts."""
