"""Use cases of this context, a file for each noun."""
