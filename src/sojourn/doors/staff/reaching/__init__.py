"""What makes roles reach further or less far, and how people sign in."""
