"""A file for each channel: what it is told, how it is asked, and how its words are read."""
