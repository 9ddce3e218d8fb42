"""Papers from outside: the tray, one paper with its pages, and the papers of a chart."""
