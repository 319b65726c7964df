"""What notifications reads."""
