"""What comes from others: whose it is, and into which program it is filed."""
