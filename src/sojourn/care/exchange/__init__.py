"""What comes from others and goes to them: whose it is, where it is filed, in which form it leaves."""
