"""What an order's history means for the figures; no I/O."""
