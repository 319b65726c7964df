"""Writes of orders, set-based: one statement for all rows of a kind, whatever the number of orders."""
