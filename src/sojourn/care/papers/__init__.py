"""Papers from outside: received once, put into one chart, and put right where that was the wrong one."""
