"""Your security: what you sign in with, and where you are signed in."""
