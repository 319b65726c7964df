"""What this context writes as wholes, a file for each noun."""
