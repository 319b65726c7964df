"""What a plan's document, its place in time and its changes mean; no I/O, no clock, no settings."""
