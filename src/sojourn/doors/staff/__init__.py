"""The staff app: one folder per screen, its template beside its handler."""
