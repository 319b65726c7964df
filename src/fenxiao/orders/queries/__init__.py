"""Reads of orders: SQL to frozen dataclasses."""
