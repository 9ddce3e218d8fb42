"""What comes from others and goes to them: whose it is, into which program it is filed, and in which form it leaves."""
