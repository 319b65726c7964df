"""Reports: one file each with its parameters, its statement and its columns."""
